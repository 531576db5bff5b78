"""Leaving a host alone for a while that failed again and again."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from app.photos.errors import PhotoError
from app.photos.failures import UnreachableError

FAILURES = 3
REST_SECONDS = 30.0


class CircuitBreaker:
    """Refuses requests to a host that couldn't be reached several times in a row.

    Thousands of a catalog's photos may lie on one dead host. Each would take its timeouts and
    retries, and hold up the photos of the others.

    Args:
        host: its name in messages.
        failures: requests in a row that have to fail, each with all of its retries.
        rest_seconds: how long no further one is made then.
    """

    def __init__(
        self, host: str, failures: int = FAILURES, rest_seconds: float = REST_SECONDS
    ) -> None:
        self._host = host
        self._allowed = failures
        self._rest_seconds = rest_seconds
        self._failures = 0
        self._rests_until = 0.0

    @contextmanager
    def request(self) -> Iterator[None]:
        """Make a request in the block.

        Raises:
            UnreachableError: the host is left alone, and the block not run.
        """
        if time.monotonic() < self._rests_until:
            raise UnreachableError(f"{self._host} could not be reached a moment ago")
        try:
            yield
        except UnreachableError:
            self._failures += 1
            if self._failures >= self._allowed:
                self._rests_until = time.monotonic() + self._rest_seconds
            raise
        except PhotoError:
            self._failures = 0  # it answers
            raise
        self._failures = 0
