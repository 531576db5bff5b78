"""The schema: up, down, up again, and every object explained."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path

import psycopg
import pytest
from alembic.script import ScriptDirectory
from psycopg import sql

from app.database import Database, migrate, open_database, schema
from app.database.differences import find_differences
from app.errors import LookalikeError
from tests.conftest import NUMBERS, Cli, clone, settings_for
from tests.models.conftest import add_model
from tests.support.templates import database_uri

UNCOMMENTED = """
SELECT c.relname || coalesce('.' || a.attname, '')
FROM pg_class AS c
LEFT JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE c.relnamespace = 'public'::regnamespace
    AND c.relkind IN ('r', 'p', 'v')
    AND c.relname <> 'alembic_version'
    AND (obj_description(c.oid) IS NULL OR col_description(c.oid, a.attnum) IS NULL)
UNION ALL
SELECT p.proname
FROM pg_proc AS p
WHERE p.pronamespace = 'public'::regnamespace
    AND obj_description(p.oid) IS NULL
    AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.objid = p.oid AND d.deptype = 'e')
"""


@pytest.fixture
def blank_url(server: str) -> Iterator[str]:
    """A database with nothing in it at all."""
    with clone(server, "template1") as url:
        yield url


def test_up_down_up(blank_url: str, home: Path) -> None:
    with open_database(settings_for(blank_url, home)) as database:
        migrate.upgrade(database)
        assert schema.current(database) == schema.required()
        add_model(database, "one", vectors=False)
        migrate.downgrade(database, "base")
        assert schema.current(database) is None
        with database.connection() as connection:
            left = connection.execute(
                "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace "
                "UNION SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
            ).fetchall()
        assert {name for (name,) in left} <= {"alembic_version", "alembic_version_pkc"}
        migrate.upgrade(database)
        schema.check(database)
        with database.connection() as connection:
            assert find_differences(connection) == []


def test_everything_has_a_comment(empty_database: Database) -> None:
    add_model(empty_database, "compact")
    with empty_database.connection() as connection:
        assert connection.execute(UNCOMMENTED).fetchall() == []


def test_check_says_what_to_do(blank_url: str, cli: Cli) -> None:
    missing = cli(blank_url, "db", "check")
    assert missing.returncode == 1
    assert "run `lookalike db upgrade`" in missing.stderr
    assert cli(blank_url, "db", "upgrade").returncode == 0
    current = cli(blank_url, "db", "check")
    assert current.returncode == 0
    assert "current, at revision" in current.stdout
    with psycopg.connect(blank_url) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    newer = cli(blank_url, "db", "check")
    assert newer.returncode == 1
    assert "9999" in newer.stderr
    assert len(newer.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize("arguments", [("status",), ("embed",), ("similar", "1"), ("serve",)])
def test_a_missing_schema_is_one_line(blank_url: str, cli: Cli, arguments: tuple[str, ...]) -> None:
    done = cli(blank_url, *arguments)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "lookalike: the database has no schema yet: run `lookalike db upgrade`"
    )


def test_an_unreachable_server_is_one_line(cli: Cli, tmp_path: Path) -> None:
    url = f"postgresql://somebody:secret@/shop?host={tmp_path}"
    done = cli(url, "status")
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "can't use the database shop" in done.stderr
    assert "secret" not in done.stderr


def test_two_upgrades_at_once_wait_for_each_other(blank_url: str, cli: Cli, home: Path) -> None:
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: cli(blank_url, "db", "upgrade"), range(3)))
    assert [process.returncode for process in done] == [0, 0, 0], done
    with open_database(settings_for(blank_url, home)) as database:
        schema.check(database)


def test_a_missing_extension_names_the_way_out(server: str, home: Path) -> None:
    """A role that may not create the extension stands for a server that hasn't got it."""
    role = sql.Identifier(f"weak_{next(NUMBERS)}")
    with clone(server, "template1") as url:
        name = url.partition("?")[0].rpartition("/")[2]
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
            connection.execute(sql.SQL("GRANT CREATE ON SCHEMA public TO {}").format(role))
        weak = database_uri(server, name).replace("postgres@", f"{role.as_string()[1:-1]}@")
        with (
            open_database(settings_for(weak, home)) as database,
            pytest.raises(LookalikeError, match="run CREATE EXTENSION vector"),
        ):
            migrate.upgrade(database)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP OWNED BY {}").format(role))
            connection.execute(sql.SQL("DROP ROLE {}").format(role))


def test_the_revisions_are_those_that_alembic_finds() -> None:
    found = ScriptDirectory(str(files("migrations"))).walk_revisions()
    assert list(schema.revisions()) == [script.revision for script in found][::-1]
