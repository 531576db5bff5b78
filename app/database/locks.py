"""Advisory locks held until the end of a transaction, so that they work behind a pooler."""

import time
from enum import StrEnum
from threading import Event
from typing import Any

import psycopg

POLL_SECONDS = 0.5


class Lock(StrEnum):
    """The locks: one transaction in a database holds each at a time."""

    INGEST = "ingest"
    MODELS = "models"
    INDEX = "index"
    NEIGHBOURS = "neighbours"
    SCHEMA = "schema"


def lock(connection: psycopg.Connection[Any], name: Lock) -> None:
    """Take a lock until the end of the transaction, waiting as long as it takes.

    The wait is one statement, which holds a snapshot: if the holder runs a statement that waits for
    old snapshots (`CREATE INDEX CONCURRENTLY`), use `wait_for_lock` instead.

    Args:
        connection: in a transaction.
        name: the lock.
    """
    connection.execute("SELECT pg_advisory_xact_lock(hashtext('lookalike ' || %s))", [str(name)])


def try_lock(connection: psycopg.Connection[Any], name: Lock) -> bool:
    """Take a lock until the end of the transaction if it is free.

    Args:
        connection: in a transaction.
        name: the lock.

    Returns:
        Whether the transaction holds it.
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
    """Take a lock, waiting for it without a snapshot or an open transaction.

    Args:
        connection: not in a transaction; each failed attempt is rolled back.
        name: the lock.
        stop: set it to give up.
        poll_seconds: time between two attempts.

    Returns:
        Whether the transaction holds the lock; False only after `stop`.
    """
    while not try_lock(connection, name):
        connection.rollback()
        if stop is None:
            time.sleep(poll_seconds)
        elif stop.wait(poll_seconds):
            return False
    return True
