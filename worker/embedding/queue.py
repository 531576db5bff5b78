"""The queue `embedding_jobs`: filled by comparing photos with vectors, drained in batches.

No lock outlives a transaction. A worker chooses jobs and counts the attempt in one transaction, and
claims them in the next. Other workers are kept away by `retry_after` between the two, and by row
locks afterwards. The caller commits.
"""

from collections.abc import Sequence
from threading import Lock
from typing import Any, NamedTuple

import psycopg

from app.database import query

MAX_ATTEMPTS = 5
"""How many workers may die over a photo before its job fails."""

RETRY_SECONDS = 2.0
"""Seconds before other workers may retry a job after its first attempt; twice as long after the
second, and so on. Much longer than a worker takes from choosing a job to claiming it."""

IDLE_TIMEOUT = "10min"
"""How long a worker's transaction may be idle before the server ends it and releases its batch."""


class PhotoKey(NamedTuple):
    """The key of a photo: product and position."""

    item_id: int
    position: int


class Job(NamedTuple):
    """A photo to embed."""

    key: PhotoKey
    reference: str
    sha256: str
    needed: bool
    """False if the job is no longer needed: the product was removed, or has the vector."""


def fill_queue(connection: psycopg.Connection[Any], model_id: int) -> None:
    """Queue the photos that lack a current vector, and delete jobs that are no longer needed.

    Args:
        connection: in a transaction.
        model_id: the model.
    """
    set_timeouts(connection)
    for name in ("delete_needless_jobs", "queue_photos"):
        connection.execute(query(__package__, name), {"model_id": model_id})


def revive_jobs(connection: psycopg.Connection[Any], model_id: int, *, early: bool) -> None:
    """Queue failed jobs again whose photos couldn't be read; undecodable photos stay failed.

    Args:
        connection: in a transaction.
        model_id: the model.
        early: all of them, instead of only those whose retry is due.
    """
    connection.execute(query(__package__, "revive_jobs"), {"model_id": model_id, "early": early})


def count_backlog(connection: psycopg.Connection[Any], model_id: int) -> int:
    """Count the pending jobs, including those that other workers have claimed."""
    row = connection.execute(query(__package__, "count_backlog"), {"model_id": model_id}).fetchone()
    return int(row[0]) if row else 0


def choose_jobs(
    connection: psycopg.Connection[Any],
    model_id: int,
    batch_size: int,
    *,
    suspect: bool = False,
    retry_seconds: float = RETRY_SECONDS,
) -> list[PhotoKey]:
    """Choose the next batch and count an attempt for each of its jobs.

    Commit this before the work, so that the attempts stay counted if the worker dies. The choice is
    valid for `retry_seconds`: claim the jobs within that time.

    Args:
        connection: in a transaction.
        model_id: the model.
        batch_size: how many photos to choose, among those without an attempt.
        suspect: choose instead one photo whose attempt ended without a result.
        retry_seconds: seconds before others may retry a job after its first attempt.

    Returns:
        The chosen photos; empty if there is no work, or other workers have all of it.
    """
    parameters = {
        "model_id": model_id,
        "batch_size": 1 if suspect else batch_size,
        "least_attempts": 1 if suspect else 0,
        "most_attempts": MAX_ATTEMPTS - 1 if suspect else 0,
        "retry_seconds": retry_seconds,
    }
    chosen = connection.execute(query(__package__, "choose_jobs"), parameters).fetchall()
    return [PhotoKey(*row) for row in chosen]


def claim_jobs(
    connection: psycopg.Connection[Any], model_id: int, chosen: Sequence[PhotoKey]
) -> list[Job]:
    """Claim chosen jobs until the end of the transaction, by locking their rows.

    The locks are released if the worker or its machine dies. If another worker has locked one of
    the rows, this waits for it, usually briefly, since the choice keeps others away.

    Args:
        connection: in a transaction.
        model_id: the model.
        chosen: the photos from `choose_jobs`.

    Returns:
        The jobs, ordered by item and position, without those that another worker has finished.
    """
    set_timeouts(connection)
    rows = connection.execute(query(__package__, "claim_jobs"), _keys(model_id, chosen)).fetchall()
    return [Job(PhotoKey(*row[:2]), *row[2:]) for row in rows]


def give_up_jobs(connection: psycopg.Connection[Any], model_id: int) -> int:
    """Fail the jobs of photos over which `MAX_ATTEMPTS` workers died; return how many."""
    parameters = {"model_id": model_id, "max_attempts": MAX_ATTEMPTS}
    return connection.execute(query(__package__, "give_up_jobs"), parameters).rowcount


def finish_jobs(
    connection: psycopg.Connection[Any], model_id: int, done: Sequence[PhotoKey]
) -> None:
    """Delete finished jobs."""
    connection.execute(query(__package__, "finish_jobs"), _keys(model_id, done))


def fail_job(
    connection: psycopg.Connection[Any], model_id: int, job: Job, reason: str, *, may_pass: bool
) -> None:
    """Mark a claimed job as failed.

    Args:
        connection: in the transaction that claimed the job.
        model_id: the model.
        job: the job.
        reason: why it failed.
        may_pass: whether the reason may be temporary: then the job is retried later.
    """
    connection.execute(
        query(__package__, "fail_job"),
        {
            "model_id": model_id,
            **job.key._asdict(),
            "image_sha256": job.sha256,
            "reason": reason,
            "may_pass": may_pass,
        },
    )


def refund_attempts(
    connection: psycopg.Connection[Any], model_id: int, begun: Sequence[PhotoKey]
) -> None:
    """Uncount an attempt of jobs that failed for reasons other than their photos."""
    connection.execute(query(__package__, "refund_attempts"), _keys(model_id, begun))


def set_timeouts(connection: psycopg.Connection[Any]) -> None:
    """Lift the statement timeout in this transaction, and limit its idle time."""
    connection.execute(query(__package__, "set_timeouts"), {"idle_timeout": IDLE_TIMEOUT})


class UnrefundedAttempts:
    """Attempts to uncount once there is a connection again.

    It outlives connections and pools: an attempt should count only if the worker died, not if its
    database went away.
    """

    def __init__(self) -> None:
        self._keys: dict[int, list[PhotoKey]] = {}
        self._lock = Lock()

    def add(self, model_id: int, begun: Sequence[PhotoKey]) -> None:
        """Remember jobs whose attempts failed for reasons other than their photos."""
        with self._lock:
            self._keys.setdefault(model_id, []).extend(begun)

    def refund(self, connection: psycopg.Connection[Any], model_id: int) -> None:
        """Uncount the attempts that are remembered for a model, and commit."""
        with self._lock:
            if model_id in self._keys:
                refund_attempts(connection, model_id, self._keys[model_id])
                connection.commit()
                del self._keys[model_id]


def _keys(model_id: int, keys: Sequence[PhotoKey]) -> dict[str, Any]:
    return {
        "model_id": model_id,
        "item_ids": [key.item_id for key in keys],
        "positions": [key.position for key in keys],
    }
