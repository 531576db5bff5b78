"""Near-identical pairs in the catalog, a page at a time."""

from typing import Any

import psycopg
from psycopg.rows import class_row
from pydantic import BaseModel, Field

from app.database import query
from app.items import cursors
from app.search.by_photo import active_model

MAX_LOOKED_AT = 300
"""Products whose neighbours are looked for on a page, at most: a millisecond or two each."""

MAX_COMPARED = 300_000
"""Vectors compared for a page, at most, where there is no index to search by."""

AT_ONCE = 10
"""Products looked at between two looks at whether the page is full."""

QUESTION = cursors.digest("duplicates")


class Pair(BaseModel):
    """Two products with photos that are the same, or all but."""

    item_id: int = Field(description="the one with the smaller id")
    duplicate_id: int
    distance: float = Field(description="1 - cosine similarity; 0 where it is the same file")
    same_file: bool = Field(description="whether their photos are the same, byte by byte")


class Duplicates(BaseModel):
    """A page of pairs, by item id and duplicate id."""

    pairs: list[Pair] = Field(description="few or none where only few products were looked at")
    next_cursor: str | None = Field(description="null once every product was looked at")


def list_duplicates(
    connection: psycopg.Connection[Any], limit: int = 20, cursor: str | None = None
) -> Duplicates:
    """Return a page of the near-identical pairs among the products on sale, each pair once.

    A page ends at `limit` pairs, or once its share of the products was looked at.

    Args:
        connection: a connection.
        limit: how many pairs at most.
        cursor: `next_cursor` of the page before; None for the first.

    Raises:
        CursorError: the cursor is none of this list's.
        NoModelError: no model is active.
    """
    after = (1, 1) if cursor is None else cursors.decode(cursor, QUESTION, 2)
    active_model(connection)
    share = _share(connection)
    parameters = {"first": after[0], "limit": share + 1}
    found = connection.execute(query(__package__, "next_products"), parameters).fetchall()
    products = [item_id for (item_id,) in found]
    pairs: list[Pair] = []
    for at in range(0, min(share, len(products)), AT_ONCE):
        some = products[at : min(share, at + AT_ONCE)]
        pairs += _pairs(connection, some, after, limit + 1 - len(pairs))
        if len(pairs) > limit:
            break
    following = None
    if len(pairs) > limit:
        following = (pairs[limit - 1].item_id, pairs[limit - 1].duplicate_id)
    elif len(products) > share:
        following = (products[share - 1] + 1, 1)
    next_cursor = None if following is None else cursors.encode(following, QUESTION)
    return Duplicates(pairs=pairs[:limit], next_cursor=next_cursor)


def _share(connection: psycopg.Connection[Any]) -> int:
    """Return how many products a page may look at."""
    row = connection.execute(query(__package__, "comparable")).fetchone()
    assert row is not None  # noqa: S101 - it has no FROM
    indexed, products = row
    affordable: int = MAX_COMPARED // max(1, products)
    return MAX_LOOKED_AT if indexed else min(MAX_LOOKED_AT, 1 + affordable)


def _pairs(
    connection: psycopg.Connection[Any], products: list[int], after: tuple[int, ...], limit: int
) -> list[Pair]:
    parameters = {
        "first": products[0],
        "last": products[-1],
        "item_id": after[0],
        "duplicate_id": after[1],
        "limit": limit,
    }
    with connection.cursor(row_factory=class_row(Pair)) as rows:
        return rows.execute(query(__package__, "duplicates"), parameters).fetchall()
