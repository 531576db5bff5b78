"""Models and the schema behind a real PgBouncer in transaction mode."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from app.database import Database, migrate, open_database, schema
from app.database.connection import connect
from app.database.differences import find_differences
from app.database.locks import Lock, lock
from app.models import activate, drop, ensure_index, list_models
from tests.conftest import Cli, Start, clone, settings_for
from tests.models.conftest import add_model
from tests.support.pgbouncer import pooler
from tests.support.waiting import DEADLINE, execute, wait_until

LEFT = (
    "SELECT s.name, s.setting FROM pg_settings AS s "
    "WHERE s.name IN ('statement_timeout', 'lock_timeout', 'maintenance_work_mem', 'search_path', "
    "'idle_in_transaction_session_timeout', 'default_transaction_isolation') "
    "AND s.source = 'session'"
)


@pytest.fixture
def pooled_url(models_url: str) -> Iterator[str]:
    """URI of `models_url` behind a pooler with three connections to the server."""
    with pooler(models_url, pool_size=3) as url:
        yield url


@pytest.fixture
def pooled(pooled_url: str, home: Path) -> Iterator[Database]:
    """The open database of `pooled_url`."""
    with open_database(settings_for(pooled_url, home)) as database:
        yield database


def assert_nothing_left(models_url: str, pooled_url: str) -> None:
    """No session that others get has a lock, a setting or a statement of ours."""
    locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = "
    own = "(SELECT oid FROM pg_database WHERE datname = current_database())"
    assert execute(models_url, locks + own) == [(0,)]
    for _ in range(3):
        assert execute(pooled_url, LEFT) == []
        assert execute(pooled_url, "SELECT count(*) FROM pg_prepared_statements") == [(0,)]


def test_the_life_of_a_model(models_url: str, pooled_url: str, pooled: Database) -> None:
    second = add_model(pooled, "second", dimensions=64, vectors=True)
    assert not ensure_index(pooled, second, pooled.settings)
    assert activate(pooled, "second")
    assert activate(pooled, "compact")
    drop(pooled, "second")
    with pooled.connection() as connection:
        assert [model.name for model in list_models(connection)] == ["compact"]
        assert find_differences(connection) == []
    assert_nothing_left(models_url, pooled_url)


@pytest.mark.slow
def test_many_at_once(models_url: str, pooled_url: str, pooled: Database) -> None:
    def live(number: int) -> None:
        name = f"model{number}"
        add_model(pooled, name, dimensions=8 + number, vectors=True)
        drop(pooled, name)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(live, range(8)))
    with pooled.connection() as connection:
        assert [model.name for model in list_models(connection)] == ["compact"]
    assert_nothing_left(models_url, pooled_url)


def test_a_drop_that_waits_keeps_nobody_waiting(
    models_url: str, pooled_url: str, pooled: Database, start: Start
) -> None:
    add_model(pooled, "ghost")
    with psycopg.connect(models_url) as reader:
        reader.execute("SELECT count(*) FROM embeddings")
        dropping = start(pooled_url, "models", "drop", "ghost")
        half = "SELECT count(*) FROM pg_inherits WHERE inhdetachpending"
        wait_until(lambda: execute(models_url, half) == [(1,)])
        add_model(pooled, "third")
        assert activate(pooled, "third", force=True)
        assert activate(pooled, "compact")
    assert dropping.communicate(timeout=DEADLINE) == ("dropped ghost and its vectors\n", "")


def test_writers_that_wait_for_an_index_may_have_all_other_connections(
    models_url: str, home: Path
) -> None:
    """Two connections: one builds, a writer that waits for it has the other."""
    execute(models_url, "DROP INDEX embeddings_1_hnsw")
    waiting = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    building = "SELECT count(*) FROM pg_locks WHERE mode = 'ShareLock' AND NOT granted"
    with (
        ThreadPoolExecutor(2) as threads,
        pooler(models_url, pool_size=2) as url,
        open_database(settings_for(url, home)) as database,
        psycopg.connect(models_url) as holder,
    ):
        with database.connection() as connection:
            model = list_models(connection)[0]
        holder.execute("LOCK TABLE embeddings_1 IN ROW EXCLUSIVE MODE")
        built = threads.submit(ensure_index, database, model, database.settings, poll_seconds=0.05)
        wait_until(lambda: execute(models_url, building) == [(1,)])
        writer = threads.submit(write_after, url, Lock.INDEX)
        wait_until(lambda: execute(models_url, waiting) == [(1,)])
        time.sleep(0.5)  # for the builder's next look at its progress, which waits at the pooler
        holder.rollback()
        assert built.result(60)  # PgBouncer itself lets nobody wait longer than 120
        writer.result(DEADLINE)


def write_after(url: str, name: Lock) -> None:
    """Wait in a transaction, as who writes vectors does while their index is built."""
    with connect(url) as connection:
        lock(connection, name)


def test_the_schema(server: str, home: Path, cli: Cli) -> None:
    with clone(server, "template1") as url, pooler(url, pool_size=2) as pooled_url:
        with ThreadPoolExecutor(3) as threads:
            done = list(threads.map(lambda _: cli(pooled_url, "db", "upgrade"), range(3)))
        assert [(process.returncode, process.stderr) for process in done] == [(0, "")] * 3
        execute(url, "DROP FUNCTION search_candidates CASCADE")
        assert cli(pooled_url, "db", "check").returncode == 1
        assert cli(pooled_url, "db", "upgrade").returncode == 0
        with open_database(settings_for(pooled_url, home)) as database:
            schema.check(database)
            migrate.downgrade(database, "base")
            migrate.upgrade(database)
        assert_nothing_left(url, pooled_url)
