"""Deleting products permanently, with their photos, vectors and jobs."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import psycopg

from app.database import query
from app.errors import LookalikeError

NAMED = 5
"""Most unknown skus listed in a message."""


@dataclass(frozen=True)
class Deletion:
    """Products to delete, and the number of their photos and vectors."""

    item_ids: list[int]
    photos: int
    embeddings: int


def plan_deletion(
    connection: psycopg.Connection[Any], skus: Sequence[str], removed_before: date | None = None
) -> Deletion:
    """Find the products to delete: by their skus, and those removed before a date.

    Raises:
        LookalikeError: there is no product with one of the skus.
    """
    found = dict(connection.execute(query(__package__, "find_items"), {"skus": list(skus)}))
    unknown = [sku for sku in dict.fromkeys(skus) if sku not in found]
    if unknown:
        more = f" and {len(unknown) - NAMED:,} more" if len(unknown) > NAMED else ""
        raise LookalikeError(
            f"there is no product {', '.join(map(repr, unknown[:NAMED]))}{more}: "
            "nothing was deleted"
        )
    ids = set(found.values())
    if removed_before is not None:
        rows = connection.execute(
            query(__package__, "find_items_removed_before"), {"date": removed_before}
        )
        ids |= {item_id for (item_id,) in rows}
    row = connection.execute(query(__package__, "count_deletions"), {"ids": list(ids)}).fetchone()
    assert row is not None  # noqa: S101 - an aggregate gives a row
    return Deletion(sorted(ids), *row)


def delete_items(connection: psycopg.Connection[Any], item_ids: Sequence[int]) -> None:
    """Delete products with their photos, vectors and jobs. The caller commits.

    Args:
        connection: in a transaction that holds `Lock.INGEST`.
        item_ids: the products' ids.
    """
    # Vectors last: a worker may still write some while there is a job or a photo to lock.
    for step in ("delete_jobs", "delete_photos", "delete_items", "delete_embeddings"):
        connection.execute(query(__package__, step), {"ids": list(item_ids)})
