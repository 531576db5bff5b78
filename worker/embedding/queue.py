"""The queue `embedding_jobs`: filled by comparison, drained in batches. The caller commits."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, NamedTuple

import psycopg

from app.database import query

MAX_ATTEMPTS = 5
"""How many workers may die over a photo before it is set aside."""

PATIENCE = "10min"
"""How long the server waits for a word about a claimed batch before another worker may have it."""


class Job(NamedTuple):
    """A photo to embed."""

    item_id: int
    image_path: str
    image_sha256: str
    needed: bool
    """False where product, photo or need has gone since the job was queued."""


class Claim(NamedTuple):
    """What a worker got to do."""

    jobs: list[Job]
    set_aside: int
    """Jobs that were set aside on the way, since workers keep dying over them."""


def reconcile(connection: psycopg.Connection[Any], model_id: int, *, revive: bool) -> None:
    """Queue whatever lacks a current vector; drop the jobs that nobody needs any more.

    Args:
        connection: in a transaction.
        model_id: the model.
        revive: queue photos that couldn't be read once more; a photo that was read and can't be
            decoded stays failed.
    """
    for name in ("forget", "reconcile", *(["revive"] if revive else [])):
        connection.execute(query(__package__, name), {"model_id": model_id})


def count_pending(connection: psycopg.Connection[Any], model_id: int) -> int:
    """Count the jobs still to work on, those that other workers are at included."""
    row = connection.execute(query(__package__, "pending"), {"model_id": model_id}).fetchone()
    return int(row[0]) if row else 0


def claim(
    connection: psycopg.Connection[Any], model_id: int, batch_size: int, *, suspect: bool = False
) -> Claim:
    """Count an attempt of the next batch, commit that, and claim the batch.

    The jobs stay claimed until the caller ends the transaction in which this returns; a worker
    that dies gives them back with the attempt counted.

    Args:
        connection: outside a transaction.
        model_id: the model.
        batch_size: how many photos to claim, of those that no worker has begun.
        suspect: claim instead one photo that a worker was at when it ended.

    Returns:
        The jobs, by item id; none where there is no work or other workers have all of it.
    """
    parameters = {
        "model_id": model_id,
        "max_attempts": MAX_ATTEMPTS,
        "batch_size": 1 if suspect else batch_size,
        "least_attempts": 1 if suspect else 0,
        "most_attempts": MAX_ATTEMPTS if suspect else 0,
    }
    with _choosing(connection, model_id):
        set_aside = connection.execute(query(__package__, "give_up"), parameters).rowcount
        chosen = connection.execute(query(__package__, "count_attempt"), parameters).fetchall()
        connection.commit()
        rows = connection.execute(
            query(__package__, "claim"),
            {"model_id": model_id, "item_ids": [item_id for (item_id,) in chosen]},
        ).fetchall()
    return Claim([Job(*row) for row in rows], set_aside)


@contextmanager
def _choosing(connection: psycopg.Connection[Any], model_id: int) -> Iterator[None]:
    parameters = {"model_id": model_id, "patience": PATIENCE}
    connection.execute(query(__package__, "lock"), parameters)
    try:
        yield
    except BaseException:
        # The lock is the session's: it outlives the transaction, and the connection's return to
        # the pool. Only a lost connection takes it along.
        if not connection.closed:
            connection.rollback()
        raise
    finally:
        if not connection.closed:
            connection.execute(query(__package__, "unlock"), parameters)


def release(connection: psycopg.Connection[Any], model_id: int, jobs: list[Job]) -> None:
    """Take back the attempt that was counted of claimed jobs: something else was in the way."""
    connection.execute(
        query(__package__, "release"),
        {"model_id": model_id, "item_ids": [job.item_id for job in jobs]},
    )


class Owed:
    """Attempts of this process that can't be taken back yet, since a connection was lost.

    It outlives connections, pools and lanes, as the process does: what is counted over is that a
    worker ends, not that its database does.
    """

    def __init__(self) -> None:
        self._jobs: dict[int, list[Job]] = {}
        self._lock = Lock()

    def note(self, model_id: int, jobs: list[Job]) -> None:
        """Note that the attempts of these jobs came to nothing through no fault of theirs."""
        with self._lock:
            self._jobs.setdefault(model_id, []).extend(jobs)

    def settle(self, connection: psycopg.Connection[Any], model_id: int) -> None:
        """Take back what was noted for a model, and commit that."""
        with self._lock:
            if model_id in self._jobs:
                release(connection, model_id, self._jobs[model_id])
                connection.commit()
                del self._jobs[model_id]


def finish(connection: psycopg.Connection[Any], model_id: int, item_ids: list[int]) -> None:
    """Delete finished jobs."""
    connection.execute(query(__package__, "finish"), {"model_id": model_id, "item_ids": item_ids})


def fail(
    connection: psycopg.Connection[Any], model_id: int, job: Job, reason: str, *, may_pass: bool
) -> None:
    """Set a claimed job aside.

    Args:
        connection: in the transaction that claimed the job.
        model_id: the model.
        job: the job.
        reason: why it can't be done.
        may_pass: whether that may have passed by the next run.
    """
    connection.execute(
        query(__package__, "fail"),
        {
            "model_id": model_id,
            "item_id": job.item_id,
            "image_sha256": job.image_sha256,
            "reason": reason,
            "may_pass": may_pass,
        },
    )
