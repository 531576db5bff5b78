"""Going on after the database or the photos went away: wait, and take the work up again."""

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from threading import Event

import psycopg
from sqlalchemy.exc import InterfaceError, OperationalError

from app.database import Database
from app.database.ready import ready_database
from app.errors import LookalikeError
from app.photos.errors import PhotoStorageLost, PhotoStorageUnavailable
from app.settings import Settings
from worker.console import say

WAITS = (1, 2, 4, 8, 15, 30, 60, 60, 60, 60)
"""Seconds between one try and the next: five minutes until a person has to look."""

STEADY_SECONDS = 60.0
"""After so long of use, database or photos may go away as if for the first time."""

# What psycopg and SQLAlchemy raise for a server that is gone, full or shutting down.
AWAY = (psycopg.OperationalError, psycopg.InterfaceError, OperationalError, InterfaceError)

POOL_LOGGER = logging.getLogger("psycopg.pool")


def persevere(settings: Settings, stop: Event, work: Callable[[Database], None]) -> None:
    """Open the database and do work that can be begun again, as often as something goes away.

    Database and photos are waited for if they were there before. What is missing from the start is
    rather a setting that is wrong, and said at once.

    Args:
        settings: which database; the embedded server is started again if need be.
        stop: set it to return instead of waiting further.
        work: done with the open database.

    Raises:
        LookalikeError: the database can't be opened the first time, or the work says so.
        PhotoStorageUnavailable: the photos weren't there at first, or all of `WAITS` passed.
        psycopg.Error: it stayed away for all of `WAITS`.
        sqlalchemy.exc.DBAPIError: the same, seen by the ORM.
    """
    POOL_LOGGER.setLevel(logging.ERROR)  # of lost connections this function tells in its own words
    waits: Iterator[int] | None = None
    while True:
        begun = time.monotonic()
        try:
            with ExitStack() as stack:
                work(_open(stack, settings, again=waits is not None))
            return
        except (*AWAY, PhotoStorageUnavailable) as error:
            steady = time.monotonic() - begun > STEADY_SECONDS
            if waits is None and not steady and _never_there(error):
                raise
            if waits is None or steady:
                waits = iter(WAITS)
            seconds = next(waits, None)
            if seconds is None:
                raise
            _say(error, seconds)
            if stop.wait(seconds):
                return


def _open(stack: ExitStack, settings: Settings, *, again: bool) -> Database:
    try:
        return stack.enter_context(ready_database(settings))
    except LookalikeError as error:
        if not again:
            raise
        raise psycopg.OperationalError(str(error)) from None


def _never_there(error: Exception) -> bool:
    return isinstance(error, PhotoStorageUnavailable) and not isinstance(error, PhotoStorageLost)


def _say(error: Exception, seconds: int) -> None:
    photos = isinstance(error, PhotoStorageUnavailable)
    say(
        "photos_away" if photos else "database_away",
        f"lookalike: {error if photos else _database_failed(error)}: trying again in {seconds} s",
        err=True,
        level=logging.WARNING,
        seconds=seconds,
    )


def _database_failed(error: Exception) -> str:
    cause = getattr(error, "orig", None) or error
    reason = (str(cause).strip().splitlines() or [type(cause).__name__])[0]
    return f"the database failed ({reason})"
