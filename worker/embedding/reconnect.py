"""Retrying work after the database or the photo storage was unavailable."""

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
"""Seconds between attempts: after five minutes the command fails."""

STEADY_SECONDS = 60.0
"""After so many seconds of work, the next failure starts `WAITS` from the beginning."""

POOL_LOGGER = logging.getLogger("psycopg.pool")


def run_with_reconnect(
    settings: Settings,
    stop: Event,
    work: Callable[[Database], None],
    waits: Sequence[float] = WAITS,
    steady_seconds: float = STEADY_SECONDS,
) -> None:
    """Open the database and run work, again after each outage of the database or the photos.

    It retries only what has worked before. What is unavailable from the start is more likely a
    wrong setting, and raised at once.

    Args:
        settings: the database; the embedded server is restarted if necessary.
        stop: set it to return instead of waiting.
        work: called with the open database; it has to be repeatable.
        waits: seconds between attempts; after the last one the error is raised.
        steady_seconds: after so many seconds of work, `waits` starts from the beginning.

    Raises:
        LookalikeError: the database can't be opened the first time, or the work raised it.
        PhotoStorageUnavailable: the photos were never available, or not again within `waits`.
        psycopg.Error: the database was unavailable for all of `waits`, or a retry can't help.
    """
    POOL_LOGGER.setLevel(logging.ERROR)  # lost connections are reported below
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
    """Counts the failures since the work last ran for `steady_seconds`."""

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
        """Whether database and photos have been available: then they may be so again."""

    def attempt(self) -> None:
        """Run the work, unless `stop` was set during the wait."""
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
        """Return whether to retry after an error."""
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
    # InterfaceError is psycopg's for a closed connection; somebody may free a full disk.
    also = (psycopg.InterfaceError, psycopg.errors.DiskFull)
    return isinstance(error, also) or map_database_error(error).may_pass


def _say(state: RetryCallState) -> None:
    error = state.outcome.exception() if state.outcome else None
    assert error is not None  # noqa: S101 - only errors are retried
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
