"""What kills, moves or imitates the embedded server costs nobody a row."""

import os
import signal
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest

from app.database.embedded import server, start, stop
from app.database.embedded.account import server_user
from app.database.embedded.process import find_postmaster, processes_of
from tests.database.embedded.conftest import (
    PRINT_URI,
    START,
    heads,
    keep_a_row,
    kept_row,
    kill_postmaster,
    run,
    wait_until,
)

pytestmark = pytest.mark.slow

HOLD_LOCKS = f"""{START}import psycopg, time
connection = psycopg.connect(start(pathlib.Path(sys.argv[1])))
connection.execute("LOCK TABLE kept")
print("held", flush=True)
time.sleep(600)"""


def test_a_killed_user_leaves_the_server_to_the_others(kept: Path) -> None:
    uri = start(kept)
    (head,) = heads(kept)
    with psycopg.connect(uri) as other:
        user = run(HOLD_LOCKS, kept)
        with user:
            assert user.stdout is not None
            assert user.stdout.readline() == "held\n"
            user.kill()
        assert other.execute("SELECT answer FROM kept").fetchone() == (42,)  # the lock is gone
    assert start(kept) == uri
    assert heads(kept) == [head]


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
        wait_until(lambda: connection.execute(seen).fetchone() is not None)
    dead = kill_postmaster(kept)
    assert processes_of(kept / "postgres")
    assert start(kept) == uri
    worker.join()
    assert kept_row(uri) == 42
    assert [head.pid for head in heads(kept)] != [dead]


def test_a_stranger_in_the_pid_file_is_left_alone(kept: Path) -> None:
    uri = start(kept)
    kill_postmaster(kept)
    switch = server_user(kept / "postgres").switch
    stranger = subprocess.Popen(["sleep", "600"], **switch)
    try:
        for name in ("postmaster.pid", ".s.PGSQL.5432.lock"):
            file = kept / "postgres" / name
            lines = file.read_text().splitlines(keepends=True)
            file.write_text("".join([f"{stranger.pid}\n", *lines[1:]]))
        assert start(kept) == uri
        assert kept_row(uri) == 42
        assert stranger.poll() is None
        assert stop(kept) is True
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_half_finished_initdb_is_redone(home: Path) -> None:
    process = run(PRINT_URI, home)
    with process:
        wait_until(lambda: any(home.glob("postgres.init-*/global")))
        os.killpg(process.pid, signal.SIGKILL)
    assert not (home / "postgres").exists()
    assert any(home.glob("postgres.init-*/global"))
    uri = start(home)
    keep_a_row(uri)
    assert not any(home.glob("postgres.init-*"))


def test_a_server_that_lost_its_pid_file_is_replaced(kept: Path) -> None:
    uri = start(kept)
    (head,) = heads(kept)
    (kept / "postgres" / "postmaster.pid").unlink()
    assert start(kept) == uri
    assert kept_row(uri) == 42
    assert len(heads(kept)) == 1
    assert heads(kept) != [head]


def test_a_home_that_moved_while_its_server_ran(kept: Path) -> None:
    data, moved = kept / "postgres", kept / "home" / "postgres"
    uri = start(kept)
    (old,) = heads(kept)
    moved.parent.mkdir()
    data.rename(moved)
    assert start(moved.parent) != uri
    assert kept_row(start(moved.parent)) == 42
    assert heads(moved.parent) != [old]
    assert not old.is_running() or old.status() == psutil.STATUS_ZOMBIE


def test_a_server_that_waits_to_stop_is_hastened(
    kept: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "DISCONNECT_SECONDS", 0.1)
    uri = start(kept)
    (head,) = heads(kept)
    with psycopg.connect(uri):  # SIGTERM waits for this client
        head.terminate()
        running = find_postmaster(kept / "postgres")
        assert running is not None
        wait_until(lambda: "stopping" in (kept / "postgres" / "postmaster.pid").read_text())
        assert start(kept) == uri
    assert kept_row(uri) == 42
