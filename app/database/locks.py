"""Locks that a transaction holds and its end frees: they work behind a connection pooler."""

import time
from enum import StrEnum
from threading import Event
from typing import Any

import psycopg

POLL_SECONDS = 0.5


class Lock(StrEnum):
    """What only one transaction in a database does at a time."""

    INGEST = "ingest"
    MODELS = "models"
    INDEX = "index"
    SCHEMA = "schema"


def lock(connection: psycopg.Connection[Any], name: Lock) -> None:
    """Take a lock until the end of the transaction, waiting in the server for as long as it takes.

    The wait is one statement, which holds a snapshot: where the other side runs a statement that
    waits for old snapshots (`CREATE INDEX CONCURRENTLY`), use `wait_for_lock` instead.

    Args:
        connection: in a transaction.
        name: the lock.
    """
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('lookalike ' || %s))", [str(name)])


def try_lock(connection: psycopg.Connection[Any], name: Lock) -> bool:
    """Take a lock until the end of the transaction, if nobody has it.

    Args:
        connection: in a transaction.
        name: the lock.

    Returns:
        Whether this transaction holds it now.
    """
    row = connection.execute(
        "SELECT pg_try_advisory_xact_lock(hashtext('lookalike ' || %s))", [str(name)]
    ).fetchone()
    return row == (True,)


def wait_for_lock(
    connection: psycopg.Connection[Any],
    name: Lock,
    stop: Event | None = None,
    poll_seconds: float = POLL_SECONDS,
) -> bool:
    """Take a lock, holding neither a snapshot nor a transaction while waiting for it.

    Args:
        connection: before a transaction, which the first statement begins; each failed try rolls
            back.
        name: the lock.
        stop: set it to give up.
        poll_seconds: how long to wait between two tries.

    Returns:
        Whether this transaction holds the lock now; False only after `stop`.
    """
    while not try_lock(connection, name):
        connection.rollback()
        if stop is None:
            time.sleep(poll_seconds)
        elif stop.wait(poll_seconds):
            return False
    return True
