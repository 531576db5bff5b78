"""What the worker's tests share: catalogs to spoil, workers to disturb, vectors to compare."""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray
from pgvector.psycopg import register_vector

from app.database import Database, open_database
from app.encoders.precision import Precision
from app.encoders.registry import get_backbone
from tests.conftest import LOOKALIKE, cli_environment, clone, settings_for

DEADLINE = 120.0
"""Seconds after which what ought to happen has not happened."""

Rows = list[tuple[Any, ...]]
Start = Callable[..., "subprocess.Popen[str]"]


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


@pytest.fixture
def catalog(sample_catalog: Path, tmp_path: Path) -> Path:
    """A copy of the sample catalog that a test may spoil."""
    return Path(shutil.copytree(sample_catalog, tmp_path / "catalog"))


@pytest.fixture
def unembedded_url(server: str, catalog_template: str) -> Iterator[str]:
    """URI of a database with the sample catalog and `compact`, and no vector yet."""
    with clone(server, catalog_template) as url:
        execute(url, "TRUNCATE embeddings_1")
        execute(url, "DROP INDEX embeddings_1_hnsw")
        yield url


@pytest.fixture
def unembedded_database(unembedded_url: str, home: Path) -> Iterator[Database]:
    """The open database of `unembedded_url`."""
    with open_database(settings_for(unembedded_url, home)) as database:
        yield database


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    """Start a command and don't wait for it: `start(url, "embed", LOOKALIKE_BATCH_SIZE="8")`."""
    started: list[subprocess.Popen[str]] = []

    def begin(url: str | None, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [LOOKALIKE, *arguments],
            env={**cli_environment(url, home), **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield begin
    for process in started:
        process.kill()
        process.communicate()


def execute(url: str, statement: str, *parameters: Any) -> Rows:
    """Run a statement in a transaction of its own; return its rows, if it gives any."""
    with psycopg.connect(url) as connection:
        cursor = connection.execute(statement, parameters or None)
        return cursor.fetchall() if cursor.description else []


def wait_until(condition: Callable[[], object]) -> None:
    """Wait until something holds; fail if it never does."""
    until = time.monotonic() + DEADLINE
    while not condition():
        assert time.monotonic() < until, "it never came to pass"
        time.sleep(0.02)


def until(process: "subprocess.Popen[str]", words: str) -> None:
    """Read a process's error output up to the line with these words."""
    assert process.stderr is not None
    assert any(words in line for line in process.stderr), f"it never said {words!r}"


def end(process: "subprocess.Popen[str]", number: signal.Signals) -> tuple[int, str, str]:
    """Send a signal and wait; return exit code, output and error output."""
    process.send_signal(number)
    output, errors = process.communicate(timeout=DEADLINE)
    return process.returncode, output, errors


def vectors(url: str, model_id: int = 1) -> dict[int, Vector]:
    """Return a model's vectors by item."""
    with psycopg.connect(url) as connection:
        register_vector(connection)
        rows = connection.execute(
            "SELECT item_id, embedding, embedded_at FROM embeddings WHERE model_id = %s", [model_id]
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
    execute(url, "CREATE TABLE written (item_id bigint)")
    execute(
        url,
        "CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN "
        f"INSERT INTO written VALUES (new.item_id); PERFORM pg_sleep({seconds}); RETURN NULL; END'",
    )
    execute(
        url, "CREATE TRIGGER note AFTER INSERT ON embeddings FOR EACH ROW EXECUTE FUNCTION note()"
    )


def written(url: str) -> list[int]:
    """Return the item of each vector that was ever committed since `log_writes`, in order."""
    return [item_id for (item_id,) in execute(url, "SELECT item_id FROM written ORDER BY 1")]


def assert_complete(url: str, model_id: int = 1) -> None:
    """Every photo has its vector, nothing is left to do, and the index is there and valid."""
    lacking = execute(
        url,
        "SELECT i.item_id FROM items i LEFT JOIN embeddings e "
        "ON e.item_id = i.item_id AND e.model_id = %s AND e.image_sha256 = i.image_sha256 "
        "WHERE i.image_path IS NOT NULL AND i.removed_at IS NULL AND e.item_id IS NULL",
        model_id,
    )
    assert lacking == []
    assert execute(url, "SELECT item_id, state, attempts, last_error FROM embedding_jobs") == []
    indexes = "SELECT c.relname, x.indisvalid FROM pg_index x JOIN pg_class c ON c.oid = indexrelid"
    hnsw = f"{indexes} JOIN pg_am a ON a.oid = c.relam WHERE a.amname = 'hnsw' ORDER BY 1"
    assert (f"embeddings_{model_id}_hnsw", True) in execute(url, hnsw)
    assert all(valid for _, valid in execute(url, hnsw))
