"""A blocking HTTP client: a fetcher whose event loop runs in its own thread."""

import asyncio
import threading
import weakref
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, TypeVar

from aiohttp.abc import AbstractResolver
from yarl import URL

from app.photos.fetcher import Fetched, Fetcher, Limits
from app.photos.retry import RetryPolicy

CLOSING_SECONDS = 5.0

Answer = TypeVar("Answer")


@dataclass
class _Running:
    """An event loop, the thread that it runs in, and the fetcher in it."""

    loop: asyncio.AbstractEventLoop
    thread: threading.Thread
    fetcher: Fetcher
    closing: "Future[None] | None" = None


class HttpClient:
    """Fetches photos for any number of threads. The event loop starts with the first fetch.

    Args:
        allow_private: whether addresses of private networks are fetched too.
        limits: limits of a fetch.
        retry: when to retry.
        resolver: creates a resolver of host names; None for the system's.
    """

    def __init__(
        self,
        *,
        allow_private: bool,
        limits: Limits | None = None,
        retry: RetryPolicy | None = None,
        resolver: Callable[[], AbstractResolver] | None = None,
    ) -> None:
        self._allow_private = allow_private
        self._limits = limits or Limits()
        self._retry = retry or RetryPolicy()
        self._resolver = resolver
        self._starting = threading.Lock()
        self._running: _Running | None = None

    def fetch(
        self, url: URL, validator: str | None = None, trusted: URL | None = None
    ) -> Fetched | None:
        """Fetch a photo.

        Args:
            url: its address.
            validator: from an earlier fetch.
            trusted: the origin that may be in a private network.

        Returns:
            The photo, or None if the validator still holds; its bytes weren't read then.

        Raises:
            MissingPhotoError: the server has no such photo.
            UnreachableError: the server failed or didn't answer.
            UnavailablePhotoError: the server refuses access.
            PhotoError: its address is refused, it is too large, or a web page.
        """
        running = self._started()
        return self._run(running, running.fetcher.fetch(url, validator, trusted))

    def require(self, url: URL, trusted: URL | None = None, *, found: bool = False) -> None:
        """Request a URL without reading the body.

        Args:
            url: the address.
            trusted: as for `fetch`.
            found: whether the URL has to exist; otherwise any response will do.

        Raises:
            PhotoError: as `fetch` raises.
        """
        running = self._started()
        self._run(running, running.fetcher.require(url, trusted, found=found))

    def close(self) -> None:
        """Close the connections and end the thread. Otherwise the garbage collector does."""
        with self._starting:
            running, self._running = self._running, None
        if running is not None:
            _close(running)

    def _run(self, running: _Running, work: Coroutine[Any, Any, Answer]) -> Answer:
        future = asyncio.run_coroutine_threadsafe(work, running.loop)
        try:
            return future.result()
        except BaseException:  # Ctrl-C included: the result isn't needed any more
            future.cancel()
            raise

    def _started(self) -> _Running:
        with self._starting:
            if self._running is None:
                loop = asyncio.new_event_loop()
                thread = threading.Thread(
                    target=_serve, args=(loop,), name="photos-http", daemon=True
                )
                thread.start()
                made = asyncio.run_coroutine_threadsafe(self._make_fetcher(), loop)
                self._running = _Running(loop, thread, made.result())
                weakref.finalize(self, _close, self._running)
            return self._running

    async def _make_fetcher(self) -> Fetcher:
        return Fetcher(
            allow_private=self._allow_private,
            limits=self._limits,
            retry=self._retry,
            resolver=self._resolver,
        )


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    loop.run_forever()
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def _close(running: _Running) -> None:
    """Close a fetcher from any thread, its own included: the garbage collector may run there."""

    async def close() -> None:
        try:
            await running.fetcher.close()
        finally:
            running.loop.stop()

    if running.closing is None and not running.loop.is_closed():
        running.closing = asyncio.run_coroutine_threadsafe(close(), running.loop)
        if threading.current_thread() is not running.thread:
            running.thread.join(CLOSING_SECONDS)
