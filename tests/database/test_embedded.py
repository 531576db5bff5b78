"""The embedded server, with real processes and real signals."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from app.database import embedded
from app.database.embedded import server, start, stop
from app.database.embedded.account import server_user
from app.database.embedded.process import find_postmaster, processes_of
from app.database.embedded.sizing import MIB, server_settings
from app.errors import LookalikeError

START = "import sys, pathlib; from app.database.embedded import start; "
PRINT_URI = f"{START}print(start(pathlib.Path(sys.argv[1])))"
HOLD_LOCKS = f"""{START}import psycopg, time
connection = psycopg.connect(start(pathlib.Path(sys.argv[1])))
connection.execute("LOCK TABLE kept")
print("held", flush=True)
time.sleep(600)"""


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


@pytest.fixture(scope="module")
def used_home() -> Iterator[Path]:
    """A home whose server is down; its database keeps a row."""
    with _folder() as folder:
        _keep_a_row(start(folder))
        assert stop(folder) is True
        yield folder


@pytest.fixture
def kept(home: Path, used_home: Path) -> Path:
    """A copy of the used home."""
    subprocess.run(["cp", "-a", f"{used_home}/.", home], check=True)
    return home


def _run(script: str, home: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", script, str(home)],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def _heads(home: Path) -> list[psutil.Process]:
    # A child renames itself "postgres: what it does", some moments after its birth.
    found = processes_of(home / "postgres")
    pids = {process.pid for process in found}
    heads = []
    for process in found:
        with suppress(psutil.NoSuchProcess):
            child = " ".join(process.cmdline()).startswith("postgres: ")
            if not child and process.ppid() not in pids:
                heads.append(process)
    return heads


def _kill_postmaster(home: Path) -> int:
    (head,) = _heads(home)
    head.kill()
    _until(lambda: find_postmaster(home / "postgres") is None)
    return head.pid


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "waited a minute in vain"
        time.sleep(0.01)


def _keep_a_row(uri: str) -> None:
    with psycopg.connect(uri) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")


def _kept(uri: str) -> int:
    with psycopg.connect(uri) as connection:
        row = connection.execute("SELECT answer FROM kept").fetchone()
    assert row is not None
    return int(row[0])


def _assert_one_line(error: LookalikeError, *names: str | Path) -> None:
    text = str(error)
    assert "\n" not in text
    for name in names:
        assert str(name) in text


def test_start_twice_is_one_server(home: Path) -> None:
    uri = start(home)
    (head,) = _heads(home)
    assert start(home) == uri
    assert _heads(home) == [head]
    with psycopg.connect(uri) as connection:
        connection.execute("CREATE EXTENSION vector")
        row = connection.execute("SELECT '[3,4]'::halfvec <=> '[4,3]'::halfvec").fetchone()
        assert row is not None
        assert row[0] == pytest.approx(0.04, abs=1e-3)
        for setting, value in (("listen_addresses", ""), ("fsync", "on"), ("jit", "off")):
            assert connection.execute(f"SHOW {setting}").fetchone() == (value,)


def test_six_processes_at_once(home: Path) -> None:
    processes = [_run(PRINT_URI, home) for _ in range(6)]
    answers = [process.communicate()[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0] * 6
    assert len(set(answers)) == 1
    assert len(_heads(home)) == 1
    _keep_a_row(answers[0])
    assert _kept(answers[0]) == 42


def test_a_killed_user_leaves_the_server_to_the_others(kept: Path) -> None:
    uri = start(kept)
    (head,) = _heads(kept)
    with psycopg.connect(uri) as other:
        user = _run(HOLD_LOCKS, kept)
        with user:
            assert user.stdout is not None
            assert user.stdout.readline() == "held\n"
            user.kill()
        assert other.execute("SELECT answer FROM kept").fetchone() == (42,)  # the lock is gone
    assert start(kept) == uri
    assert _heads(kept) == [head]


def test_stop_then_start(home: Path) -> None:
    uri = start(home)
    _keep_a_row(uri)
    assert stop(home) is True
    assert processes_of(home / "postgres") == []
    assert stop(home) is False
    assert start(home) == uri
    assert _kept(uri) == 42


def test_stop_where_nothing_was_started_makes_nothing(home: Path) -> None:
    assert stop(home) is False
    assert stop(home / "missing") is False
    assert list(home.iterdir()) == []


def test_a_killed_postmaster_loses_nothing(kept: Path) -> None:
    uri = start(kept)

    def work_for_long() -> None:
        with suppress(psycopg.Error), psycopg.connect(uri) as connection:
            connection.execute("SELECT count(*) FROM (SELECT generate_series(1, 1e12)) AS busy")

    # A backend in the middle of a query outlives its postmaster and holds the shared memory.
    worker = threading.Thread(target=work_for_long)
    worker.start()
    with psycopg.connect(uri, autocommit=True) as connection:
        seen = "SELECT 1 FROM pg_stat_activity WHERE query ~ 'busy' AND pid <> pg_backend_pid()"
        _until(lambda: connection.execute(seen).fetchone() is not None)
    dead = _kill_postmaster(kept)
    assert processes_of(kept / "postgres")
    assert start(kept) == uri
    worker.join()
    assert _kept(uri) == 42
    assert [head.pid for head in _heads(kept)] != [dead]


def test_a_stranger_in_the_pid_file_is_left_alone(kept: Path) -> None:
    uri = start(kept)
    _kill_postmaster(kept)
    switch = server_user(kept / "postgres").switch
    stranger = subprocess.Popen(["sleep", "600"], **switch)
    try:
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            file = kept / "postgres" / name
            lines = file.read_text().splitlines(keepends=True)
            file.write_text("".join([f"{stranger.pid}\n", *lines[1:]]))
        assert start(kept) == uri
        assert _kept(uri) == 42
        assert stranger.poll() is None
        assert stop(kept) is True
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_half_finished_initdb_is_redone(home: Path) -> None:
    process = _run(PRINT_URI, home)
    with process:
        _until(lambda: any(home.glob("postgres.init-*/global")))
        os.killpg(process.pid, signal.SIGKILL)
    assert not (home / "postgres").exists()
    assert any(home.glob("postgres.init-*/global"))
    uri = start(home)
    _keep_a_row(uri)
    assert not any(home.glob("postgres.init-*"))


@pytest.mark.parametrize("name", ["my home", "deep/" * 30, '50%, it\'s "ö" $HOME `x` @'])
def test_any_home_will_do(home: Path, name: str) -> None:
    odd = home / name
    uri = start(odd)
    try:
        _keep_a_row(uri)
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


def test_a_server_that_lost_its_pid_file_is_replaced(kept: Path) -> None:
    uri = start(kept)
    (head,) = _heads(kept)
    (kept / "postgres" / "postmaster.pid").unlink()
    assert start(kept) == uri
    assert _kept(uri) == 42
    assert len(_heads(kept)) == 1
    assert _heads(kept) != [head]


def test_a_home_that_moved_while_its_server_ran(kept: Path) -> None:
    data, moved = kept / "postgres", kept / "home" / "postgres"
    uri = start(kept)
    (old,) = _heads(kept)
    moved.parent.mkdir()
    data.rename(moved)
    assert start(moved.parent) != uri
    assert _kept(start(moved.parent)) == 42
    assert _heads(moved.parent) != [old]
    assert not old.is_running() or old.status() == psutil.STATUS_ZOMBIE


def test_a_server_that_waits_to_stop_is_hastened(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "PARTING_SECONDS", 0.1)
    uri = start(kept)
    (head,) = _heads(kept)
    with psycopg.connect(uri):  # SIGTERM waits for this client
        head.terminate()
        running = find_postmaster(kept / "postgres")
        assert running is not None
        _until(lambda: "stopping" in (kept / "postgres" / "postmaster.pid").read_text())
        assert start(kept) == uri
    assert _kept(uri) == 42


def test_the_environment_has_no_say(kept: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"PGPORT": "7777", "PGDATA": "/nowhere", "LC_ALL": "xx_YY"}.items():
        monkeypatch.setenv(name, value)
    uri = start(kept)
    assert _kept(uri) == 42


def test_a_home_that_is_a_file(home: Path) -> None:
    (home / "file").write_text("not a folder")
    for path in (home / "file", home / "file" / "below"):
        with pytest.raises(LookalikeError) as caught:
            start(path)
        _assert_one_line(caught.value, path, "LOOKALIKE_HOME")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_home_without_the_right_to_write(home: Path) -> None:
    home.chmod(0o500)
    try:
        with pytest.raises(LookalikeError) as caught:
            start(home)
    finally:
        home.chmod(0o700)
    _assert_one_line(caught.value, home, "LOOKALIKE_HOME", "Permission denied")


def test_what_keeps_the_server_down_is_told(kept: Path) -> None:
    data = kept / "postgres"
    with (data / "postgresql.auto.conf").open("a") as settings:
        settings.write("shared_buffers = 'plenty'\n")
    with pytest.raises(LookalikeError) as caught:
        start(kept)
    _assert_one_line(caught.value, kept, kept / "postgres.log", "contains errors")
    (data / "PG_VERSION").write_text("17\n")
    with pytest.raises(LookalikeError) as caught:
        start(kept)
    _assert_one_line(caught.value, data, "Postgres 17", "pg_dump")
    (data / "PG_VERSION").unlink()
    with pytest.raises(LookalikeError) as caught:
        start(kept)
    _assert_one_line(caught.value, data, "no complete Postgres data")


def test_programs_come_from_the_wheel() -> None:
    version = subprocess.run(
        [embedded.binary("psql"), "--version"], capture_output=True, text=True, check=True
    )
    assert "PostgreSQL) 18" in version.stdout
    with pytest.raises(LookalikeError) as caught:
        embedded.binary("pg_nothing")
    _assert_one_line(caught.value, "pg_nothing", "DATABASE_URL")


@pytest.mark.parametrize(
    ("memory", "buffers", "maintenance"),
    [(256, 128, 64), (4096, 1024, 512), (65536, 2048, 2048)],
)
def test_settings_follow_the_memory(memory: int, buffers: int, maintenance: int) -> None:
    settings = server_settings(memory * MIB, 4, None)
    assert settings["shared_buffers"] == f"{buffers}MB"
    assert settings["maintenance_work_mem"] == f"{maintenance}MB"
    assert settings["max_parallel_maintenance_workers"] == "4"
    assert "dynamic_shared_memory_type" not in settings


@pytest.mark.parametrize(("shared", "kind"), [(64, "mmap"), (1024, "mmap"), (4096, "posix")])
def test_a_small_shared_memory_is_not_built_upon(shared: int, kind: str) -> None:
    settings = server_settings(8192 * MIB, 4, shared * MIB)
    assert settings["dynamic_shared_memory_type"] == kind
