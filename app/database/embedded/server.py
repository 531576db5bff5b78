"""Starting and stopping the server of a home.

It runs until `stop`, whichever process started it. A home holds `postgres/` (the data),
`postgres.log` (the server's log) and `postgres.lock` (the lock for creating, starting and stopping
the server).
"""

import logging
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
from filelock import FileLock, Timeout

from app.database.embedded import process as processes
from app.database.embedded.account import ServerUser
from app.database.embedded.endpoint import (
    PORT,
    Answer,
    create_database,
    socket_file,
    try_connecting,
    uri_of,
)
from app.database.embedded.files import (
    fatal_line,
    open_log,
    prepare_data_folder,
    runnable,
    socket_folder,
    way_out,
)
from app.database.embedded.process import Postmaster
from app.database.embedded.sizing import write_settings
from app.errors import LookalikeError

logger = logging.getLogger(__name__)

START_SECONDS = 300  # recovery of 4 GB of write-ahead log on a slow disk takes minutes
STOP_SECONDS = 60
DISCONNECT_SECONDS = 10
MAX_LAUNCHES = 5
TRANSIENT = ("is still in use", "lock file")  # reasons that another attempt may overcome


@dataclass(frozen=True)
class Site:
    """Where a home keeps its server."""

    home: Path

    @property
    def data(self) -> Path:
        """The data folder."""
        return self.home / "postgres"

    @property
    def log(self) -> Path:
        """The log of initdb and of the server."""
        return self.home / "postgres.log"

    @contextmanager
    def errors_in_one_line(self) -> Iterator[None]:
        """Raise errors within the block as a `LookalikeError` of one line."""
        try:
            yield
        except OSError as error:
            what = f"{error.filename}: {error.strerror}" if error.filename else str(error)
            raise LookalikeError(
                f"The folder {self.home} cannot hold the database ({what}): {way_out(what)}, "
                "or name another folder with LOOKALIKE_HOME."
            ) from error
        except (psycopg.Error, subprocess.SubprocessError) as error:
            raise self.failure(str(error).splitlines()[0]) from error

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the home's lock."""
        try:
            with FileLock(self.home / "postgres.lock", timeout=START_SECONDS + STOP_SECONDS):
                yield
        except Timeout:
            raise LookalikeError(
                f"Another process has been starting or stopping the Postgres in {self.home} for "
                f"minutes: look into {self.log}, end that process and try again."
            ) from None

    def failure(self, reason: str) -> LookalikeError:
        """Return the error for a server that did not start."""
        return LookalikeError(
            f"The embedded Postgres in {self.home} did not start: {reason.rstrip('.')}. Its log "
            f"is {self.log}; {way_out(reason)}, or set DATABASE_URL to a server of yours."
        )


@dataclass(frozen=True)
class Launch:
    """A server that is starting: its process, and the offset in the log where its lines begin."""

    process: psutil.Process | None
    log_start: int

    @property
    def failed(self) -> bool:
        """Whether it has ended."""
        return self.process is None or not processes.alive(self.process)


def start(home: Path) -> str:
    """Return a URI for the database `lookalike` of the home's server, started if it is not running.

    Any number of processes may call it at once; if the server runs, it costs one connection.

    Raises:
        LookalikeError: the home or the server cannot be used.
    """
    site = _site(home)
    with site.errors_in_one_line():
        running = processes.find_postmaster(site.data)
        if running is not None and running.socket_folder and running.answer() is Answer.READY:
            return uri_of(running.socket_folder)
        site.home.mkdir(parents=True, exist_ok=True)
        with site.locked():
            user = prepare_data_folder(site.data, site.log)
            return uri_of(_bring_up(site, user))


def stop(home: Path) -> bool:
    """Stop the home's server, rolling back open transactions; return whether one was running.

    Raises:
        LookalikeError: it does not stop, or the home is another user's.
    """
    site = _site(home)
    with site.errors_in_one_line():
        if not site.data.exists():
            return False
        with site.locked():
            folder = processes.recorded_socket_folder(site.data)
            ended = processes.end_server(site.data, STOP_SECONDS)
            if folder is not None and folder != site.data:
                with suppress(OSError):
                    folder.rmdir()
            return ended


def _site(home: Path) -> Site:
    return Site(home.expanduser().resolve())


def _bring_up(site: Site, user: ServerUser) -> Path:
    """Start the server unless it runs, wait until it answers, and return its socket folder."""
    launch: Launch | None = None
    launches = 0
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        running = processes.find_postmaster(site.data)
        if running is not None:
            if _advance(site, running) is Answer.READY and running.socket_folder is not None:
                return running.socket_folder
        elif launch is None or launch.failed:
            if launch is not None:
                _check_launch(site, launch, launches)
            launch = _launch(site, user)
            launches += 1
        time.sleep(processes.POLL_SECONDS)
    raise site.failure(f"it is not ready after {START_SECONDS} seconds")


def _advance(site: Site, running: Postmaster) -> Answer:
    """Bring a running server one step closer to readiness; return its answer."""
    answer = running.answer()
    if answer is Answer.NO_DATABASE and running.socket_folder is not None:
        create_database(running.socket_folder)
    elif running.is_stopping:
        # It waits for its clients to disconnect, for ever if need be: end it, and start it again.
        logger.info("the Postgres in %s was stopped by another process", site.home)
        if not processes.ends_by_itself(running.process, DISCONNECT_SECONDS):
            processes.end_server(site.data, STOP_SECONDS)
    elif running.has_lost_socket:
        logger.warning("the Postgres in %s has lost its socket: restarting it", site.home)
        processes.end_server(site.data, STOP_SECONDS)
    return answer


def _check_launch(site: Site, launch: Launch, launches: int) -> None:
    """Raise the reason for a failed launch, unless another attempt may succeed."""
    reason = fatal_line(site.log, launch.log_start)
    is_transient = reason is None or any(words in reason for words in TRANSIENT)
    if launches == MAX_LAUNCHES or not is_transient:
        raise site.failure(reason or "it was killed each time")


def _launch(site: Site, user: ServerUser) -> Launch:
    """Start a server, after removing what a dead one left behind."""
    processes.end_server(site.data, STOP_SECONDS)
    folder = socket_folder(site.data, user)
    if try_connecting(folder) is not Answer.NONE:
        # Two servers on one data folder destroy it. Perhaps this one runs in another container.
        raise site.failure(f"a server that is no process of this system answers in {folder}")
    for stale in (site.data / "postmaster.pid", Path(f"{socket_file(folder)}.lock")):
        stale.unlink(missing_ok=True)
    write_settings(site.data, user)
    user.may_enter(site.data)
    log_start = open_log(site.log)
    command = (runnable("postgres", user), "-D", site.data, "-k", folder, "-p", str(PORT))
    process = processes.spawn((*command, "-c", "listen_addresses="), site.data, site.log, user)
    return Launch(process, log_start)
