"""`lookalike embed --follow`: waits for the next ingest, embeds it, and ends when it is told to."""

import gc
import signal
import time
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import pytest

from app.database import open_database
from app.encoders.encoder import Encoder
from app.encoders.registry import get_backbone
from app.models import drop, register
from app.settings import Settings
from tests.conftest import Cli, Start, settings_for
from tests.support.vectors import assert_complete, stub_encoder, stub_engine, vectors
from tests.support.waiting import DEADLINE, end, execute, wait_until
from worker.embedding.engines.local import LocalEngine
from worker.embedding.run import EmbeddingRun

NEW = 999_999_999
OTHER_SESSIONS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


def add_product(catalog: Path, item_id: int) -> None:
    """Add a product that looks like the catalog's first; its photo is another file."""
    styles = catalog / "styles.csv"
    lines = styles.read_text(encoding="utf-8").splitlines(keepends=True)
    _, comma, rest = lines[1].partition(",")
    styles.write_text("".join([*lines, f"{item_id}{comma}{rest}"]), encoding="utf-8")
    photo = next(iter(sorted((catalog / "images").glob("*.jpg"))))
    photo.with_name(f"{item_id}.jpg").write_bytes(photo.read_bytes() + item_id.to_bytes(8))


@contextmanager
def following(settings: Settings, engine: LocalEngine, **options: float) -> Iterator[None]:
    """Run a follower for the length of the block, which begins when its first work is done."""
    stop = Event()
    url = str(settings.database_url)
    item_id = lose_a_vector(url, "max")
    run = EmbeddingRun(settings, engine, stop, follow=True, **options)  # type: ignore[arg-type]
    with open_database(settings) as database, ThreadPoolExecutor(1) as threads:
        follower = threads.submit(run.work, database)
        try:
            wait_until(lambda: item_id in vectors(url) or follower.done())
            yield
        finally:
            stop.set()
            follower.result(DEADLINE)


def lose_a_vector(url: str, which: str = "min") -> int:
    """Delete the vector of a photo, which only a comparison finds out; return its product."""
    ((item_id,),) = execute(url, f"SELECT {which}(item_id) FROM photos")
    execute(url, "DELETE FROM embeddings WHERE item_id = %s", item_id)
    return int(item_id)


@pytest.mark.slow
def test_follow(catalog_url: str, cli: Cli, catalog: Path, start: Start) -> None:
    url = catalog_url
    before = vectors(url)
    follower = start(url, "embed", "--follow")
    assert follower.stdout is not None
    assert follower.stdout.readline() == "compact: nothing to embed\n"

    add_product(catalog, NEW)
    assert cli(url, "ingest", catalog).returncode == 0
    wait_until(lambda: NEW in vectors(url))

    # The server shuts its connections, as when it restarts; an ingest before it is back counts.
    execute(url, OTHER_SESSIONS)
    add_product(catalog, NEW + 1)
    assert cli(url, "ingest", catalog).returncode == 0
    wait_until(lambda: NEW + 1 in vectors(url))

    code, output, errors = end(follower, signal.SIGTERM)
    assert code == 0, errors
    assert output.count("compact: 1 embedded, 0 failed") == 2
    assert "Traceback" not in errors
    assert_complete(url)
    assert all(vectors(url)[item].embedded_at == before[item].embedded_at for item in before)


def test_an_ingest_is_noticed_within_two_seconds(catalog_url: str, home: Path) -> None:
    settings = settings_for(catalog_url, home)
    with following(settings, stub_engine(settings)):
        for _ in range(2):
            item_id = lose_a_vector(catalog_url)
            committed = time.monotonic()
            execute(catalog_url, "UPDATE catalogs SET ingested_at = clock_timestamp()")
            wait_until(lambda item_id=item_id: item_id in vectors(catalog_url))  # type: ignore[misc]
            assert time.monotonic() - committed < 2.5  # a second's poll, and the work


def test_nothing_is_compared_while_there_is_no_ingest(catalog_url: str, home: Path) -> None:
    """A comparison reads every photo and vector: too dear for each look."""
    settings = settings_for(catalog_url, home)
    with following(settings, stub_engine(settings), look_seconds=0.1):
        item_id = lose_a_vector(catalog_url)
        time.sleep(2.5)
        assert item_id not in vectors(catalog_url)


def test_a_job_that_is_retried_needs_no_ingest(catalog_url: str, home: Path, cli: Cli) -> None:
    item_id = lose_a_vector(catalog_url)
    execute(
        catalog_url,
        "INSERT INTO embedding_jobs (model_id, item_id, position, image_sha256, state, "
        "retry_after, last_error) SELECT 1, item_id, position, sha256, 'failed', 'infinity', "
        "'can''t be decoded' FROM photos WHERE item_id = %s",
        item_id,
    )
    settings = settings_for(catalog_url, home)
    with following(settings, stub_engine(settings), look_seconds=0.2):
        assert item_id not in vectors(catalog_url)
        done = cli(catalog_url, "jobs", "retry", "--reason", "decoded")
        assert done.stdout == "failed jobs that are pending again: 1\n"
        wait_until(lambda: item_id in vectors(catalog_url))


def test_a_follower_frees_the_network_of_a_model_that_is_dropped(
    catalog_url: str, home: Path
) -> None:
    url, settings = catalog_url, settings_for(catalog_url, home)
    loaded: list[weakref.ref[Encoder]] = []

    def load(*_: object) -> Encoder:
        encoder = stub_encoder()
        loaded.append(weakref.ref(encoder))
        return encoder

    lose_a_vector(url)
    with open_database(settings) as database:
        with database.connection() as connection:
            register(connection, get_backbone("compact"), "second", "ab" * 32)
        with following(settings, LocalEngine(settings, load), look_seconds=0.1):
            wait_until(lambda: len(vectors(url, 2)) == len(vectors(url, 1)) > 100)
            assert len(loaded) == 2
            drop(database, "second")
            wait_until(lambda: gc.collect() >= 0 and loaded[1]() is None)
            assert loaded[0]() is not None
