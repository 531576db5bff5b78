"""The embedded server comes up once, for everybody, and goes down when told."""

import subprocess
from pathlib import Path

import psycopg
import pytest

from app.database import embedded
from app.database.embedded import start, stop
from app.database.embedded.process import processes_of
from app.errors import LookalikeError
from tests.database.embedded.conftest import (
    PRINT_URI,
    assert_one_line,
    heads,
    keep_a_row,
    kept_row,
    run,
)

pytestmark = pytest.mark.slow


def test_start_twice_is_one_server(home: Path) -> None:
    uri = start(home)
    (head,) = heads(home)
    assert start(home) == uri
    assert heads(home) == [head]
    with psycopg.connect(uri) as connection:
        connection.execute("CREATE EXTENSION vector")
        row = connection.execute("SELECT '[3,4]'::halfvec <=> '[4,3]'::halfvec").fetchone()
        assert row is not None
        assert row[0] == pytest.approx(0.04, abs=1e-3)
        for setting, value in (("listen_addresses", ""), ("fsync", "on"), ("jit", "off")):
            assert connection.execute(f"SHOW {setting}").fetchone() == (value,)


def test_six_processes_at_once(home: Path) -> None:
    processes = [run(PRINT_URI, home) for _ in range(6)]
    answers = [process.communicate()[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0] * 6
    assert len(set(answers)) == 1
    assert len(heads(home)) == 1
    keep_a_row(answers[0])
    assert kept_row(answers[0]) == 42


def test_stop_then_start(home: Path) -> None:
    uri = start(home)
    keep_a_row(uri)
    assert stop(home) is True
    assert processes_of(home / "postgres") == []
    assert stop(home) is False
    assert start(home) == uri
    assert kept_row(uri) == 42


def test_stop_where_nothing_was_started_makes_nothing(home: Path) -> None:
    assert stop(home) is False
    assert stop(home / "missing") is False
    assert list(home.iterdir()) == []


def test_the_environment_has_no_say(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGPORT": "7777", "PGDATA": "/nowhere", "LC_ALL": "xx_YY"}.items():
        monkeypatch.setenv(name, value)
    uri = start(kept)
    assert kept_row(uri) == 42


def test_programs_come_from_the_wheel() -> None:
    version = subprocess.run(
        [embedded.binary("psql"), "--version"], capture_output=True, text=True, check=True
    )
    assert "PostgreSQL) 18" in version.stdout
    with pytest.raises(LookalikeError) as caught:
        embedded.binary("pg_nothing")
    assert_one_line(caught.value, "pg_nothing", "DATABASE_URL")
