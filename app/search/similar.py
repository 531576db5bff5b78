"""Similar items: products that look like a product."""

from typing import Any

import psycopg
from psycopg.rows import dict_row

from app.database import query
from app.search.answers import SimilarItems
from app.search.errors import NoModelError, NotEmbeddedError, UnknownItemError
from app.search.nearest import Question, nearest
from app.search.options import SearchOptions


def similar_items(
    connection: psycopg.Connection[Any], item_id: int, options: SearchOptions | None = None
) -> SimilarItems:
    """Find the products on sale that look most like one of them.

    Args:
        connection: a connection; all statements run in its transaction.
        item_id: the product.
        options: how many, which, how varied; the five most similar by default.

    Returns:
        `top_n` products whenever so many match, itself never among them.

    Raises:
        NoModelError: no model is active.
        UnknownItemError: there is no such product.
        NotEmbeddedError: it has no vector; the text says why.
    """
    state = _searchable(connection, item_id)
    question = Question(
        model=state["model"],
        embedding=state["embedding"],
        asked={"item_id": item_id},
        excluded=[item_id],
        photos=frozenset([state["image_sha256"]]),
    )
    return nearest(connection, question, options or SearchOptions())


def _searchable(connection: psycopg.Connection[Any], item_id: int) -> dict[str, Any]:
    """Return what `item_state` says of a product, or raise what stands in the way of a search."""
    with connection.cursor(row_factory=dict_row) as cursor:
        state = cursor.execute(query(__package__, "item_state"), {"item_id": item_id}).fetchone()
    assert state is not None  # noqa: S101 - the query starts from one row
    if not state["known"]:
        raise UnknownItemError(f"no product has the id {item_id}")
    if state["removed"]:
        raise UnknownItemError(f"product {item_id} has left the catalog")
    if state["model"] is None:
        raise NoModelError
    if state["embedding"] is not None:
        return state
    if not state["has_photo"]:
        raise NotEmbeddedError(f"product {item_id} has no photo, so nothing can look like it")
    if state["last_error"] is not None:
        raise NotEmbeddedError(
            f"the photo of product {item_id} can't be embedded: {state['last_error']}"
        )
    raise NotEmbeddedError(
        f"product {item_id} is not embedded by {state['model']} yet: run `lookalike embed`, "
        "or wait for the worker"
    )
