"""A database's vectors: read, compared, held up, counted; and workers without a real network."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple, cast

import numpy as np
import psycopg
from numpy.typing import NDArray
from pgvector.psycopg import register_vector

from app.database import Database
from app.encoders.cache import EncoderSpec
from app.encoders.encoder import Encoder
from app.encoders.precision import Precision
from app.encoders.registry import get_backbone
from app.encoders.weights import default_file, sha256_of
from app.models import EmbeddingModel, get_model, register
from app.photos.storage import PhotoStorage, open_storage
from app.settings import Settings
from tests.support.waiting import execute
from worker.embedding.engines.local import LocalEngine
from worker.embedding.queue import fill_queue, revive_jobs
from worker.embedding.worker import Tally, Worker


class Vector(NamedTuple):
    """A stored vector and when it was written."""

    embedding: NDArray[np.float32]
    embedded_at: Any


class Stub:
    """Stands for the network where a test is about everything but the network."""

    backbone = get_backbone("compact")
    precision = Precision.FLOAT32

    def encode(self, photos: NDArray[np.uint8]) -> NDArray[np.float32]:
        return np.full((len(photos), self.backbone.dimensions), 1 / 16, np.float32)


def stub_encoder(_spec: EncoderSpec | None = None, _home: Path | None = None) -> Encoder:
    """A `Stub`, for who takes it for an encoder."""
    return cast("Encoder", Stub())


def stub_engine(settings: Settings) -> LocalEngine:
    """The local engine, with a `Stub` for each network."""
    return LocalEngine(settings, load=stub_encoder)


def model_of(database: Database, name: str = "compact") -> EmbeddingModel:
    """A registered model."""
    with database.connection() as connection:
        return get_model(connection, name)


def add_double(url: str, name: str) -> None:
    """Register a model like `compact`, with its vectors."""
    compact = get_backbone("compact")
    with psycopg.connect(url) as connection:
        register(connection, compact, name, sha256_of(default_file(compact)))
    copy_vectors(url, name)


def copy_vectors(url: str, name: str) -> None:
    """Give a model the vectors of `compact`, as where it has the same weights."""
    execute(
        url,
        "INSERT INTO embeddings (model_id, item_id, position, embedding, image_sha256) "
        "SELECT double.model_id, item_id, position, embedding, image_sha256 "
        "FROM embeddings JOIN embedding_models AS m USING (model_id), embedding_models AS double "
        "WHERE m.name = 'compact' AND double.name = %s",
        name,
    )


def stub_worker(
    database: Database,
    photos: Path | PhotoStorage,
    batch_size: int = 8,
    stop: Event | None = None,
    **options: Any,
) -> Worker:
    """A worker with a `Stub` for a network, over photos in a folder or another storage."""
    storage = open_storage(str(photos), database.settings) if isinstance(photos, Path) else photos
    return Worker(
        database,
        model_of(database),
        stub_encoder(),
        storage,
        batch_size,
        stop or Event(),
        **options,
    )


def fill(database: Database, *, early: bool = True) -> None:
    """Queue what lacks a vector of the first model."""
    with database.connection() as connection:
        fill_queue(connection, 1)
        revive_jobs(connection, 1, early=early)


def drained(
    worker: Worker,
    on_batch: Callable[[], object] = lambda: None,
    on_wait: Callable[[int], object] = lambda _: None,
) -> Tally:
    """Fill a queue and drain it; return what became of the photos."""
    fill(worker.database)
    total = Tally()

    def count(tally: Tally) -> None:
        nonlocal total
        total += tally
        on_batch()

    worker.drain(count, on_wait)  # type: ignore[arg-type]
    return total


def vectors(url: str, model_id: int = 1, position: int = 1) -> dict[int, Vector]:
    """Return a model's vectors by item, of the photos at a position."""
    with psycopg.connect(url) as connection:
        register_vector(connection)
        rows = connection.execute(
            "SELECT item_id, embedding, embedded_at FROM embeddings "
            "WHERE model_id = %s AND position = %s",
            [model_id, position],
        )
        return {
            item_id: Vector(np.asarray(embedding.to_list(), np.float32), embedded_at)
            for item_id, embedding, embedded_at in rows
        }


def cosine(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """Half precision leaves a stored vector's length a little off 1."""
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


@contextmanager
def writes_held(url: str) -> Iterator[Callable[[], int]]:
    """Let no vector be written; yields how to count the workers that wait to write one."""
    waiting = (
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'embeddings'::regclass"
    )
    with psycopg.connect(url) as holder:
        holder.execute("LOCK TABLE embeddings IN EXCLUSIVE MODE")
        yield lambda: int(execute(url, waiting)[0][0])


@contextmanager
def long_report(url: str) -> Iterator[None]:
    """A transaction with an old snapshot, for which a concurrent build waits at its end."""
    with psycopg.connect(url) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.execute("SELECT count(*) FROM items")
        yield


def log_writes(url: str, seconds: float = 0.0) -> None:
    """Have the database note each vector that is committed, for `written`, and take its time."""
    execute(url, "CREATE TABLE written (item_id bigint, position smallint)")
    execute(
        url,
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN "
        "INSERT INTO written VALUES (new.item_id, new.position); "
        f"PERFORM pg_sleep({seconds}); RETURN NULL; END'",
    )
    execute(
        url, "CREATE TRIGGER note AFTER INSERT ON embeddings FOR EACH ROW EXECUTE FUNCTION note()"
    )


def written(url: str) -> list[int]:
    """Return the item of each vector that was ever committed since `log_writes`, in order."""
    rows = execute(url, "SELECT item_id FROM written ORDER BY item_id, position")
    return [item_id for (item_id,) in rows]


def assert_complete(url: str, model_id: int = 1) -> None:
    """Every photo has its vector, nothing is left to do, and the index is there and valid."""
    assert_current(url, model_id)
    assert execute(url, "SELECT item_id, state, attempts, last_error FROM embedding_jobs") == []
    indexes = "SELECT c.relname, x.indisvalid FROM pg_index x JOIN pg_class c ON c.oid = indexrelid"
    hnsw = f"{indexes} JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'hnsw' ORDER BY 1"
    assert (f"embeddings_{model_id}_hnsw", True) in execute(url, hnsw)
    assert all(valid for _, valid in execute(url, hnsw))


def assert_current(url: str, model_id: int = 1) -> None:
    """Every photo of a listed product has the vector of its present file."""
    lacking = execute(
        url,
        "SELECT p.item_id, p.position FROM photos p JOIN items i USING (item_id) "
        "LEFT JOIN embeddings e ON e.item_id = p.item_id AND e.position = p.position "
        "AND e.model_id = %s AND e.image_sha256 = p.sha256 "
        "WHERE i.removed_at IS NULL AND e.item_id IS NULL",
        model_id,
    )
    assert lacking == []
