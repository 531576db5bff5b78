"""Copying the vectors of photos that are the same file as another photo."""

from typing import Any

import psycopg

from app.database import query
from worker.embedding.queue import PhotoKey, finish_jobs, set_timeouts


def reuse_vectors(connection: psycopg.Connection[Any], model_id: int) -> int:
    """Copy to each queued photo the vector of a photo with the same sha256, and finish its job.

    Args:
        connection: in a transaction. The caller commits.
        model_id: the model.

    Returns:
        How many photos got a vector.
    """
    set_timeouts(connection)
    held = connection.execute(
        query(__package__, "hold_reusable_jobs"), {"model_id": model_id}
    ).fetchall()
    if not held:
        return 0
    names = ("item_ids", "positions", "source_ids", "source_positions", "hashes")
    parameters = dict(zip(names, map(list, zip(*held, strict=True)), strict=True))
    copied = connection.execute(
        query(__package__, "copy_vectors"), {"model_id": model_id, **parameters}
    ).fetchall()
    finish_jobs(connection, model_id, [PhotoKey(*row) for row in copied])
    return len(copied)
