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
    """The maximum work for a page."""

    products: int = 300
    """Products whose neighbours are searched, one or two milliseconds each."""
    vectors: int = 300_000
    """Vectors that are compared if there is no index."""
    batch: int = 10
    """Products searched in one statement."""


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

    pairs: list[Pair] = Field(
        description="may be few or none, since a page looks at a limited number of products"
    )
    next_cursor: str | None = Field(description="null on the last page")


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
        limit: maximum number of pairs.
        cursor: `next_cursor` of the page before; None for the first.
        budget: the maximum work for the page.

    Raises:
        CursorError: the cursor is of another request, or invalid.
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
