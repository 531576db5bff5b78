"""Draining a model's queue, batch by batch, until it is empty or somebody says stop."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Event

from app.database import Database
from app.encoders.encoder import Encoder
from app.errors import LookalikeError
from app.photo_roots import PhotoRoot
from worker.embedding.batch import Tally, embed_batch
from worker.embedding.queue import claim, count_pending, release

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
        stop: set it, and the batch under way is the last.
        on_progress: told what became of each batch, once it is committed.
        on_wait: told now and then how many photos other workers still have.

    Raises:
        LookalikeError: the root of the photos is gone; no job has failed for that.
    """
    with ThreadPoolExecutor(root.readers) as pool:
        while not stop.is_set():
            with database.connection() as connection:
                jobs, set_aside = claim(connection, model_id, batch_size)
                tally = Tally(failed=set_aside)
                try:
                    tally += embed_batch(connection, model_id, jobs, encoder, root, pool)
                except LookalikeError:
                    release(connection, model_id, jobs)
                    connection.commit()
                    raise
                pending = 0 if jobs else count_pending(connection, model_id)
            on_progress(tally)
            if pending:
                # If one of those workers dies, its photos are ours.
                on_wait(pending)
                stop.wait(POLL_SECONDS)
            elif not jobs:
                return
