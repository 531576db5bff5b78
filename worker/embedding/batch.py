"""One batch of photos: claimed, decoded, encoded, written and finished in one transaction."""

import hashlib
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector import HalfVector

from app.database import query
from app.encoders.encoder import Encoder
from app.photos import PhotoRoot
from app.photos.decode import load_photo
from app.photos.errors import PhotoError, UnavailablePhotoError
from worker.embedding.metrics import timed
from worker.embedding.queue import Job, fail, finish


@dataclass
class Tally:
    """What became of photos."""

    embedded: int = 0
    failed: int = 0

    def __iadd__(self, other: "Tally") -> "Tally":
        self.embedded += other.embedded
        self.failed += other.failed
        return self


def embed_batch(
    connection: psycopg.Connection[Any],
    model_id: int,
    jobs: Sequence[Job],
    encoder: Encoder,
    root: PhotoRoot,
    pool: Executor,
) -> Tally:
    """Embed claimed jobs; a photo that can't be embedded becomes a failed job. The caller commits.

    Args:
        connection: in the transaction that claimed the jobs.
        model_id: the model to embed with.
        jobs: what was claimed.
        encoder: the model's network.
        root: what the jobs' paths are below.
        pool: decodes the photos.

    Returns:
        How many photos were embedded, and how many failed.

    Raises:
        PhotoStorageUnavailable: the root of the photos is gone; nothing was written.
    """
    wanted = [job for job in jobs if job.needed]
    photos = list(pool.map(lambda job: _decode(job, root, encoder), wanted))
    failures = {
        job: photo
        for job, photo in zip(wanted, photos, strict=True)
        if isinstance(photo, PhotoError)
    }
    good = [job for job in wanted if job not in failures]
    if good:
        pixels = np.stack([photo for photo in photos if not isinstance(photo, PhotoError)])
        with timed("encode"):
            embeddings = encoder.encode(pixels)
        # A network that finds nothing gives zeros, which have no direction; a broken one gives NaN.
        usable = np.abs(embeddings).sum(axis=1) > 0
        for at in np.flatnonzero(~usable):
            failures[good[at]] = PhotoError("the network finds nothing in it")
        good = [good[at] for at in np.flatnonzero(usable)]
        with timed("write"):
            _write(connection, model_id, good, embeddings[usable])
            connection.execute(
                query(__package__, "record_precision"),
                {"model_id": model_id, "precision": encoder.precision},
            )
    for job, failure in failures.items():
        may_pass = isinstance(failure, UnavailablePhotoError)
        fail(connection, model_id, job, str(failure), may_pass=may_pass)
    finish(connection, model_id, [job.item_id for job in jobs if job not in failures])
    return Tally(len(good), len(failures))


def _decode(job: Job, root: PhotoRoot, encoder: Encoder) -> NDArray[np.uint8] | PhotoError:
    backbone = encoder.backbone
    try:
        with timed("read"):
            data = root.read(job.image_path)
        if hashlib.sha256(data).hexdigest() != job.image_sha256:
            raise UnavailablePhotoError("the file has changed since the last ingest: ingest again")
        with timed("decode"):
            return load_photo(data, backbone.input_size, backbone.resize)
    except UnavailablePhotoError as error:
        root.require_around(job.image_path)
        return error
    except PhotoError as error:
        return error


def _write(
    connection: psycopg.Connection[Any],
    model_id: int,
    jobs: Sequence[Job],
    embeddings: NDArray[np.float32],
) -> None:
    item_ids = [job.item_id for job in jobs]
    connection.execute(query(__package__, "replace"), {"model_id": model_id, "item_ids": item_ids})
    with connection.cursor().copy(query(__package__, "write")) as copy:
        copy.set_types(["int2", "int8", "halfvec", "text"])
        for job, embedding in zip(jobs, embeddings, strict=True):
            copy.write_row((model_id, job.item_id, HalfVector(embedding), job.image_sha256))
