"""Several batches under way at once: one is encoded while others are decoded and written."""

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any

import psycopg

from app.database import Database
from app.encoders.encoder import Encoder
from app.photos import PhotoRoot
from app.photos.errors import PhotoStorageUnavailable
from worker.embedding.batch import Tally, embed_batch
from worker.embedding.metrics import timed
from worker.embedding.queue import Job, Owed, claim, release

LANES = 3
"""Batches under way: one is decoded, one encoded, one written. Each is a transaction of its own, on
a connection of its own, so that to the queue a lane is a worker like any other."""

CANCEL_SECONDS = 0.1

OWED = Owed()

OnProgress = Callable[[Tally], None]


@dataclass
class Lanes:
    """Works off a model's queue; `LANES` bounds both what is decoded ahead and the memory."""

    database: Database
    model_id: int
    encoder: Encoder
    root: PhotoRoot
    """What the photos' paths are below."""
    batch_size: int
    stop: Event
    """Set it, and the batches under way are the last."""
    _reporting: Lock = field(default_factory=Lock)
    _busy: set[psycopg.Connection[Any]] = field(default_factory=set)

    def run(self, lanes: int, on_progress: OnProgress, *, suspect: bool = False) -> None:
        """Embed until there is nothing more to claim.

        Args:
            lanes: batches under way at once.
            on_progress: told what became of each batch, once it is committed; by one lane at a
                time.
            suspect: work on the photos that a worker was at when it ended, one by one.

        Raises:
            PhotoStorageUnavailable: the root of the photos is gone; no job has failed for that.
            KeyboardInterrupt: it was broken off; of the batches under way nothing was written.
        """
        ended = Event()
        with (
            ThreadPoolExecutor(self.root.readers) as decoders,
            ThreadPoolExecutor(lanes) as threads,
        ):
            under_way = [
                threads.submit(self._work, decoders, ended, on_progress, suspect=suspect)
                for _ in range(lanes)
            ]
            try:
                wait(under_way, return_when=FIRST_EXCEPTION)
            except KeyboardInterrupt:
                ended.set()
                self._break_off(under_way)
                raise
            ended.set()  # where one failed the others end with their batches
        for lane in under_way:
            lane.result()

    def _work(
        self, decoders: Executor, ended: Event, on_progress: OnProgress, *, suspect: bool
    ) -> None:
        while not (self.stop.is_set() or ended.is_set()):
            with self._connection() as connection:
                OWED.settle(connection, self.model_id)
                with timed("claim"):
                    jobs, set_aside = claim(
                        connection, self.model_id, self.batch_size, suspect=suspect
                    )
                tally = self._embed(connection, jobs, decoders)
            tally += Tally(failed=set_aside)
            with self._reporting:
                on_progress(tally)
            if not jobs:
                return

    def _embed(
        self, connection: psycopg.Connection[Any], jobs: list[Job], decoders: Executor
    ) -> Tally:
        try:
            return embed_batch(connection, self.model_id, jobs, self.encoder, self.root, decoders)
        except PhotoStorageUnavailable:
            release(connection, self.model_id, jobs)
            connection.commit()
            raise
        except psycopg.Error:
            OWED.note(self.model_id, jobs)
            raise

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Any]]:
        with self.database.connection() as connection:
            self._busy.add(connection)
            try:
                yield connection
            finally:
                self._busy.remove(connection)

    def _break_off(self, under_way: list[Future[None]]) -> None:
        # A lane may be at a statement now, or come to one.
        while wait(under_way, timeout=CANCEL_SECONDS).not_done:
            for connection in self._busy.copy():
                with suppress(psycopg.Error):
                    connection.cancel_safe()
