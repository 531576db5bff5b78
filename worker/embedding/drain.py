"""Draining a model's queue, batch by batch, until it is empty or somebody says stop."""

from collections.abc import Callable
from threading import Event

from app.database import Database
from app.encoders.encoder import Encoder
from app.photo_roots import PhotoRoot
from worker.embedding.batch import Tally
from worker.embedding.lanes import LANES, Lanes
from worker.embedding.queue import count_pending

POLL_SECONDS = 0.5
"""How often to look whether other workers are done with the last photos."""


def drain(
    database: Database,
    model_id: int,
    encoder: Encoder,
    root: PhotoRoot,
    batch_size: int,
    stop: Event,
    on_progress: Callable[[Tally], None],
    on_wait: Callable[[int], None] = lambda _: None,
) -> None:
    """Embed what is queued for a model, and see other workers through what they have claimed.

    Args:
        database: the open database.
        model_id: the model.
        encoder: its network.
        root: what the photos' paths are below.
        batch_size: photos per batch.
        stop: set it, and the batches under way are the last.
        on_progress: told what became of each batch, once it is committed; by one thread at a time.
        on_wait: told now and then how many photos other workers still have.

    Raises:
        PhotosAwayError: the root of the photos is gone; no job has failed for that.
    """
    lanes = Lanes(database, model_id, encoder, root, batch_size, stop, on_progress)
    while not stop.is_set():
        lanes.run(min(LANES, database.pool.max_size))
        # One that a worker has died over goes alone, so that no other is blamed for it.
        lanes.run(1, suspect=True)
        with database.connection() as connection:
            pending = count_pending(connection, model_id)
        if not pending:
            return
        # If one of the workers that have claimed them dies, its photos are ours.
        on_wait(pending)
        stop.wait(POLL_SECONDS)
