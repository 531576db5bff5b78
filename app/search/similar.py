"""Similar items: products that look like a product."""

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from psycopg.rows import dict_row

from app.database import query
from app.errors import LookalikeError
from app.items.keys import ItemKey
from app.items.product import Product
from app.search.answers import SimilarItems
from app.search.errors import NoModelError, NotEmbeddedError, UnknownItemError
from app.search.nearest import Found, answer, find_each, first_pool
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
        connection: to the database; an answer that needn't be varied is one statement.
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
    (found,) = similar_to_each(connection, [key], options, photos)
    if isinstance(found, LookalikeError):
        raise found
    return found


def similarity_of(connection: psycopg.Connection[Any], one: Product, other: Product) -> float:
    """Return the cosine similarity of two listed products' first photos, -1 to 1.

    Raises:
        NoModelError: no model is active.
        NotEmbeddedError: one of them has no vector; the text says why.
    """
    parameters = {"one": one.item_id, "other": other.item_id}
    row = connection.execute(query(__package__, "fetch_similarity"), parameters).fetchone()
    assert row is not None  # noqa: S101
    similarity, first_is_embedded = row
    if similarity is None:
        lacking = other if first_is_embedded else one
        raise _why_not(connection, [ItemKey.from_json(lacking.sku)])[0]
    return float(similarity)


def similar_to_each(
    connection: psycopg.Connection[Any],
    keys: Sequence[ItemKey],
    options: SearchOptions,
    photos: PhotoChoice = FIRST_PHOTO,
) -> list[SimilarItems | UnknownItemError | NotEmbeddedError]:
    """Find the listed products that look most like each of some.

    Args:
        connection: to the database; all is one statement, unless the answers are to be varied: that
            takes many candidates, with their vectors, so that it is one for each product.
        keys: the products.
        options: how many products to find for each, which ones, how varied.
        photos: whether to compare with a product's first photo, or with all of them.

    Returns:
        For each key what `similar_items` returns or raises.

    Raises:
        NoModelError: no model is active.
    """

    def find(asked: Sequence[ItemKey], pool: int) -> dict[int, Found]:
        parameters = {**_parameters(asked), "all_photos": photos == "all"}
        return find_each(connection, "near_products", parameters, options, pool)

    def answer_one(key: ItemKey, found: Found) -> SimilarItems:
        product = found.query
        asked: dict[str, Any] = {"item_id": product["_item_id"], "sku": product["_sku"]}
        if photos != FIRST_PHOTO:
            asked["photos"] = photos
        search_query = SearchQuery(
            product["_model"], asked, photos=frozenset(product.get("_photos", ()))
        )
        return answer(connection, search_query, options, found, lambda pool: find([key], pool)[1])

    pool = first_pool(options)
    answers: dict[int, SimilarItems] = {}
    for start, some in _parts(keys, 1 if options.how.varied else len(keys)):
        for number, found in find(some, pool).items():
            answers[start + number - 1] = answer_one(some[number - 1], found)
    missing = [key for at, key in enumerate(keys) if at not in answers]
    reasons = iter(_why_not(connection, missing) if missing else ())
    return [answers.get(at) or next(reasons) for at in range(len(keys))]


def _parts(keys: Sequence[ItemKey], size: int) -> Iterator[tuple[int, Sequence[ItemKey]]]:
    for start in range(0, len(keys), size):
        yield start, keys[start : start + size]


def _parameters(keys: Sequence[ItemKey]) -> dict[str, Any]:
    return {"skus": [key.sku for key in keys], "item_ids": [key.item_id for key in keys]}


def _why_not(
    connection: psycopg.Connection[Any], keys: Sequence[ItemKey]
) -> list[UnknownItemError | NotEmbeddedError]:
    """Return why each of some products can't be searched for."""
    with connection.cursor(row_factory=dict_row) as cursor:
        states = cursor.execute(query(__package__, "fetch_item_states"), _parameters(keys))
        return [_reason(keys[state["number"] - 1], state) for state in states.fetchall()]


def _reason(key: ItemKey, state: dict[str, Any]) -> UnknownItemError | NotEmbeddedError:
    if state["item_id"] is None:
        return UnknownItemError.named(key)
    if state["removed"]:
        return UnknownItemError(f"product {key} is not listed any more")
    if state["model"] is None:
        raise NoModelError
    if not state["has_photo"]:
        return NotEmbeddedError(f"product {key} has no photo")
    if state["last_error"] is not None:
        return NotEmbeddedError(
            f"the photo of product {key} can't be embedded: {state['last_error']}"
        )
    return NotEmbeddedError(
        f"product {key} is not embedded by {state['model']} yet: run `lookalike embed`, "
        "or wait for the worker"
    )
