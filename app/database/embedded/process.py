"""The processes of an embedded Postgres: finding, starting and ending them.

A process id from a file is never trusted. A process belongs to a data folder if it is named
`postgres` and that folder is its working folder, which holds for the postmaster and its children
from their start.
"""

import logging
import os
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from app.database.embedded.account import ServerUser
from app.database.embedded.endpoint import Answer, socket_file, try_connecting
from app.errors import LookalikeError

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.05


@dataclass(frozen=True)
class Postmaster:
    """The living postmaster of a data folder, as its pid file describes it."""

    process: psutil.Process
    socket_folder: Path | None
    status: str

    @property
    def is_stopping(self) -> bool:
        """Whether it is shutting down."""
        return self.status == "stopping"

    @property
    def has_lost_socket(self) -> bool:
        """Whether it runs without its socket: a cleaner deleted it, or the home was moved."""
        if self.status != "ready" or self.socket_folder is None:
            return False
        return not socket_file(self.socket_folder).exists()

    def answer(self) -> Answer:
        """Try to connect, unless its pid file says that it is starting or stopping."""
        if self.socket_folder is None or self.status in ("starting", "stopping"):
            return Answer.WAIT
        return try_connecting(self.socket_folder)


def pid_file_lines(data: Path) -> list[str]:
    """Return the lines of a data folder's pid file; none if it is missing or unreadable."""
    try:
        return (data / "postmaster.pid").read_text(errors="replace").splitlines()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []


def recorded_socket_folder(data: Path) -> Path | None:
    """Return the socket folder that the pid file names: the fifth line, written once it listens."""
    lines = pid_file_lines(data)
    return Path(lines[4]) if len(lines) > 4 and lines[4] else None


def find_postmaster(data: Path) -> Postmaster | None:
    """Return the postmaster that the pid file names, if it is alive and runs in the data folder.

    A stale file may name a dead process or, after a reboot, an unrelated one: both give None.
    """
    lines = pid_file_lines(data)
    with suppress(psutil.Error, ValueError, IndexError):
        process = psutil.Process(int(lines[0]))
        if _belongs_to(process, data):
            status = lines[7].strip() if len(lines) > 7 else "starting"
            return Postmaster(process, recorded_socket_folder(data), status)
    return None


def processes_of(data: Path) -> list[psutil.Process]:
    """Return every living postgres process that works in this data folder."""
    return [process for process in psutil.process_iter() if _belongs_to(process, data)]


def alive(process: psutil.Process) -> bool:
    """Return whether a process still runs; a zombie doesn't."""
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def spawn(
    command: Sequence[str | Path], data: Path, log: Path, user: ServerUser
) -> psutil.Process | None:
    """Start a server in the background and return its process, None if that has ended already.

    A shell starts it and exits, so that no Python process has to reap it, and a Ctrl-C in this
    terminal does not reach it. The environment is empty but for PATH: PGPORT, PGDATA, PGOPTIONS
    and the locale of the first user must not affect the server.

    Raises:
        OSError: the shell cannot be started.
    """
    with log.open("ab") as output:
        shell = subprocess.run(
            ["/bin/sh", "-c", '"$@" </dev/null >&2 & echo $!', "sh", *command],
            cwd=data,
            env={"PATH": os.defpath},
            stdout=subprocess.PIPE,
            stderr=output,
            start_new_session=True,
            check=True,
            **user.switch,
        )
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(int(shell.stdout))
    return None


def end_server(data: Path, shutdown_seconds: float) -> bool:
    """End every process that works in a data folder; return whether there was any.

    On SIGINT a postmaster rolls back open transactions and writes a checkpoint. Any other process
    is usually an orphan of a postmaster that was killed; it holds the shared memory until it
    notices, which takes long in the middle of a query. Orphans get no SIGINT or SIGTERM, since an
    orphaned checkpointer would write a checkpoint while others may still write. After SIGQUIT and
    SIGKILL the next start recovers. Nothing committed is lost in any of these cases.

    Args:
        data: the data folder.
        shutdown_seconds: time for an orderly shutdown.

    Raises:
        LookalikeError: a process does not end.
    """
    found = processes_of(data)
    postmaster = find_postmaster(data)
    if postmaster is not None:
        _end([postmaster.process], (signal.SIGINT, shutdown_seconds))
    left = processes_of(data)
    if left:
        logger.info("processes that a dead server left in %s: %d", data, len(left))
        _end(left, (None, 2), (signal.SIGQUIT, 5), (signal.SIGKILL, 5))
    stuck = next((process for process in left if alive(process)), None)
    if stuck is not None:
        raise LookalikeError(
            f"A process of the Postgres in {data} does not end: see what holds process "
            f"{stuck.pid}, or restart the machine, and try again."
        )
    return bool(found)


def ends_by_itself(process: psutil.Process, seconds: float) -> bool:
    """Wait for a process to end; return whether it did."""
    _end([process], (None, seconds))
    return not alive(process)


def _belongs_to(process: psutil.Process, data: Path) -> bool:
    try:
        if process.name() != "postgres":
            return False
        folder = process.cwd()
    except psutil.Error:
        return False  # ended, a zombie, or another user's
    try:
        return data.samefile(folder)
    except OSError:  # its working folder was deleted
        return folder == str(data)


def _end(processes: Sequence[psutil.Process], *steps: tuple[signal.Signals | None, float]) -> None:
    """Send signals one after the other, None for none, each with seconds to take effect."""
    for number, seconds in steps:
        left = [process for process in processes if alive(process)]
        for process in left:
            with suppress(psutil.Error):
                if number is not None:
                    process.send_signal(number)
        deadline = time.monotonic() + seconds
        while any(alive(process) for process in left) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
