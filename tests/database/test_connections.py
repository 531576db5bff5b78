"""Connections: whatever a server, a database or an environment is set to, jobs work or say why not.

The table goes through what `ALTER DATABASE … SET` may have changed under us, with real databases.
"""

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.database import Database, connect, embedded, migrate, open_database, schema
from app.database.connection import without_timeouts
from app.database.differences import find_differences
from app.encoders.registry import get_backbone
from app.errors import LookalikeError
from app.models import activate, drop, ensure_index, list_models, register
from tests.conftest import Cli, clone, settings_for
from tests.support.templates import database_uri
from tests.support.waiting import execute

UNUSUAL = [
    ("DateStyle", "German"),
    ("DateStyle", "SQL, DMY"),
    ("TimeZone", "Asia/Kathmandu"),
    ("TimeZone", "<+03>-3"),
    ("IntervalStyle", "iso_8601"),
    ("bytea_output", "escape"),
    ("extra_float_digits", "-15"),
    ("standard_conforming_strings", "off"),
    ("client_encoding", "LATIN1"),
    ("default_transaction_isolation", "serializable"),
    ("default_transaction_deferrable", "on"),
    ("plan_cache_mode", "force_generic_plan"),
    ("enable_indexscan", "off"),
    ("enable_seqscan", "off"),
    ("quote_all_identifiers", "on"),
    ("array_nulls", "off"),
    ("lock_timeout", "2s"),
    ("idle_in_transaction_session_timeout", "2s"),
    ("max_parallel_workers_per_gather", "0"),
    ("row_security", "off"),
    ("xmloption", "document"),
    ("default_text_search_config", "german"),
    ("search_path", "public, pg_catalog"),
    ("check_function_bodies", "off"),
    ("jit", "off"),
]


@pytest.fixture
def blank_url(server: str) -> Iterator[str]:
    """A database with nothing in it at all."""
    with clone(server, "template1") as url:
        yield url


def alter(url: str, name: str, value: str) -> None:
    ((database,),) = execute(url, "SELECT current_database()")
    listed = value if name in ("search_path", "DateStyle") else f"'{value}'"
    execute(url, f"ALTER DATABASE {database} SET {name} = {listed}")


def work_through(database: Database) -> None:
    """The life of a schema and a model, with a value of each kind read back."""
    migrate.upgrade(database)
    with database.connection() as connection:
        assert find_differences(connection) == []
        connection.execute(
            "INSERT INTO items (item_id, sku, product_display_name, price, details) "
            "VALUES (1, '1', %s, 12.5, %s)",
            ["Größe \\ 'x' ☂", psycopg.types.json.Jsonb({"é": ["\\n"]})],
        )
        connection.execute(
            "INSERT INTO photos (item_id, position, reference, sha256) VALUES (1, 1, 'a', 'b')"
        )
        model = register(connection, get_backbone("compact"), "one", "0" * 64)
        connection.execute(
            "INSERT INTO embeddings (model_id, item_id, position, embedding, image_sha256) "
            "VALUES (%s, 1, 1, %s, 'b')",
            [model.model_id, f"[{','.join(['0.0625'] * 256)}]"],
        )
    assert ensure_index(database, model, database.settings)
    with database.connection() as connection:
        register(connection, get_backbone("compact"), "two", "1" * 64)
    assert activate(database, "two", force=True)
    assert activate(database, "one")
    drop(database, "two")
    with database.connection() as connection:
        (left,) = list_models(connection)
        row = connection.execute(
            "SELECT i.product_display_name, i.price, i.details, i.created_at, s.similarity "
            "FROM items AS i, similar_to((SELECT embedding FROM item_embeddings)) AS s"
        ).fetchone()
    assert left.active
    assert abs(left.created_at.timestamp() - time.time()) < 120
    assert row is not None
    assert row[:3] == ("Größe \\ 'x' ☂", Decimal("12.5"), {"é": ["\\n"]})
    assert row[3].utcoffset().total_seconds() == 0
    assert row[4] == pytest.approx(1, abs=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "value"), UNUSUAL)
def test_unusual_settings_of_a_database(blank_url: str, home: Path, name: str, value: str) -> None:
    alter(blank_url, name, value)
    with open_database(settings_for(blank_url, home)) as database:
        work_through(database)


def test_everything_unusual_at_once(blank_url: str, home: Path) -> None:
    for name, value in UNUSUAL[1:]:
        alter(blank_url, name, value)
    with open_database(settings_for(blank_url, home)) as database:
        work_through(database)


def test_short_statement_timeouts_end_no_change_of_schema(blank_url: str, home: Path) -> None:
    alter(blank_url, "statement_timeout", "30ms")
    with open_database(settings_for(blank_url, home)) as database:
        migrate.upgrade(database)
        schema.check(database)


def test_a_read_only_database_says_so(server: str, empty_template: str, cli: Cli) -> None:
    with clone(server, empty_template) as url:
        alter(url, "default_transaction_read_only", "on")
        done = cli(url, "db", "downgrade", "base", "--yes")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "the database takes no changes" in line
    assert "default_transaction_read_only is on" in line
    assert "go on" not in line


@pytest.mark.slow
@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("PGCLIENTENCODING", "LATIN1"),
        ("PGCLIENTENCODING", "SQL_ASCII"),
        ("PGDATESTYLE", "German"),
        ("PGTZ", "Asia/Kathmandu"),
        ("PGOPTIONS", "-c datestyle=German -c timezone=Asia/Tokyo -c lock_timeout=2s"),
        ("PGAPPNAME", "Größe"),
    ],
)
def test_variables_of_libpq_do_no_harm(
    blank_url: str, home: Path, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    with open_database(settings_for(blank_url, home)) as database:
        work_through(database)


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_an_encoding_that_holds_not_everything_is_refused(
    server: str, cli: Cli, encoding: str
) -> None:
    name = f"test_{encoding.lower()}"
    execute_alone(
        server,
        f"CREATE DATABASE {name} ENCODING '{encoding}' LOCALE 'C' LOCALE_PROVIDER libc "
        "TEMPLATE template0",
    )
    try:
        done = cli(database_uri(server, name), "db", "upgrade")
    finally:
        execute_alone(server, f"DROP DATABASE {name} WITH (FORCE)")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert f"the database {name} is encoded in {encoding}" in line
    assert "ENCODING 'UTF8'" in line


def test_pgvector_off_the_search_path_is_named(blank_url: str, home: Path, cli: Cli) -> None:
    execute(blank_url, 'CREATE SCHEMA "Ext"')
    execute(blank_url, 'CREATE EXTENSION vector SCHEMA "Ext"')
    done = cli(blank_url, "db", "upgrade")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert 'pgvector is in the schema "Ext", which is not on the search path' in line
    execute(blank_url, line.partition("run ")[2].partition(", and connect again")[0])
    with open_database(settings_for(blank_url, home)) as database:
        work_through(database)


def test_tables_off_the_search_path_are_named(server: str, empty_template: str, cli: Cli) -> None:
    with clone(server, empty_template) as url:
        execute(url, "CREATE SCHEMA shop")
        alter(url, "search_path", "shop")
        done = cli(url, "db", "check")
        assert done.returncode == 1
        (line,) = done.stderr.splitlines()
        assert "in the schema public, which is not on the search path" in line
        execute(url, line.partition("run ")[2].partition(", and connect again")[0])
        assert cli(url, "db", "check").returncode == 0


@pytest.mark.parametrize("schema", ['"My shop"', "ext"])
def test_a_schema_of_ones_own(blank_url: str, home: Path, schema: str) -> None:
    execute(blank_url, f"CREATE SCHEMA {schema}")
    alter(blank_url, "search_path", f"{schema}, public")
    execute(blank_url, "CREATE EXTENSION vector SCHEMA public")
    with open_database(settings_for(blank_url, home)) as database:
        work_through(database)


SLOW_CHANGES = """
CREATE FUNCTION take_long() RETURNS trigger LANGUAGE plpgsql
AS 'BEGIN PERFORM pg_sleep(1.5); RETURN NULL; END';
CREATE TRIGGER slow AFTER INSERT OR DELETE ON items EXECUTE FUNCTION take_long()
"""


@pytest.mark.slow
def test_no_timeout_ends_a_job(
    server: str, empty_template: str, sample_catalog: Path, cli: Cli
) -> None:
    with clone(server, empty_template) as url:
        execute(url, SLOW_CHANGES)
        alter(url, "statement_timeout", "1s")
        done = cli(url, "ingest", str(sample_catalog))
        assert done.returncode == 0, done.stderr
        ((sku,),) = execute(url, "SELECT min(sku) FROM items")
        done = cli(url, "items", "delete", str(sku), "--yes")
        assert (done.returncode, done.stdout[:18]) == (0, "deleted 1 product "), done.stderr


def test_timeouts_are_lifted_for_a_transaction(blank_url: str) -> None:
    alter(blank_url, "statement_timeout", "200ms")
    with connect(blank_url) as connection:
        with connection.transaction():
            without_timeouts(connection)
            connection.execute("SELECT pg_sleep(0.3)")
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute("SELECT pg_sleep(0.3)")


def test_nothing_is_prepared_on_the_server(blank_url: str, home: Path) -> None:
    with open_database(settings_for(blank_url, home)) as database:
        for _ in range(20):
            with database.connection() as connection:
                connection.execute("SELECT %s::int", [1])
        with database.connection() as connection:
            prepared = connection.execute("SELECT count(*) FROM pg_prepared_statements")
            assert prepared.fetchone() == (0,)


def test_a_connection_is_lent_without_a_round_trip(blank_url: str, home: Path) -> None:
    # One connection: of several the pool may lend another.
    settings = settings_for(blank_url, home).model_copy(update={"pool_size": 1})
    with open_database(settings) as database:
        with database.connection() as connection:
            pid = connection.info.backend_pid
        asked = "SELECT query FROM pg_stat_activity WHERE pid = %s"
        with database.connection() as connection:
            connection.execute("SELECT 'mine'")
        before = execute(blank_url, asked, pid)
        with database.connection() as connection:
            assert execute(blank_url, asked, pid) == before
            assert connection.info.backend_pid == pid


@contextmanager
def own_server(tmp: Path) -> Iterator[str]:
    """A server that a test may restart."""
    url = embedded.start(tmp)
    try:
        yield url
    finally:
        embedded.stop(tmp)


@pytest.mark.slow
def test_after_a_restart_the_first_answer_comes_soon(own_home: Path) -> None:
    with own_server(own_home) as url, open_database(settings_for(url, own_home)) as database:
        hold_several(database, 6)
        embedded.stop(own_home)
        time.sleep(3)
        with pytest.raises(psycopg.OperationalError), database.connection():
            pass
        embedded.start(own_home)
        begun = time.monotonic()
        with database.connection() as connection:
            connection.execute("SELECT 1")
        assert time.monotonic() - begun < 2
        # With six dead connections in the pool, which nobody has met yet.
        hold_several(database, 6)
        embedded.stop(own_home)
        embedded.start(own_home)
        begun = time.monotonic()
        with database.connection() as connection:
            connection.execute("SELECT 1")
        assert time.monotonic() - begun < 2


@pytest.fixture
def own_home() -> Iterator[Path]:
    """A home of the test's own, not below pytest's folder, which is closed to the server's user."""
    with tempfile.TemporaryDirectory(prefix="lookalike-") as folder:
        yield Path(folder)


def hold_several(database: Database, count: int) -> None:
    """Have a pool open so many connections."""
    barrier = threading.Barrier(count)

    def hold() -> None:
        with database.connection() as connection:
            connection.execute("SELECT 1")
            barrier.wait(30)

    threads = [threading.Thread(target=hold) for _ in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def execute_alone(url: str, statement: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def test_an_old_extension_type_is_no_matter_of_the_pool(blank_url: str, home: Path) -> None:
    """Connections that were opened before the extension came learn its types."""
    with open_database(settings_for(blank_url, home)) as database:
        with database.connection() as connection:
            connection.execute("SELECT 1")
        migrate.upgrade(database)
        with database.connection() as connection:
            row: Any = connection.execute("SELECT '[1,2]'::halfvec").fetchone()
        assert row[0].to_list() == [1.0, 2.0]


def test_a_database_that_is_not_there_is_one_line(server: str, cli: Cli) -> None:
    done = cli(database_uri(server, "nowhere"), "status")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert "there is no such database" in line
    assert "CREATE DATABASE" in line


def test_wrong_forms_raise(home: Path) -> None:
    with pytest.raises(LookalikeError, match="DATABASE_URL is not the address"):
        Database("mysql://ann:pw@host/shop", settings_for("x", home))


def test_a_lost_host_is_noticed_in_seconds_unless_the_address_says_otherwise(server: str) -> None:
    with connect(server) as connection:
        assert connection.info.get_parameters()["tcp_user_timeout"] == "25000"
        assert connection.info.get_parameters()["keepalives_idle"] == "10"
    with connect(f"{server}&keepalives_idle=60") as connection:
        assert connection.info.get_parameters()["keepalives_idle"] == "60"
