"""Connecting to the embedded Postgres through its socket."""

import os
from enum import Enum
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import pq

DATABASE = "lookalike"
PORT = 5432  # only names the socket; explicit, so that PGPORT has no effect
ANSWER_SECONDS = 5


class Answer(Enum):
    """The result of trying to connect to a server's socket."""

    READY = "the database accepts connections, or has as many as it allows"
    NO_DATABASE = "the server is up, the database is not there yet"
    WAIT = "a server is there, and is starting, stopping or busy"
    NONE = "nobody listens"


def socket_file(folder: Path) -> Path:
    """Return the path of the socket in its folder."""
    return folder / f".s.PGSQL.{PORT}"


def uri_of(socket_folder: Path, database: str = DATABASE) -> str:
    """Return the libpq URI of a database of a socket folder."""
    return f"postgresql://postgres@/{database}?host={quote(os.fsencode(socket_folder))}&port={PORT}"


def try_connecting(socket_folder: Path) -> Answer:
    """Try to connect to the database of a socket folder, for a few seconds at most."""
    try:
        psycopg.connect(uri_of(socket_folder), connect_timeout=ANSWER_SECONDS).close()
    except psycopg.OperationalError as error:
        return _why_refused(socket_folder, str(error))
    return Answer.READY


def create_database(socket_folder: Path) -> None:
    """Create the database `lookalike`; whether that worked shows at the next connection.

    Raises:
        psycopg.Error: the server refuses, for lack of disk space for instance.
    """
    try:
        with psycopg.connect(uri_of(socket_folder, "postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{DATABASE}"')
    except psycopg.errors.DuplicateDatabase:
        pass
    except psycopg.OperationalError as error:
        went_away = error.sqlstate is None or error.sqlstate.startswith("57")
        if not went_away:
            raise


def _why_refused(socket_folder: Path, reason: str) -> Answer:
    ping = pq.PGconn.ping(f"{uri_of(socket_folder)}&connect_timeout={ANSWER_SECONDS}".encode())
    if ping == pq.Ping.OK:
        if f'database "{DATABASE}" does not exist' in reason:
            return Answer.NO_DATABASE
        full = "too many clients" in reason or "connection slots are reserved" in reason
        # Any other reason may be outdated: try again.
        return Answer.READY if full else Answer.WAIT
    busy = ("timeout", "timed out", "temporarily unavailable")
    if ping == pq.Ping.REJECT or any(word in reason for word in busy):
        return Answer.WAIT
    return Answer.NONE
