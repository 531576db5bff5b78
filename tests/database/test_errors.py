"""Errors of the database: advice that fits their kind, in one line, on the command line too."""

import errno
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import psycopg_pool
import pytest
from sqlalchemy.exc import ProgrammingError

from app.database import connect
from app.database.errors import DatabaseError, is_database_error, map_database_error, one_line
from tests.conftest import Cli, cli_environment, clone
from tests.support.commands import LOOKALIKE
from tests.support.waiting import execute
from worker.cli import _describe_os_error

GO_ON = "run the command again to go on"


@pytest.fixture
def connection(server: str) -> Iterator[psycopg.Connection[Any]]:
    with clone(server, "template1") as url, connect(url) as opened:
        yield opened


@pytest.mark.parametrize(
    ("sqlstate", "what", "advice"),
    [
        ("22023", "refuses a value", "correct it where it was set"),
        ("25006", "takes no changes", "default_transaction_read_only"),
        ("42883", "lacks a function", "db upgrade"),
        ("42P01", "lacks a table or view", "db upgrade"),
        ("42703", "lacks a column", "db upgrade"),
        ("53100", "disk of the database's server is full", "free space there"),
        ("53200", "out of memory", "LOOKALIKE_INDEX_MEMORY"),
        ("53300", "no connection to spare", "max_connections"),
        ("42501", "refuses permission", "as the owner of lookalike's tables"),
        ("28P01", "refuses the user or the password", "correct DATABASE_URL"),
        ("3D000", "no such database", "CREATE DATABASE"),
        ("57014", "was cancelled", "statement_timeout"),
        ("57P01", "ended the connection", GO_ON),
        ("57P02", "ended the connection", GO_ON),
        ("08006", "connection to the database was lost", GO_ON),
        ("40001", "undid a transaction", GO_ON),
        ("40P01", "undid a transaction", GO_ON),
        ("55P03", "holds a lock", "end it"),
        ("25P03", "waited too long", "idle_in_transaction_session_timeout"),
        ("2BP01", "depends on", "drop"),
        ("0A000", "lacks something", "install pgvector"),
        ("XX001", "damaged", "backup"),
        ("22012", "the database failed", "fault of lookalike"),
    ],
)
def test_advice_follows_from_the_kind(
    connection: psycopg.Connection[Any], sqlstate: str, what: str, advice: str
) -> None:
    with pytest.raises(psycopg.Error) as raised:
        connection.execute(
            f"DO $$ BEGIN RAISE EXCEPTION 'in other words\nand more' "
            f"USING ERRCODE = '{sqlstate}'; END $$"
        )
    error = map_database_error(raised.value)
    assert what in error.what
    assert advice in error.advice
    assert str(error) == f"{error.what}: {error.advice}"
    assert "(in other words)" in str(error)
    assert "\n" not in str(error)


def test_permanent_errors_say_nothing_of_going_on(connection: psycopg.Connection[Any]) -> None:
    for statement in (
        "SET TRANSACTION READ ONLY; CREATE TABLE t ()",
        "SELECT nobody()",
        "SELECT * FROM nowhere",
        "SELECT 1/0",
    ):
        with pytest.raises(psycopg.Error) as raised:
            connection.execute(statement.encode())
        connection.rollback()
        error = map_database_error(raised.value)
        assert "go on" not in str(error)
        assert not error.may_pass


def test_who_may_not_create_the_extension_is_told_who_may(
    connection: psycopg.Connection[Any],
) -> None:
    connection.execute("CREATE ROLE weak_errors")
    connection.execute("SET ROLE weak_errors")
    with pytest.raises(psycopg.Error) as raised:
        connection.execute("CREATE EXTENSION vector")
    connection.rollback()
    assert "have a superuser, or the admin role of a hosted server, run CREATE EXTENSION" in str(
        map_database_error(raised.value)
    )
    with pytest.raises(psycopg.Error) as raised:
        connection.execute("CREATE EXTENSION no_such_extension")
    connection.rollback()
    assert "install pgvector" in map_database_error(raised.value).advice


def test_a_lost_connection_may_pass(server: str) -> None:
    with clone(server, "template1") as url:
        connection = connect(url)
        execute(url, "SELECT pg_terminate_backend(%s)", connection.info.backend_pid)
        with pytest.raises(psycopg.Error) as raised:
            connection.execute("SELECT 1")
        connection.close()
    error = map_database_error(raised.value)
    assert error.may_pass
    assert error.advice == GO_ON


def test_an_unreachable_server(tmp_path: Path) -> None:
    with pytest.raises(psycopg.Error) as raised:
        connect(f"postgresql://ann:Zebra@/shop?host={tmp_path}")
    error = map_database_error(raised.value)
    assert error.what.startswith("can't connect to the database (")
    assert error.advice == "start it, or correct DATABASE_URL"
    assert error.may_pass
    assert "Zebra" not in str(error)


def test_a_host_without_an_address_is_no_lost_connection() -> None:
    error = psycopg.OperationalError("failed to resolve host 'db.invalid': [Errno -2] Name unknown")
    assert "can't connect" in str(map_database_error(error))
    assert map_database_error(error).advice == "start it, or correct DATABASE_URL"


def test_a_pool_without_a_free_connection() -> None:
    error = map_database_error(psycopg_pool.PoolTimeout("couldn't get a connection"))
    assert "LOOKALIKE_POOL_SIZE" in error.advice
    assert error.may_pass


def test_sqlalchemys_wrapping_is_seen_through() -> None:
    wrapped = ProgrammingError("SELECT", None, psycopg.errors.UndefinedTable("no table\nmore"))
    assert is_database_error(wrapped)
    assert one_line(wrapped) == "no table"
    assert isinstance(map_database_error(wrapped), DatabaseError)
    assert not is_database_error(ValueError("x"))


def test_a_no_changes_nothing(empty_url: str, home: Path) -> None:
    done = subprocess.run(
        [LOOKALIKE, "db", "downgrade", "base"],
        env=cli_environment(empty_url, home),
        input="n\n",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.endswith("lookalike: nothing was changed\n")
    assert "go on" not in done.stderr.replace("Go on?", "")


@pytest.mark.parametrize(
    ("arguments", "resumed"), [(["db", "upgrade"], False), (["models", "drop", "compact"], True)]
)
def test_only_what_goes_on_says_so_when_interrupted(
    empty_url: str, home: Path, arguments: list[str], resumed: bool
) -> None:
    lock = "lookalike schema" if not resumed else "lookalike models"
    with psycopg.connect(empty_url) as holder:
        holder.execute("UPDATE alembic_version SET version_num = version_num")
        holder.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [lock])
        process = subprocess.Popen(
            [LOOKALIKE, *arguments],
            env=cli_environment(empty_url, home),
            stderr=subprocess.PIPE,
            text=True,
        )
        until = time.monotonic() + 60
        waiting = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        while not execute(empty_url, waiting):
            assert time.monotonic() < until
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    assert process.returncode == 1
    (line,) = [line for line in said.splitlines() if line]
    assert line == f"lookalike: interrupted{'; ' + GO_ON if resumed else ''}"


def test_a_full_disk_names_the_target_of_a_copy() -> None:
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/from/a.jpg", None, "/to/a.jpg")
    assert _describe_os_error(full) == "/to/a.jpg: No space left on device"
    gone = OSError(errno.ENOENT, os.strerror(errno.ENOENT), "/from/a.jpg", None, "/to/a.jpg")
    assert _describe_os_error(gone) == "/from/a.jpg: No such file or directory"


def test_a_missing_function_says_upgrade(empty_url: str, cli: Cli) -> None:
    execute(empty_url, "DROP FUNCTION search_candidates CASCADE")
    done = cli(empty_url, "models", "list")
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("lookalike: the schema lacks ")
    assert "function search_candidates" in line
    assert "run `lookalike db upgrade`" in line
