"""Draining a model's queue, batch by batch, until it is empty or somebody says stop."""

from collections.abc import Callable

from worker.embedding.lanes import LANES, Lanes, OnProgress
from worker.embedding.queue import count_pending

POLL_SECONDS = 0.5
"""How often to look whether other workers are done with the last photos."""


def drain(lanes: Lanes, on_progress: OnProgress, on_wait: Callable[[int], None]) -> None:
    """Embed what is queued for a model, and see other workers through what they have claimed.

    Args:
        lanes: what works on the queue.
        on_progress: told what became of each batch, once it is committed; by one thread at a time.
        on_wait: told now and then how many photos other workers still have.

    Raises:
        PhotoStorageUnavailable: the root of the photos is gone; no job has failed for that.
    """
    while not lanes.stop.is_set():
        lanes.run(min(LANES, lanes.database.pool.max_size), on_progress)
        # One that a worker has died over goes alone, so that no other is blamed for it.
        lanes.run(1, on_progress, suspect=True)
        with lanes.database.connection() as connection:
            pending = count_pending(connection, lanes.model_id)
        if not pending or lanes.stop.is_set():
            return
        # If one of the workers that have claimed them dies, its photos are ours.
        on_wait(pending)
        lanes.stop.wait(POLL_SECONDS)
