"""Homes with an embedded server: of the test's own, to start, kill and move."""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from app.database.embedded import start, stop
from app.database.embedded.process import find_postmaster, processes_of
from app.errors import LookalikeError

START = "import sys, pathlib; from app.database.embedded import start; "
PRINT_URI = f"{START}print(start(pathlib.Path(sys.argv[1])))"


@contextmanager
def _folder() -> Iterator[Path]:
    # Not tmp_path: pytest closes its folders to other users, the server's among them under root.
    folder = Path(tempfile.mkdtemp(prefix="lookalike-test-")).resolve()
    try:
        yield folder
    finally:
        for home in (folder, folder / "home"):
            stop(home)
        shutil.rmtree(folder)


@pytest.fixture
def home() -> Iterator[Path]:
    """A folder with nothing in it."""
    with _folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def used_home() -> Iterator[Path]:
    """A home whose server is down; its database keeps a row."""
    with _folder() as folder:
        keep_a_row(start(folder))
        assert stop(folder) is True
        yield folder


@pytest.fixture
def kept(home: Path, used_home: Path) -> Path:
    """A copy of the used home."""
    subprocess.run(["cp", "-a", f"{used_home}/.", home], check=True)
    return home


def run(script: str, home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, str(home)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def heads(home: Path) -> list[psutil.Process]:
    # A child renames itself "postgres: what it does", some moments after its birth.
    found = processes_of(home / "postgres")
    pids = {process.pid for process in found}
    found_heads = []
    for process in found:
        with suppress(psutil.NoSuchProcess):
            child = " ".join(process.cmdline()).startswith("postgres: ")
            if not child and process.ppid() not in pids:
                found_heads.append(process)
    return found_heads


def kill_postmaster(home: Path) -> int:
    (head,) = heads(home)
    head.kill()
    wait_until(lambda: find_postmaster(home / "postgres") is None)
    return head.pid


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited a minute in vain"
        time.sleep(0.01)


def keep_a_row(uri: str) -> None:
    with psycopg.connect(uri) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")


def kept_row(uri: str) -> int:
    with psycopg.connect(uri) as connection:
        row = connection.execute("SELECT answer FROM kept").fetchone()
    assert row is not None
    return int(row[0])


def assert_one_line(error: LookalikeError, *names: str | Path) -> None:
    text = str(error)
    assert "\n" not in text
    for name in names:
        assert str(name) in text
