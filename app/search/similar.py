"""Similar items: products that look like a product."""

from typing import Any

import psycopg
from psycopg.rows import dict_row

from app.database import query
from app.items.keys import ItemKey
from app.search.answers import SimilarItems
from app.search.errors import NoModelError, NotEmbeddedError, UnknownItemError
from app.search.nearest import nearest
from app.search.options import FIRST_PHOTO, PhotoChoice, SearchOptions
from app.search.query import SearchQuery


def similar_items(
    connection: psycopg.Connection[Any],
    key: ItemKey,
    options: SearchOptions,
    photos: PhotoChoice = FIRST_PHOTO,
) -> SimilarItems:
    """Find the listed products that look most like one of them.

    Args:
        connection: a connection; all statements run in its transaction.
        key: the product.
        options: how many products, which ones, how varied.
        photos: whether to compare with the product's first photo, or with all of them.

    Returns:
        `top_n` products whenever so many match, itself never among them.

    Raises:
        NoModelError: no model is active.
        UnknownItemError: there is no such product.
        NotEmbeddedError: it has no vector; the text says why.
    """
    states = _searchable(connection, key)
    product = states[0]
    asked: dict[str, Any] = {"item_id": product["item_id"], "sku": product["sku"]}
    if photos != FIRST_PHOTO:
        asked["photos"] = photos
    vectors = [state["embedding"] for state in states]
    search_query = SearchQuery(
        model=product["model"],
        embeddings=tuple(vectors if photos == "all" else vectors[:1]),
        asked=asked,
        excluded=[product["item_id"]],
        photos=frozenset(product["photos"]),
    )
    return nearest(connection, search_query, options)


def _searchable(connection: psycopg.Connection[Any], key: ItemKey) -> list[dict[str, Any]]:
    """Return the rows of `fetch_item_state`, or raise why the product can't be searched for."""
    with connection.cursor(row_factory=dict_row) as cursor:
        states = cursor.execute(query(__package__, "fetch_item_state"), key.parameters).fetchall()
    state = states[0]  # there is always one row
    if state["item_id"] is None:
        raise UnknownItemError.named(key)
    if state["removed"]:
        raise UnknownItemError(f"product {key} is not listed any more")
    if state["model"] is None:
        raise NoModelError
    if state["embedding"] is not None:
        return states
    if not state["has_photo"]:
        raise NotEmbeddedError(f"product {key} has no photo")
    if state["last_error"] is not None:
        raise NotEmbeddedError(
            f"the photo of product {key} can't be embedded: {state['last_error']}"
        )
    raise NotEmbeddedError(
        f"product {key} is not embedded by {state['model']} yet: run `lookalike embed`, "
        "or wait for the worker"
    )
