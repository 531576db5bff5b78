"""The processes of an embedded Postgres: which are ours, do they answer, how they start and end.

Nothing here trusts a process id that it read from a file. A process belongs to a data folder when
it is named `postgres` and that folder is its working folder, which is so for the postmaster and
for each of its children from their first instant.
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
from app.database.embedded.endpoint import Answer, knock, socket_file
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
        """Whether it was told to shut down."""
        return self.status == "stopping"

    @property
    def is_deaf(self) -> bool:
        """Whether it runs but lost its socket: a cleaner took it, or the home was moved."""
        if self.status != "ready" or self.socket_folder is None:
            return False
        return not socket_file(self.socket_folder).exists()

    def answer(self) -> Answer:
        """Knock, unless it says by its pid file that it would not open."""
        if self.socket_folder is None or self.status in ("starting", "stopping"):
            return Answer.WAIT
        return knock(self.socket_folder)


def pid_file_lines(data: Path) -> list[str]:
    """Return the lines of a data folder's pid file: none where it is missing or unreadable."""
    try:
        return (data / "postmaster.pid").read_text(errors="replace").splitlines()
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return []


def recorded_socket_folder(data: Path) -> Path | None:
    """Return the socket folder that the pid file names: the fifth line, written once it listens."""
    lines = pid_file_lines(data)
    return Path(lines[4]) if len(lines) > 4 and lines[4] else None


def find_postmaster(data: Path) -> Postmaster | None:
    """Return the postmaster that the pid file names, if that process is alive and is one of ours.

    A stale file may name a dead process or, after a reboot, a stranger: both give None.
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
    """Tell whether a process still runs; one that is dead but not reaped does not."""
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


def spawn(
    command: Sequence[str | Path], data: Path, log: Path, user: ServerUser
) -> psutil.Process | None:
    """Start a server as nobody's child and return its process, None if that is gone already.

    A shell in between starts it and leaves, so that no Python process has to reap it, and a
    Ctrl-C in this terminal does not reach it. The environment is empty but for the search path:
    PGPORT, PGDATA, PGOPTIONS and the locale of whoever comes first must not shape the server.

    Raises: OSError where the shell cannot be started.
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


def end_server(data: Path, patience: float) -> bool:
    """End every process that works in a data folder; return whether there was any.

    patience: seconds for an orderly shutdown.

    SIGINT has a postmaster roll back what is open and write a checkpoint. Whatever is left is no
    postmaster with a valid pid file: mostly orphans of one that was killed, which hold its shared
    memory until they notice, late if they are in the middle of a long query. They get no SIGINT or
    SIGTERM, since an orphaned checkpointer would write a checkpoint without knowing who else
    still writes. SIGQUIT and SIGKILL leave it all to the recovery of the next start. Nothing
    committed is lost on any of these ways.

    Raises: LookalikeError where a process does not end.
    """
    found = processes_of(data)
    postmaster = find_postmaster(data)
    if postmaster is not None:
        _end([postmaster.process], (signal.SIGINT, patience))
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
        return False  # gone, a zombie, or somebody else's
    try:
        return data.samefile(folder)
    except OSError:  # the folder it works in was deleted under it
        return folder == str(data)


def _end(processes: Sequence[psutil.Process], *steps: tuple[signal.Signals | None, float]) -> None:
    """Send one signal after another, or none, each with seconds to take effect."""
    for number, seconds in steps:
        left = [process for process in processes if alive(process)]
        for process in left:
            with suppress(psutil.Error):
                if number is not None:
                    process.send_signal(number)
        deadline = time.monotonic() + seconds
        while any(alive(process) for process in left) and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
