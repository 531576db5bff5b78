"""A real PgBouncer in transaction mode in front of a database, where it is installed."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"  # Debian's is no one's PATH

CONFIG = """
[databases]
* = host={host} port={port}

[pgbouncer]
listen_addr =
unix_socket_dir = {folder}
listen_port = 6432
logfile = {folder}/log
auth_type = trust
auth_file = {folder}/users
pool_mode = transaction
default_pool_size = {pool_size}
max_client_conn = 200
server_lifetime = 600
ignore_startup_parameters = extra_float_digits
"""


@contextmanager
def pooler(url: str, pool_size: int = 4) -> Iterator[str]:
    """Run PgBouncer in transaction mode in front of a database; skip the test where it is missing.

    Args:
        url: the database's URI, over a Unix socket.
        pool_size: how many connections to the server all clients share.

    Returns:
        The URI of the same database behind the pooler.
    """
    program = shutil.which("pgbouncer", path=PATH)
    if program is None:
        pytest.skip("pgbouncer is not installed")
    known = psycopg.conninfo.conninfo_to_dict(url)
    user = str(known["user"])
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as name:
        folder = Path(name)
        (folder / "pgbouncer.ini").write_text(
            CONFIG.format(
                host=known["host"],
                port=known.get("port") or 5432,
                folder=folder,
                pool_size=pool_size,
            )
        )
        roles = (user, "lookalike_analyst", "lookalike_api", "lookalike_worker")
        (folder / "users").write_text("".join(f'"{role}" ""\n' for role in roles))
        owner = _owner_of(Path(str(known["host"]))) if os.geteuid() == 0 else None
        if owner is not None:
            shutil.chown(folder, owner.pw_uid, owner.pw_gid)
        process = subprocess.Popen(
            [program, str(folder / "pgbouncer.ini")],
            user=owner.pw_uid if owner else None,
            group=owner.pw_gid if owner else None,
            extra_groups=[] if owner else None,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            pooled = f"postgresql://{user}@/{known['dbname']}?host={folder}&port=6432"
            _wait_for(pooled, process, folder / "log")
            yield pooled
        finally:
            process.terminate()  # SIGTERM ends it at once; SIGINT would wait for its clients
            process.wait(20)


def _owner_of(socket_folder: Path) -> pwd.struct_passwd:
    """Whom the server runs as: PgBouncer refuses to be root's, and must reach the socket."""
    return pwd.getpwuid(socket_folder.stat().st_uid)


def _wait_for(url: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            psycopg.connect(url, connect_timeout=5).close()
            return
        except psycopg.Error:
            if process.poll() is not None or time.monotonic() > until:
                said = log.read_text()[-500:] if log.exists() else "nothing"
                raise AssertionError(f"pgbouncer does not answer; it said: {said}") from None
            time.sleep(0.05)
