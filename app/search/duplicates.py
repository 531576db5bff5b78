"""Near-identical pairs in the catalog, a page at a time."""

import time
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.rows import class_row
from pydantic import BaseModel, Field

from app.database import query
from app.items import cursors
from app.search.by_photo import hold_active_model
from app.search.variety import DUPLICATE_DISTANCE

MIN_SIMILARITY = 1 - DUPLICATE_DISTANCE
"""Cosine similarity from which two photos count as the same picture."""

LEAST_SIMILARITY = 0.8
"""The least similarity that can be asked for: what is less alike is no duplicate."""


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
    min_similarity: float = MIN_SIMILARITY,
    budget: PageBudget | None = None,
) -> Duplicates:
    """Return a page of the near-identical pairs among the listed products, each pair once.

    A page ends at `limit` pairs, or once its budget is spent.

    Args:
        connection: a connection.
        limit: maximum number of pairs.
        cursor: `next_cursor` of the page before; None for the first.
        min_similarity: the least cosine similarity of two photos that are no copies of one file.
        budget: the maximum work for the page.

    Raises:
        CursorError: the cursor is of another request, or invalid.
        NoModelError: no model is active.
    """
    budget = budget or PageBudget()
    question = _question(min_similarity)
    after = (1, 1) if cursor is None else cursors.decode(cursor, question, 2)
    # Rounded, since 1 - 0.99 is more than 0.01.
    max_distance = round(1 - min_similarity, 9)
    hold_active_model(connection)
    share = _share(connection, budget)
    parameters = {"first": after[0], "limit": share + 1}
    found = connection.execute(query(__package__, "list_pictured"), parameters).fetchall()
    products = [item_id for (item_id,) in found]
    pairs: list[Pair] = []
    for at in range(0, min(share, len(products)), budget.batch):
        some = products[at : min(share, at + budget.batch)]
        pairs += _pairs(connection, some, after, limit + 1 - len(pairs), max_distance)
        if len(pairs) > limit:
            break
    following = None
    if len(pairs) > limit:
        following = (pairs[limit - 1].item_id, pairs[limit - 1].duplicate_id)
    elif len(products) > share:
        following = (products[share - 1] + 1, 1)
    next_cursor = None if following is None else cursors.encode(following, question)
    return Duplicates(pairs=pairs[:limit], next_cursor=next_cursor)


def fill_page(
    connection: psycopg.Connection[Any],
    limit: int,
    cursor: str | None,
    min_similarity: float,
    seconds: float,
) -> Duplicates:
    """Return a page of pairs that ends at `limit` pairs, or when so many seconds are over.

    Args:
        connection: a connection.
        limit: maximum number of pairs.
        cursor: `next_cursor` of the page before; None for the first.
        min_similarity: as for `list_duplicates`.
        seconds: how long to look on while there are fewer pairs.

    Raises:
        CursorError: the cursor is of another request, or invalid.
        NoModelError: no model is active.
    """
    until = time.monotonic() + seconds
    page = list_duplicates(connection, limit, cursor, min_similarity)
    pairs = page.pairs
    while page.next_cursor and len(pairs) < limit and time.monotonic() < until:
        page = list_duplicates(connection, limit - len(pairs), page.next_cursor, min_similarity)
        pairs += page.pairs
    return Duplicates(pairs=pairs, next_cursor=page.next_cursor)


def looked_through(
    connection: psycopg.Connection[Any], next_cursor: str | None, min_similarity: float
) -> float:
    """Return which share of the catalog lies before a cursor, 0 to 1; 1 without one."""
    if next_cursor is None:
        return 1.0
    first, _ = cursors.decode(next_cursor, _question(min_similarity), 2)
    row = connection.execute(query(__package__, "count_looked_through"), {"first": first})
    before, products = row.fetchone() or (0, 0)
    return before / max(1, products)


def _question(min_similarity: float) -> str:
    return cursors.digest("duplicates", min_similarity)


def _share(connection: psycopg.Connection[Any], budget: PageBudget) -> int:
    """Return how many products a page may look at."""
    row = connection.execute(query(__package__, "count_comparable")).fetchone()
    assert row is not None  # noqa: S101 - it has no FROM
    indexed, photos = row
    affordable: int = budget.vectors // max(1, photos)
    return budget.products if indexed else min(budget.products, 1 + affordable)


def _pairs(
    connection: psycopg.Connection[Any],
    products: list[int],
    after: tuple[int, ...],
    limit: int,
    max_distance: float,
) -> list[Pair]:
    parameters = {
        "first": products[0],
        "last": products[-1],
        "item_id": after[0],
        "duplicate_id": after[1],
        "limit": limit,
        "max_distance": max_distance,
    }
    with connection.cursor(row_factory=class_row(Pair)) as rows:
        return rows.execute(query(__package__, "list_duplicates"), parameters).fetchall()
