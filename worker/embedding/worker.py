"""The worker: fetches jobs, decodes and encodes photos, writes their vectors, finishes the jobs.

A batch is one transaction, from its claim to its vectors. Several run at once: while one is
decoded, another is encoded and a third is written.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import HalfVector

from app.database import Database, query
from app.encoders.encoder import Encoder
from app.encoders.precision import Precision
from app.errors import LookalikeError
from app.models import EmbeddingModel
from app.photos.decode import load_photo
from app.photos.errors import PhotoError, PhotoStorageUnavailable, UnavailablePhotoError
from app.photos.storage import PhotoStorage
from worker.embedding.metrics import timed
from worker.embedding.queue import (
    RETRY_SECONDS,
    Job,
    PhotoKey,
    UnrefundedAttempts,
    choose_jobs,
    claim_jobs,
    count_backlog,
    fail_job,
    finish_jobs,
    give_up_jobs,
    refund_attempts,
)

BATCH_WORKERS = 3
"""Batches in progress: one is decoded, one encoded, one written. Each has its own connection and
transactions, so that to the queue a batch worker looks like another process. The number bounds how
far decoding is ahead, and the memory."""

POLL_SECONDS = 0.5
"""Interval to check whether other workers have finished the last photos."""

CANCEL_SECONDS = 0.1
"""Interval to cancel the statements of batch workers that have not ended."""


@dataclass
class Tally:
    """Counts of embedded and failed photos."""

    embedded: int = 0
    failed: int = 0

    def __iadd__(self, other: "Tally") -> "Tally":
        self.embedded += other.embedded
        self.failed += other.failed
        return self


OnProgress = Callable[[Tally], None]
OnWait = Callable[[int], None]


class NetworkError(LookalikeError):
    """TensorFlow failed on this machine, whatever the photo."""


@contextmanager
def network_errors(name: str) -> Iterator[None]:
    """Turn TensorFlow's exceptions in the block into a one-line error.

    Args:
        name: the model's name.

    Raises:
        NetworkError: TensorFlow or Keras failed, or memory ran out.
    """
    try:
        yield
    except Exception as error:
        # Recognised by module name, so that this module needn't import TensorFlow.
        modules = [kind.__module__.partition(".")[0] for kind in type(error).__mro__]
        if not isinstance(error, MemoryError) and not {"tensorflow", "keras"} & set(modules):
            raise
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise NetworkError(
            f"the network of {name} failed on this machine ({reason[:200]}): free some memory or "
            "set LOOKALIKE_BATCH_SIZE to less, then run `lookalike embed` again to go on"
        ) from error


@dataclass
class Worker:
    """Drains a model's queue."""

    database: Database
    model: EmbeddingModel
    encoder: Encoder
    """The model's network."""
    storage: PhotoStorage
    batch_size: int
    stop: Event
    """Set it to stop after the batches in progress."""
    unrefunded: UnrefundedAttempts = field(default_factory=UnrefundedAttempts)
    retry_seconds: float = RETRY_SECONDS
    """Seconds before other workers may retry a job after its first attempt."""
    _reporting: Lock = field(default_factory=Lock)
    _busy: set[psycopg.Connection[Any]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._precision_recorded = self.model.precision != Precision.AUTO

    def drain(self, on_progress: OnProgress, on_wait: OnWait) -> None:
        """Embed all queued photos, then wait until other workers have finished theirs.

        Args:
            on_progress: called with the tally of each committed batch, by one thread at a time.
            on_wait: called while waiting, with the number of photos that other workers have.

        Raises:
            PhotoStorageUnavailable: the photo storage is unavailable; no job was failed for it.
            NetworkError: TensorFlow failed; no job was failed for it.
            KeyboardInterrupt: it was interrupted; the batches in progress were rolled back.
        """
        while not self.stop.is_set():
            self.run(on_progress)
            # A photo over which a worker died goes alone: others must not be blamed for it.
            self.run(on_progress, suspects=True)
            with self.database.connection() as connection:
                backlog = count_backlog(connection, self.model.model_id)
            if not backlog or self.stop.is_set():
                return
            # If one of the workers dies, this one takes over its photos.
            on_wait(backlog)
            self.stop.wait(POLL_SECONDS)

    def run(self, on_progress: OnProgress, *, suspects: bool = False) -> None:
        """Embed until there is nothing left to claim; see `drain`.

        Args:
            on_progress: as for `drain`.
            suspects: embed photos over which a worker may have died, one by one.
        """
        count = 1 if suspects else min(BATCH_WORKERS, self.database.pool.max_size)
        ended = Event()
        with ThreadPoolExecutor(count) as threads:
            batch_workers = [
                threads.submit(self._run_batches, ended, on_progress, suspects)
                for _ in range(count)
            ]
            try:
                wait(batch_workers, return_when=FIRST_EXCEPTION)
            except KeyboardInterrupt:
                ended.set()
                self._cancel(batch_workers)
                raise
            ended.set()  # if one failed, the others end after their batches
        for batch_worker in batch_workers:
            batch_worker.result()

    def _run_batches(self, ended: Event, on_progress: OnProgress, suspects: bool) -> None:
        while not (self.stop.is_set() or ended.is_set()):
            with self._connection() as connection:
                chosen, given_up = self._fetch(connection, suspects)
                tally = self._process(connection, chosen) if chosen else Tally()
            tally += Tally(failed=given_up)
            with self._reporting:
                on_progress(tally)
            if not chosen:
                return

    def _fetch(
        self, connection: psycopg.Connection[Any], suspects: bool
    ) -> tuple[list[PhotoKey], int]:
        """Choose a batch and commit the choice; return it and the number of jobs given up."""
        model_id = self.model.model_id
        self.unrefunded.refund(connection, model_id)
        with timed("claim"):
            given_up = give_up_jobs(connection, model_id) if suspects else 0
            chosen = choose_jobs(
                connection,
                model_id,
                self.batch_size,
                suspect=suspects,
                retry_seconds=self.retry_seconds,
            )
            connection.commit()
        return chosen, given_up

    def _process(self, connection: psycopg.Connection[Any], chosen: Sequence[PhotoKey]) -> Tally:
        """Claim a batch, embed it, and commit."""
        try:
            with timed("claim"):
                jobs = claim_jobs(connection, self.model.model_id, chosen)
            try:
                tally = self._embed(connection, jobs)
            except (PhotoStorageUnavailable, NetworkError):
                refund_attempts(connection, self.model.model_id, [job.key for job in jobs])
                connection.commit()
                raise
            connection.commit()
        except psycopg.Error:
            self.unrefunded.add(self.model.model_id, chosen)
            raise
        self._precision_recorded = self._precision_recorded or bool(tally.embedded)
        return tally

    def _embed(self, connection: psycopg.Connection[Any], jobs: Sequence[Job]) -> Tally:
        """Embed claimed jobs; a job fails if its photo can't be embedded."""
        needed = [job for job in jobs if job.needed]
        with ThreadPoolExecutor(self._decoders_for(needed)) as decoders:
            photos = list(decoders.map(self._decode, needed))
        failures = {
            job.key: photo
            for job, photo in zip(needed, photos, strict=True)
            if isinstance(photo, PhotoError)
        }
        good = [job for job in needed if job.key not in failures]
        if good:
            pixels = np.stack([photo for photo in photos if not isinstance(photo, PhotoError)])
            embeddings = self._encode(pixels)
            # A vector of zeros has no direction: the network found nothing. A broken one gives NaN.
            usable = np.abs(embeddings).sum(axis=1) > 0
            for at in np.flatnonzero(~usable):
                failures[good[at].key] = PhotoError("the network finds nothing in it")
            good = [good[at] for at in np.flatnonzero(usable)]
            self._write(connection, good, embeddings[usable])
        self._finish(connection, jobs, failures)
        return Tally(len(good), len(failures))

    def _decoders_for(self, jobs: Sequence[Job]) -> int:
        readers = self.storage.readers_for([job.reference for job in jobs])
        return max(1, min(readers, len(jobs)))

    def _decode(self, job: Job) -> NDArray[np.uint8] | PhotoError:
        backbone = self.encoder.backbone
        try:
            with timed("read"):
                data = self.storage.read(job.reference)
            if hashlib.sha256(data).hexdigest() != job.sha256:
                return UnavailablePhotoError(
                    "the file has changed since the last ingest: ingest again"
                )
            with timed("decode"):
                return load_photo(data, backbone.input_size, backbone.resize)
        except PhotoError as error:
            return error

    def _encode(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        with timed("encode"), network_errors(self.model.name):
            return self.encoder.encode(pixels)

    def _write(
        self,
        connection: psycopg.Connection[Any],
        jobs: Sequence[Job],
        embeddings: NDArray[np.float32],
    ) -> None:
        model_id = self.model.model_id
        with timed("write"):
            parameters = {
                "model_id": model_id,
                "item_ids": [job.key.item_id for job in jobs],
                "positions": [job.key.position for job in jobs],
            }
            connection.execute(query(__package__, "delete_vectors"), parameters)
            with connection.cursor().copy(query(__package__, "write_vectors")) as copy:
                copy.set_types(["int2", "int8", "int2", "halfvec", "text"])
                for job, embedding in zip(jobs, embeddings, strict=True):
                    copy.write_row((model_id, *job.key, HalfVector(embedding), job.sha256))
            if not self._precision_recorded:
                connection.execute(
                    query(__package__, "record_precision"),
                    {"model_id": model_id, "precision": self.encoder.precision},
                )

    def _finish(
        self,
        connection: psycopg.Connection[Any],
        jobs: Sequence[Job],
        failures: dict[PhotoKey, PhotoError],
    ) -> None:
        model_id = self.model.model_id
        for job in jobs:
            if failure := failures.get(job.key):
                may_pass = isinstance(failure, UnavailablePhotoError)
                fail_job(connection, model_id, job, str(failure), may_pass=may_pass)
        finish_jobs(connection, model_id, [job.key for job in jobs if job.key not in failures])

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[Any]]:
        with self.database.connection() as connection:
            self._busy.add(connection)
            try:
                yield connection
            finally:
                self._busy.remove(connection)

    def _cancel(self, batch_workers: list[Future[None]]) -> None:
        # Again and again, since a batch worker may be between two statements.
        while wait(batch_workers, timeout=CANCEL_SECONDS).not_done:
            for connection in self._busy.copy():
                with suppress(psycopg.Error):
                    connection.cancel_safe()
