"""How often, and after how long, a storage that failed is asked again."""

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

from app.photos.failures import UnreachableError


@dataclass(frozen=True)
class RetryPolicy:
    """When to ask again, and when to give up. The first that is used up ends it.

    Attributes:
        attempts: how often to ask. 1 for a caller that nobody should wait for.
        seconds: how long to go on asking after the first time.
        wait: seconds before the second attempt; twice as long before each further one.
        longest_wait: seconds that are waited at most; a server that wants more gets no retry.
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
        """Return a time that grows, different for each caller, or what the server asked for."""
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, UnreachableError) else None
        grown = wait_random_exponential(self.wait, self.longest_wait, min=self.wait / 2)(state)
        return max(asked or 0.0, grown)

    def _worth_a_retry(self, error: BaseException) -> bool:
        if not isinstance(error, UnreachableError):
            return False
        return (error.retry_after or 0.0) <= self.longest_wait
