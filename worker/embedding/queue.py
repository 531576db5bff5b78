"""The queue `embedding_jobs`: filled by comparison, drained in batches. The caller commits."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import psycopg

from app.database import query

MAX_ATTEMPTS = 3
"""How many workers may die over a photo before it is set aside."""

# Held from the choice of a batch to its claim, so that no other worker counts an attempt of it.
LOCK = "SELECT pg_advisory_lock(hashtext('lookalike claim'), %(model_id)s)"
UNLOCK = "SELECT pg_advisory_unlock(hashtext('lookalike claim'), %(model_id)s)"


class Job(NamedTuple):
    """A photo to embed."""

    item_id: int
    image_path: str
    image_sha256: str
    needed: bool
    """False where product, photo or need has gone since the job was queued."""


def reconcile(connection: psycopg.Connection[Any], model_id: int) -> None:
    """Queue whatever lacks a current vector; drop the jobs that nobody needs any more."""
    connection.execute(query(__package__, "forget"), {"model_id": model_id})
    connection.execute(query(__package__, "reconcile"), {"model_id": model_id})


def count_pending(connection: psycopg.Connection[Any], model_id: int) -> int:
    """Count the jobs that can be worked on now."""
    row = connection.execute(query(__package__, "pending"), {"model_id": model_id}).fetchone()
    return int(row[0]) if row else 0


def claim(connection: psycopg.Connection[Any], model_id: int, batch_size: int) -> list[Job]:
    """Count an attempt of the next batch, commit that, and claim the batch.

    The jobs stay claimed until the caller ends the transaction in which this returns; a worker
    that dies gives them back with the attempt counted.

    Returns:
        The jobs, by item id; none when there is no work.
    """
    parameters: dict[str, Any] = {"model_id": model_id}
    with _choosing(connection, parameters):
        connection.execute(
            query(__package__, "give_up"), {**parameters, "max_attempts": MAX_ATTEMPTS}
        )
        chosen = connection.execute(
            query(__package__, "count_attempt"), {**parameters, "batch_size": batch_size}
        ).fetchall()
        connection.commit()
        rows = connection.execute(
            query(__package__, "claim"), {**parameters, "item_ids": [row[0] for row in chosen]}
        ).fetchall()
        return [Job(*row) for row in rows]


@contextmanager
def _choosing(connection: psycopg.Connection[Any], parameters: dict[str, Any]) -> Iterator[None]:
    connection.execute(LOCK, parameters)
    try:
        yield
    except psycopg.Error:
        # The lock outlives a failed transaction, and the connection goes back to a pool.
        if not connection.broken:
            connection.rollback()
        raise
    finally:
        if not connection.broken:
            connection.execute(UNLOCK, parameters)


def finish(connection: psycopg.Connection[Any], model_id: int, item_ids: list[int]) -> None:
    """Delete finished jobs."""
    connection.execute(query(__package__, "finish"), {"model_id": model_id, "item_ids": item_ids})


def fail(connection: psycopg.Connection[Any], model_id: int, item_id: int, reason: str) -> None:
    """Set a job aside with the reason why it can't be done."""
    connection.execute(
        query(__package__, "fail"),
        {"model_id": model_id, "item_id": item_id, "reason": reason},
    )
