"""Retries of a storage that failed, and pauses for a host that keeps failing."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from tenacity import (
    AsyncRetrying,
    RetryCallState,
    Retrying,
    retry_if_exception,
    stop_after_attempt,
    stop_after_delay,
    wait_random_exponential,
)

from app.photos.errors import PhotoError, UnreachableError

FAILURES = 3
REST_SECONDS = 30.0


@dataclass(frozen=True)
class RetryPolicy:
    """When to retry, and when to give up: at the first limit that is reached.

    Attributes:
        attempts: maximum number of attempts; 1 if a person waits for the answer.
        seconds: how long to keep retrying after the first attempt.
        wait: seconds before the second attempt; twice as long before each further one.
        longest_wait: maximum wait in seconds; a server that asks for more is not retried.
    """

    attempts: int = 5
    seconds: float = 120.0
    wait: float = 0.5
    longest_wait: float = 60.0

    def retrying(self) -> Retrying:
        """Return tenacity's loop for blocking code."""
        return Retrying(**self._options())

    def retrying_async(self) -> AsyncRetrying:
        """Return tenacity's loop for coroutines."""
        return AsyncRetrying(**self._options())

    def _options(self) -> dict[str, Any]:
        return {
            "stop": stop_after_attempt(self.attempts) | stop_after_delay(self.seconds),
            "wait": self._wait,
            "retry": retry_if_exception(self._worth_a_retry),
            "reraise": True,
        }

    def _wait(self, state: RetryCallState) -> float:
        """Return a random exponential wait, or the server's `Retry-After` if longer."""
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, UnreachableError) else None
        grown = wait_random_exponential(self.wait, self.longest_wait, min=self.wait / 2)(state)
        return max(asked or 0.0, grown)

    def _worth_a_retry(self, error: BaseException) -> bool:
        if not isinstance(error, UnreachableError):
            return False
        return (error.retry_after or 0.0) <= self.longest_wait


class CircuitBreaker:
    """Refuses requests to a host for a while after it couldn't be reached several times in a row.

    Thousands of a catalog's photos may be on one dead host. The timeouts and retries of each would
    hold up the photos on other hosts.

    Args:
        host: its name in messages.
        failures: consecutive requests that have to fail, each with all of its retries.
        rest_seconds: how long further requests are refused then.
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
            UnreachableError: requests are paused, and the block does not run.
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
