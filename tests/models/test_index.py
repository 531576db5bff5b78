"""The index: built once, by one process; a build that is broken off leaves nothing behind."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import psycopg
import pytest

from app.database import Database
from app.models import EmbeddingModel, active_model, ensure_index
from tests.conftest import settings_for
from tests.models.conftest import PRODUCTS
from tests.support.waiting import DEADLINE, execute, wait_until

INDEX = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('embeddings_1_hnsw')"
WAITING = (
    "SELECT pid FROM pg_stat_activity JOIN pg_locks USING (pid) "
    "WHERE NOT granted AND relation = 'embeddings_1'::regclass AND query LIKE '%%CREATE INDEX%%'"
)
BUILDS = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted"
SLOW = {"hnsw_m": 64, "hnsw_ef_construction": 1000}


@pytest.fixture
def model(database: Database) -> EmbeddingModel:
    """The active model, with every vector and no index."""
    execute(database.url, "DROP INDEX embeddings_1_hnsw")
    with database.connection() as connection:
        found = active_model(connection)
    assert found is not None
    return found


@contextmanager
def writer(url: str) -> Iterator[None]:
    """A transaction that has written a vector, for which a build waits."""
    with psycopg.connect(url) as connection:
        connection.execute("UPDATE embeddings SET image_sha256 = 'x' WHERE item_id = 1")
        yield
        connection.rollback()


@contextmanager
def running(work: Callable[[], object]) -> Iterator[list[object]]:
    """Do something in a thread; yields a list that its result is added to."""
    results: list[object] = []

    def run() -> None:
        try:
            results.append(work())
        except Exception as error:
            results.append(error)

    thread = Thread(target=run)
    thread.start()
    try:
        yield results
    finally:
        thread.join(DEADLINE)
        assert not thread.is_alive()


def test_it_is_built_once(database: Database, model: EmbeddingModel) -> None:
    assert ensure_index(database, model, database.settings)
    assert execute(database.url, INDEX) == [(True,)]
    assert not ensure_index(database, model, database.settings)


def test_an_index_over_nothing_is_not_built(database: Database, model: EmbeddingModel) -> None:
    execute(database.url, "TRUNCATE embeddings_1")
    assert not ensure_index(database, model, database.settings)
    assert execute(database.url, INDEX) == []


def test_two_builds_wait_for_each_other(database: Database, model: EmbeddingModel) -> None:
    def build() -> object:
        return ensure_index(database, model, database.settings, poll_seconds=0.05)

    with running(build) as first, running(build) as second, writer(database.url):
        wait_until(lambda: execute(database.url, WAITING))
        assert execute(database.url, BUILDS) == [(1,)]
    assert sorted([*first, *second], key=bool) == [False, True]


def test_a_stopped_build_leaves_nothing_and_is_done_anew(
    database: Database, model: EmbeddingModel
) -> None:
    stop = Event()
    settings = database.settings

    def build() -> object:
        return ensure_index(database, model, settings, stop=stop, poll_seconds=0.05)

    with writer(database.url), running(build) as results:
        wait_until(lambda: execute(database.url, WAITING))
        stop.set()
        wait_until(lambda: results)
    assert results == [False]
    assert execute(database.url, INDEX) == []
    assert ensure_index(database, model, settings)


def test_a_killed_build_leaves_nothing_and_is_done_anew(
    database: Database, model: EmbeddingModel
) -> None:
    def build() -> object:
        return ensure_index(database, model, database.settings)

    with writer(database.url), running(build) as results:
        wait_until(lambda: execute(database.url, WAITING))
        execute(database.url, f"SELECT pg_terminate_backend(pid) FROM ({WAITING})")
        wait_until(lambda: results)
    (error,) = results
    assert isinstance(error, psycopg.OperationalError)
    assert execute(database.url, INDEX) == []
    assert execute(database.url, BUILDS) == [(0,)]
    assert build()


def test_an_invalid_index_is_built_anew(database: Database, model: EmbeddingModel) -> None:
    """As one that somebody built concurrently by hand and broke off."""
    assert ensure_index(database, model, database.settings)
    execute(
        database.url,
        "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'embeddings_1_hnsw'::regclass",
    )
    assert ensure_index(database, model, database.settings)
    assert execute(database.url, INDEX) == [(True,)]


@pytest.mark.slow
def test_readers_never_wait(database: Database, model: EmbeddingModel) -> None:
    settings = database.settings.model_copy(update=SLOW)
    shown: list[tuple[int, int]] = []

    def build() -> object:
        return ensure_index(
            database, model, settings, lambda *step: shown.append(step), poll_seconds=0.01
        )

    with running(build) as results:
        wait_until(lambda: shown)
        assert not results
        execute(
            database.url, "SET lock_timeout = '1s'; SELECT count(embedding) FROM photo_embeddings"
        )
    assert results == [True]


@pytest.mark.slow
def test_a_build_gets_memory_and_time_and_shows_its_progress(
    database: Database, model: EmbeddingModel, models_url: str, home: Path
) -> None:
    """Whatever timeouts the database has, and none of it outlasts the transaction."""
    url = models_url
    ((vectors, name),) = execute(url, "SELECT count(*), current_database() FROM embeddings")
    execute(url, "CREATE TABLE given (memory text, timeout text)")
    execute(
        url,
        "CREATE FUNCTION note() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN "
        "INSERT INTO given VALUES (current_setting(''maintenance_work_mem''), "
        "current_setting(''statement_timeout'')); END'",
    )
    execute(
        url,
        "CREATE EVENT TRIGGER note ON ddl_command_start WHEN TAG IN ('CREATE INDEX') "
        "EXECUTE FUNCTION note()",
    )
    execute(url, f"ALTER DATABASE {name} SET statement_timeout = '200ms'")
    settings = settings_for(url, home).model_copy(update={"index_memory": "77MB", **SLOW})
    shown: list[tuple[int, int]] = []
    assert ensure_index(
        database, model, settings, lambda *step: shown.append(step), poll_seconds=0.01
    )
    assert execute(url, "SELECT * FROM given") == [("77MB", "0")]
    assert shown
    assert all(0 <= done <= total == vectors for done, total in shown)
    assert vectors > PRODUCTS
