"""Where the embedded server may live, and what is said where it can't."""

import hashlib
import os
import tempfile
from pathlib import Path

import psycopg
import pytest

from app.database.embedded import start, stop
from app.errors import LookalikeError
from tests.database.embedded.conftest import (
    assert_one_line,
    keep_a_row,
)

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("name", ["my home", "deep/" * 30, '50%, it\'s "ö" $HOME `x` @'])
def test_any_home_will_do(home: Path, name: str) -> None:
    odd = home / name
    uri = start(odd)
    try:
        keep_a_row(uri)
        assert start(odd) == uri
        folder = Path(psycopg.conninfo.conninfo_to_dict(uri)["host"])  # type: ignore[arg-type]
        assert folder.stat().st_mode & 0o077 == 0
        assert folder.stat().st_uid == (odd / "postgres").stat().st_uid
    finally:
        assert stop(odd) is True


def test_a_held_name_among_the_temporary_files_is_not_trusted(home: Path) -> None:
    deep = home / ("deep/" * 30)
    digest = hashlib.sha256(os.fsencode(deep / "postgres")).hexdigest()[:16]
    trap = Path(tempfile.gettempdir(), f"lookalike-{digest}")
    trap.symlink_to(home)
    try:
        uri = start(deep)
        assert f"{trap}-" in uri
        assert start(deep) == uri
        assert not (home / ".s.PGSQL.5432").exists()
    finally:
        stop(deep)
        trap.unlink()


def test_a_home_that_is_a_file(home: Path) -> None:
    (home / "file").write_text("not a folder")
    for path in (home / "file", home / "file" / "below"):
        with pytest.raises(LookalikeError) as caught:
            start(path)
        assert_one_line(caught.value, path, "LOOKALIKE_HOME")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_home_without_the_right_to_write(home: Path) -> None:
    home.chmod(0o500)
    try:
        with pytest.raises(LookalikeError) as caught:
            start(home)
    finally:
        home.chmod(0o700)
    assert_one_line(caught.value, home, "LOOKALIKE_HOME", "Permission denied")


def test_what_keeps_the_server_down_is_told(kept: Path) -> None:
    data = kept / "postgres"
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.write("shared_buffers = 'plenty'\n")
    with pytest.raises(LookalikeError) as caught:
        start(kept)
    assert_one_line(caught.value, kept, kept / "postgres.log", "contains errors")
    (data / "PG_VERSION").write_text("17\n")
    with pytest.raises(LookalikeError) as caught:
        start(kept)
    assert_one_line(caught.value, data, "Postgres 17", "pg_dump")
    (data / "PG_VERSION").unlink()
    with pytest.raises(LookalikeError) as caught:
        start(kept)
    assert_one_line(caught.value, data, "no complete Postgres data")
