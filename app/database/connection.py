"""Connections: one pool a process, and an SQLAlchemy engine that draws from it."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import psycopg
from pgvector.psycopg import register_vector
from psycopg_pool import ConnectionPool
from sqlalchemy import NullPool, create_engine
from sqlalchemy.orm import Session

from app.database import embedded
from app.errors import LookalikeError
from app.settings import Settings

SET_EF_SEARCH = "SELECT set_config('lookalike.ef_search', %s, false)"

CONNECT_TIMEOUT = 5
"""Seconds until a server that doesn't answer counts as unreachable."""


class Database:
    """The database of this process: a pool of psycopg connections that know pgvector's types.

    Args:
        url: libpq URI.
        settings: how many connections, and how hard their searches try.
    """

    def __init__(self, url: str, settings: Settings) -> None:
        self.url = url
        self._ef_search = settings.hnsw_ef_search
        self.pool = ConnectionPool(
            url,
            kwargs={"connect_timeout": CONNECT_TIMEOUT},
            min_size=1,
            max_size=settings.pool_size,
            open=False,
            timeout=CONNECT_TIMEOUT,
            configure=self._configure,
            check=ConnectionPool.check_connection,
            close_returns=True,  # lets SQLAlchemy give a connection back by closing it
            name="lookalike",
        )
        self.engine = create_engine(
            "postgresql+psycopg://", poolclass=NullPool, creator=self.pool.getconn
        )

    def connection(self) -> AbstractContextManager[psycopg.Connection[Any]]:
        """Lend a connection: committed at the end of the block, rolled back on an exception.

        Raises:
            psycopg_pool.PoolTimeout: none was free, or the server didn't answer, in time.
        """
        return self.pool.connection()

    def session(self) -> Session:
        """Begin a unit of work of the ORM; use it as a context manager."""
        return Session(self.engine)

    def open(self) -> None:
        """Start to connect; after a fork, never before."""
        self.pool.open()

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()
        self.pool.close()

    def _configure(self, connection: psycopg.Connection[Any]) -> None:
        # Before the first migration there is no such type, and nothing that needs it.
        with connection.transaction():
            found = connection.execute("SELECT to_regtype('halfvec')").fetchone()
            if found is not None and found[0] is not None:
                register_vector(connection)
            if self._ef_search is not None:
                connection.execute(SET_EF_SEARCH, [str(self._ef_search)])
        connection.commit()


def database_url(settings: Settings) -> str:
    """Return the URI of the database: `DATABASE_URL`, else of the embedded server, started."""
    return settings.database_url or embedded.start(settings.home)


def probe(url: str) -> None:
    """Connect once.

    Raises:
        LookalikeError: the server can't be reached; the text says which and why.
    """
    try:
        psycopg.connect(url, connect_timeout=CONNECT_TIMEOUT).close()
    except psycopg.Error as error:
        raise LookalikeError(
            f"can't connect to the database {place(url)} ({_reason(error)}): "
            "start it, or correct DATABASE_URL"
        ) from None


def place(url: str) -> str:
    """Name a database without its password."""
    try:
        known = psycopg.conninfo.conninfo_to_dict(url)
    except psycopg.Error:
        return "that DATABASE_URL names"
    where = known.get("host") or known.get("hostaddr") or "localhost"
    return f"{known.get('dbname') or known.get('user') or 'postgres'!s} on {where}"


@contextmanager
def open_database(settings: Settings) -> Iterator[Database]:
    """Open the database that the settings name, and close it at the end of the block.

    Raises:
        LookalikeError: the server can't be reached.
    """
    url = database_url(settings)
    probe(url)
    database = Database(url, settings)
    database.open()
    try:
        yield database
    finally:
        database.close()


def _reason(error: psycopg.Error) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[-1].strip()
