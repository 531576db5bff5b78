"""The queue `embedding_jobs`: filled by comparison, drained in batches.

No lock outlives a transaction. A worker chooses jobs and counts the attempt in one transaction, and
claims them in the next: `retry_after` keeps other workers away in between, and the rows' locks from
then on. The caller commits.
"""

from collections.abc import Sequence
from threading import Lock
from typing import Any, NamedTuple

import psycopg

from app.database import query

MAX_ATTEMPTS = 5
"""How many workers may die over a photo before it is set aside."""

RETRY_SECONDS = 2.0
"""How long a job is left alone after its first attempt, if its worker dies; twice as long after the
second, and so on. Much longer than a worker takes from choosing a job to claiming it."""

IDLE_TIMEOUT = "10min"
"""How long the server waits for a word about a claimed batch before another worker may have it."""


class PhotoKey(NamedTuple):
    """Which photo of which product."""

    item_id: int
    position: int


class Job(NamedTuple):
    """A photo to embed."""

    key: PhotoKey
    reference: str
    sha256: str
    needed: bool
    """False where the need has gone since the job was queued: product removed, or vector there."""


def fill_queue(connection: psycopg.Connection[Any], model_id: int) -> None:
    """Queue whatever lacks a current vector; delete the jobs that nobody needs any more.

    Args:
        connection: in a transaction.
        model_id: the model.
    """
    set_timeouts(connection)
    for name in ("delete_needless_jobs", "queue_photos"):
        connection.execute(query(__package__, name), {"model_id": model_id})


def revive_jobs(connection: psycopg.Connection[Any], model_id: int, *, early: bool) -> None:
    """Queue photos again that couldn't be read; one that can't be decoded stays failed.

    Args:
        connection: in a transaction.
        model_id: the model.
        early: all of them, instead of those whose next try is due.
    """
    connection.execute(query(__package__, "revive_jobs"), {"model_id": model_id, "early": early})


def count_backlog(connection: psycopg.Connection[Any], model_id: int) -> int:
    """Count the jobs that aren't done, those that other workers are at included."""
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
    """Choose the next batch and count an attempt of each of its jobs.

    Commit that before the work: a worker that dies leaves the attempts counted. The choice holds
    for `retry_seconds`, within which the jobs are to be claimed.

    Args:
        connection: in a transaction.
        model_id: the model.
        batch_size: how many photos to choose, of those that no worker has begun.
        suspect: choose instead one photo that a worker was at when it ended.
        retry_seconds: how long to leave a job alone after its first attempt.

    Returns:
        The chosen photos; none where there is no work or other workers have all of it.
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
    """Claim chosen jobs until the end of the transaction.

    A worker that dies, or whose machine vanishes, gives them back. Where another worker has one,
    this waits for its end: moments as a rule, since the choice keeps others away.

    Args:
        connection: in a transaction.
        model_id: the model.
        chosen: what `choose_jobs` chose.

    Returns:
        The jobs, by item and position, but those that another worker has finished by now.
    """
    set_timeouts(connection)
    rows = connection.execute(query(__package__, "claim_jobs"), _keys(model_id, chosen)).fetchall()
    return [Job(PhotoKey(*row[:2]), *row[2:]) for row in rows]


def give_up_jobs(connection: psycopg.Connection[Any], model_id: int) -> int:
    """Set aside the photos that workers keep dying over; return how many."""
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
    """Set a claimed job aside.

    Args:
        connection: in the transaction that claimed the job.
        model_id: the model.
        job: the job.
        reason: why it can't be done.
        may_pass: whether that may pass by itself: then it is tried again later.
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
    """Take back the attempt that was counted of jobs: something else was in the way."""
    connection.execute(query(__package__, "refund_attempts"), _keys(model_id, begun))


def set_timeouts(connection: psycopg.Connection[Any]) -> None:
    """Let the statements of this transaction take their time, and bound the wait between them."""
    connection.execute(query(__package__, "set_timeouts"), {"idle_timeout": IDLE_TIMEOUT})


class UnrefundedAttempts:
    """Attempts that can't be taken back yet, since their connection was lost.

    It outlives connections and pools, as the run does: what is counted is that a worker dies, not
    that its database goes away.
    """

    def __init__(self) -> None:
        self._keys: dict[int, list[PhotoKey]] = {}
        self._lock = Lock()

    def add(self, model_id: int, begun: Sequence[PhotoKey]) -> None:
        """Note that the attempts of these jobs came to nothing through no fault of theirs."""
        with self._lock:
            self._keys.setdefault(model_id, []).extend(begun)

    def refund(self, connection: psycopg.Connection[Any], model_id: int) -> None:
        """Take back what was noted of a model, and commit that."""
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
