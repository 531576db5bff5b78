"""Going on after the database or the photos went away: wait, and take the work up again."""

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from threading import Event

import psycopg
from tenacity import RetryCallState, Retrying, retry_if_exception, sleep_using_event

from app.database import Database
from app.database.errors import is_database_error, map_database_error, one_line
from app.database.ready import ready_database
from app.errors import LookalikeError
from app.photos.errors import PhotoStorageLost, PhotoStorageUnavailable
from app.settings import Settings
from worker.console import say

WAITS = (1, 2, 4, 8, 15, 30, 60, 60, 60, 60)
"""Seconds between one try and the next: five minutes until a person has to look."""

STEADY_SECONDS = 60.0
"""After so long of use, database or photos may go away as if for the first time."""

POOL_LOGGER = logging.getLogger("psycopg.pool")


def run_with_reconnect(
    settings: Settings,
    stop: Event,
    work: Callable[[Database], None],
    waits: Sequence[float] = WAITS,
    steady_seconds: float = STEADY_SECONDS,
) -> None:
    """Open the database and do work that can be begun again, as often as something goes away.

    Database and photos are waited for if they were there before. What is missing from the start is
    rather a setting that is wrong, and said at once.

    Args:
        settings: which database; the embedded server is started again if need be.
        stop: set it to return instead of waiting further.
        work: done with the open database.
        waits: seconds between one try and the next; after the last one the error is raised.
        steady_seconds: after so long of use `waits` begin anew.

    Raises:
        LookalikeError: the database can't be opened the first time, or the work says so.
        PhotoStorageUnavailable: the photos weren't there at first, or all of `waits` passed.
        psycopg.Error: the database stayed away for all of `waits`, or a wait would not help.
    """
    POOL_LOGGER.setLevel(logging.ERROR)  # of lost connections this function tells in its own words
    outage = _Outage(settings, stop, work, waits, steady_seconds)
    Retrying(
        retry=retry_if_exception(outage.may_pass),
        stop=lambda _: outage.failures > len(waits),
        wait=lambda _: waits[min(outage.failures, len(waits)) - 1] if waits else 0,
        before_sleep=_say,
        sleep=sleep_using_event(stop),
        reraise=True,
    )(outage.attempt)


class _Outage:
    """Counts the failures since database and photos were last in use for a while."""

    def __init__(
        self,
        settings: Settings,
        stop: Event,
        work: Callable[[Database], None],
        waits: Sequence[float],
        steady_seconds: float,
    ) -> None:
        self.failures = 0
        self._settings, self._stop, self._work = settings, stop, work
        self._steady_seconds = steady_seconds
        self._were_there = False
        """Whether database and photos have been in use: then they may come back."""

    def attempt(self) -> None:
        """Work, unless somebody said stop while it was waited."""
        if self._stop.is_set():
            return
        begun = time.monotonic()
        try:
            with ExitStack() as stack:
                self._work(self._open(stack))
        except Exception:
            if time.monotonic() - begun > self._steady_seconds:
                self._were_there, self.failures = True, 0
            self.failures += 1
            raise

    def may_pass(self, error: BaseException) -> bool:
        """Say whether to wait for what is away."""
        if isinstance(error, PhotoStorageUnavailable):
            wait = self._were_there or isinstance(error, PhotoStorageLost)
        else:
            wait = is_database_error(error) and _is_passing(error)
        self._were_there = self._were_there or wait
        return wait

    def _open(self, stack: ExitStack) -> Database:
        try:
            return stack.enter_context(ready_database(self._settings))
        except LookalikeError as error:
            if not self._were_there:
                raise
            raise psycopg.OperationalError(str(error)) from None


def _is_passing(error: BaseException) -> bool:
    # What psycopg says of a connection that is closed, and a full disk, which somebody may empty.
    also = (psycopg.InterfaceError, psycopg.errors.DiskFull)
    return isinstance(error, also) or map_database_error(error).may_pass


def _say(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    assert error is not None  # noqa: S101 - it is retried for that
    if isinstance(error, PhotoStorageUnavailable):
        event, text = "photos_unavailable", str(error)
    else:
        event, text = "database_unavailable", f"the database failed ({one_line(error)})"
    say(
        event,
        f"lookalike: {text}: trying again in {state.upcoming_sleep:.0f} s",
        err=True,
        level=logging.WARNING,
        seconds=state.upcoming_sleep,
    )
