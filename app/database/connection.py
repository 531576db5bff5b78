"""Connections: one pool a process, and single ones for jobs that need their own.

All of them work behind PgBouncer in transaction mode: statements are prepared only where no pooler
is in between, and the only session settings that change are the four that PgBouncer tracks. Any
other setting that matters is set for one transaction, or the database is refused.
"""

import logging
import select
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from pgvector.psycopg import register_vector
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import ConnectionPool, PoolTimeout

from app.database import embedded
from app.database.errors import map_database_error
from app.database.query import query
from app.database.url import is_showable, libpq_url, redacted_url
from app.errors import LookalikeError
from app.settings import Settings

CONNECT_TIMEOUT = 5
"""Seconds after which a server that doesn't answer counts as unreachable."""

LOST_HOST = {
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 25_000,
}
"""Notices within 25 seconds that a server's machine is gone, where the system's own settings would
take a quarter of an hour or two; the address may say otherwise."""

QUIET_SECONDS = 30.0
"""Seconds that a connection may be idle and still be lent without a check."""

SESSION_SETTINGS = {
    "DateStyle": "ISO, MDY",
    "TimeZone": "UTC",
    "standard_conforming_strings": "on",
}
"""What our statements and psycopg rely on, besides `client_encoding`."""


ONLY_WHEN_ASKED = 2**31
"""How often psycopg runs a statement before it prepares it unasked: never. A prepared statement may
get a plan for any values, which is a bad one where filters are among them."""

# It warns every second while the server is down; callers report that themselves.
logging.getLogger("psycopg.pool").setLevel(logging.ERROR)


class PooledConnection(psycopg.Connection[Any]):
    """A connection with the time of its last use."""

    used_at: float = 0.0


class Database:
    """The database of this process: a pool of psycopg connections with pgvector's types registered.

    Args:
        url: the database's address, in any form that `libpq_url` takes.
        settings: of this process; `pool_size` is the maximum number of connections.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        self.url = libpq_url(url)
        self.settings = settings
        self.pool: ConnectionPool[PooledConnection] = ConnectionPool(
            self.url,
            connection_class=PooledConnection,
            kwargs=_arguments(self.url),
            min_size=1,
            max_size=settings.pool_size,
            open=False,
            timeout=CONNECT_TIMEOUT,
            configure=_configure_pooled,
            # Retry each second while the server is down, instead of waiting longer and longer.
            reconnect_timeout=1.0,
            reconnect_failed=_keep_trying,
            name="lookalike",
        )

    @contextmanager
    def connection(self, *, autocommit: bool = False) -> Iterator[psycopg.Connection[Any]]:
        """Lend a connection: committed at the end of the block, rolled back on an exception.

        Args:
            autocommit: each statement is a transaction of its own, and one round trip.

        Raises:
            psycopg_pool.PoolTimeout: none became free, or the server didn't answer, in time.
        """
        connection = self._borrow()
        try:
            if connection.autocommit != autocommit:
                connection.autocommit = autocommit
            if autocommit:
                yield connection
            else:
                with connection:
                    yield connection
        finally:
            connection.used_at = time.monotonic()
            self.pool.putconn(connection)

    def open(self) -> None:
        """Start to connect. Call it after a fork, never before."""
        self.pool.open()

    def close(self) -> None:
        """Close every connection."""
        self.pool.close()

    def _borrow(self) -> PooledConnection:
        # The pool's own check waits longer after each dead connection, and after a restart of the
        # server all of them are dead.
        until = time.monotonic() + CONNECT_TIMEOUT
        while True:
            connection = self.pool.getconn(max(until - time.monotonic(), 0.001))
            if _is_alive(connection):
                return connection
            self.pool.putconn(connection)
            self.pool.drain()
            if time.monotonic() > until:
                raise PoolTimeout("the server closes every connection")


def connect(url: str, *, autocommit: bool = False) -> psycopg.Connection[Any]:
    """Open one connection, set up like those of the pool. As a context manager it closes itself.

    Args:
        url: the database's address, in any form that `libpq_url` takes.
        autocommit: whether each statement is a transaction of its own.

    Raises:
        psycopg.OperationalError: the server can't be reached or refuses.
        LookalikeError: the address can't be read, or the database can't be used.
    """
    address = libpq_url(url)
    connection = psycopg.connect(address, **_arguments(address))
    try:
        _configure(connection)
        connection.autocommit = autocommit
    except BaseException:
        connection.close()
        raise
    return connection


def without_timeouts(connection: psycopg.Connection[Any]) -> None:
    """Disable all timeouts of the current transaction.

    Args:
        connection: in a transaction, at whose end the timeouts of the server and role apply again.
    """
    connection.execute(
        "SELECT set_config(name, '0', true) FROM pg_settings WHERE name = ANY (%s)",
        [
            [
                "statement_timeout",
                "lock_timeout",
                "idle_in_transaction_session_timeout",
                "transaction_timeout",
            ]
        ],
    )


def database_url(settings: Settings) -> str:
    """Return the database's URI: `DATABASE_URL`, or that of the embedded server, which is started.

    Raises:
        LookalikeError: `DATABASE_URL` can't be read, or the embedded server doesn't start.
    """
    if settings.database_url:
        return libpq_url(settings.database_url)
    return embedded.start(settings.home)


def probe(url: str) -> None:
    """Connect once, to check that the database can be used.

    Raises:
        LookalikeError: the server can't be reached, or the database isn't set up for lookalike;
            the text says what to do.
    """
    try:
        with connect(url) as connection:
            _require_usable(connection)
    except psycopg.Error as error:
        failure = map_database_error(error)
        what = failure.what if is_showable(url) else "no connection could be made"
        raise LookalikeError(
            f"can't use the database {redacted_url(url)}: {what}: {failure.advice}"
        ) from None


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """Open the database that the settings name, and close it at the end of the block.

    Raises:
        LookalikeError: the server can't be reached, or its database can't be used.
    """
    url = database_url(settings)
    probe(url)
    database = Database(url, settings)
    database.open()
    try:
        yield database
    finally:
        database.close()


def _require_usable(connection: psycopg.Connection[Any]) -> None:
    """Raise unless pgvector and our tables, where they exist, are on the search path."""
    row = connection.execute(query(__package__, "check_search_path")).fetchone()
    assert row is not None  # noqa: S101 - an aggregate
    path, vector, tables, way_out = row
    for what, schema in (("pgvector", vector), ("lookalike's tables", tables)):
        if schema is not None:
            verb = "is" if what == "pgvector" else "are"
            raise LookalikeError(
                f"{what} {verb} in the schema {schema}, which is not on the search path of this "
                f"connection ({path}): run {way_out}, and connect again"
            )


def _arguments(url: str) -> dict[str, Any]:
    return {
        **{name: value for name, value in LOST_HOST.items() if name not in conninfo_to_dict(url)},
        "connect_timeout": CONNECT_TIMEOUT,
        "prepare_threshold": None,
        "client_encoding": "utf8",  # overrides PGCLIENTENCODING
    }


def _configure(connection: psycopg.Connection[Any]) -> None:
    """Set up a new connection: one round trip, and one for each setting that differs."""
    status = connection.info.parameter_status
    if status("server_encoding") != "UTF8":
        raise LookalikeError(
            f"the database {connection.info.dbname} is encoded in {status('server_encoding')}: "
            "make one with CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0, and name it in "
            "DATABASE_URL"
        )
    connection.autocommit = True
    for name, value in SESSION_SETTINGS.items():
        if status(name) != value:
            connection.execute("SELECT set_config(%s, %s, false)", [name, value])
    # Before the first migration the type doesn't exist, and nothing needs it.
    found = connection.execute("SELECT to_regtype('halfvec'), pg_backend_pid()").fetchone()
    halfvec, pid = found or (None, None)
    if halfvec is not None:
        register_vector(connection)
    # A pooler tells its clients a number of its own.
    if pid == connection.info.backend_pid:
        connection.prepare_threshold = ONLY_WHEN_ASKED
    connection.autocommit = False
    # Sent with BEGIN, since a stricter default of the database would abort our transactions.
    connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED


def _configure_pooled(connection: PooledConnection) -> None:
    _configure(connection)
    connection.used_at = time.monotonic()


def _is_alive(connection: PooledConnection) -> bool:
    """Return whether a connection works; ask the server only if it is readable or was long idle."""
    if connection.closed:
        return False
    poll = select.poll()
    poll.register(connection.fileno(), select.POLLIN)
    if not poll.poll(0) and time.monotonic() - connection.used_at < QUIET_SECONDS:
        return True
    try:
        ConnectionPool.check_connection(connection)
    except psycopg.Error:
        return False
    return True


def _keep_trying(pool: ConnectionPool[Any]) -> None:
    # The pool stops connecting even while callers wait; resizing it starts it again.
    if pool.get_stats().get("pool_size", 0) == 0:
        pool.resize(0, pool.max_size)
        pool.resize(1, pool.max_size)
