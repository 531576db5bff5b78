"""Near-identical pairs in the catalog, a page at a time."""

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row
from pydantic import BaseModel, Field

from app.database import query
from app.items import cursors
from app.search.by_photo import hold_active_model

QUESTION = cursors.digest("duplicates")


@dataclass(frozen=True)
class PageBudget:
    """How much work a page may be."""

    products: int = 300
    """Products whose neighbours are looked for, at most: a millisecond or two each."""
    vectors: int = 300_000
    """Vectors compared, at most, where there is no index to search by."""
    batch: int = 10
    """Products looked at between two looks at whether the page is full."""


class Pair(BaseModel):
    """Two products with photos that are the same, or nearly the same."""

    item_id: int = Field(description="the one with the smaller item_id")
    sku: str
    duplicate_id: int
    duplicate_sku: str
    distance: float = Field(description="1 - cosine similarity; 0 where it is the same file")
    same_file: bool = Field(description="whether they share a photo, byte by byte")


class Duplicates(BaseModel):
    """A page of pairs, by item_id and duplicate_id."""

    pairs: list[Pair] = Field(description="few or none where only few products were looked at")
    next_cursor: str | None = Field(description="null once every product was looked at")


def list_duplicates(
    connection: psycopg.Connection[Any],
    limit: int = 20,
    cursor: str | None = None,
    budget: PageBudget | None = None,
) -> Duplicates:
    """Return a page of the near-identical pairs among the listed products, each pair once.

    A page ends at `limit` pairs, or once its budget is spent.

    Args:
        connection: a connection.
        limit: how many pairs at most.
        cursor: `next_cursor` of the page before; None for the first.
        budget: how much work the page may be.

    Raises:
        CursorError: the cursor is none of this list's.
        NoModelError: no model is active.
    """
    budget = budget or PageBudget()
    after = (1, 1) if cursor is None else cursors.decode(cursor, QUESTION, 2)
    hold_active_model(connection)
    share = _share(connection, budget)
    parameters = {"first": after[0], "limit": share + 1}
    found = connection.execute(query(__package__, "list_pictured"), parameters).fetchall()
    products = [item_id for (item_id,) in found]
    pairs: list[Pair] = []
    for at in range(0, min(share, len(products)), budget.batch):
        some = products[at : min(share, at + budget.batch)]
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


def _share(connection: psycopg.Connection[Any], budget: PageBudget) -> int:
    """Return how many products a page may look at."""
    row = connection.execute(query(__package__, "count_comparable")).fetchone()
    assert row is not None  # noqa: S101 - it has no FROM
    indexed, photos = row
    affordable: int = budget.vectors // max(1, photos)
    return budget.products if indexed else min(budget.products, 1 + affordable)


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
        return rows.execute(query(__package__, "list_duplicates"), parameters).fetchall()
