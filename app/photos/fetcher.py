"""Fetching photos over HTTP, with limits, in one event loop."""

import asyncio
import json
import math
import re
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, NamedTuple, TypeVar

import aiohttp
from aiohttp.abc import AbstractResolver
from yarl import URL

from app import __version__
from app.errors import in_one_line
from app.photos.addresses import is_public, is_same_origin, literal_address, redirect_target
from app.photos.decode import MAX_BYTES
from app.photos.errors import (
    MissingPhotoError,
    PhotoError,
    UnavailablePhotoError,
    UnreachableError,
    in_words,
)
from app.photos.photo_file import too_large
from app.photos.retry import FAILURES, REST_SECONDS, CircuitBreaker, RetryPolicy

HEADERS = {
    "User-Agent": f"lookalike/{__version__}",
    "Accept": "image/*,*/*;q=0.8",
    "Accept-Encoding": "identity",  # photos are compressed already, and lengths stay comparable
}

WAY_OUT = "set LOOKALIKE_ALLOW_PRIVATE_ADDRESSES=true if photos may come from there"

NO_SUCH_NAME = (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME))
"""Errors of a resolver that asking again doesn't change."""

WEB_PAGE_BYTES = 1024
"""Number of first bytes that are checked for HTML."""

_LONGEST = 500
"""Maximum length of an ETag or date that is stored; a longer one is ignored."""

Answer = TypeVar("Answer")
Take = Callable[[aiohttp.ClientResponse], Awaitable[Answer]]
"""What handles a response before its connection is released."""


@dataclass(frozen=True)
class Limits:
    """Limits of a fetch.

    Attributes:
        connections: to one host at once; further requests wait.
        max_bytes: of a photo; reading stops there.
        redirects: followed for one photo.
        connect_seconds: to establish a connection.
        read_seconds: between one chunk of a response and the next.
        total_seconds: for one response.
        failures: consecutive photos that fail because of their host before requests are paused.
        rest_seconds: how long they are paused.
    """

    connections: int = 6
    max_bytes: int = MAX_BYTES
    redirects: int = 5
    connect_seconds: float = 10.0
    read_seconds: float = 30.0
    total_seconds: float = 120.0
    failures: int = FAILURES
    rest_seconds: float = REST_SECONDS

    def timeout(self) -> aiohttp.ClientTimeout:
        """Return the timeouts for aiohttp."""
        return aiohttp.ClientTimeout(
            total=self.total_seconds,
            sock_connect=self.connect_seconds,
            sock_read=self.read_seconds,
        )


class Fetched(NamedTuple):
    """A photo and its validator."""

    data: bytes
    validator: str | None


class _Version(NamedTuple):
    """The headers that identify a version of a photo."""

    etag: str | None
    modified: str | None
    length: int | None

    def as_text(self) -> str | None:
        """Return the validator to store; None if the server sent neither ETag nor date."""
        if self.etag is None and self.modified is None:
            return None
        return json.dumps({k: v for k, v in self._asdict().items() if v is not None})


class RefusedAddressError(OSError):
    """A connection to this address isn't allowed."""


@dataclass
class _Host:
    """The state of a server."""

    connections: asyncio.Semaphore
    breaker: CircuitBreaker
    resume_at: float = 0.0
    """Monotonic time before which it gets no request, from its `Retry-After`."""


class Fetcher:
    """Fetches photos. It is created, used and closed in one event loop.

    Sockets are created by a function that refuses addresses that aren't public. It gets the address
    that is connected to, so an odd notation, a redirect or a name that resolves differently the
    second time can't bypass it. Proxies of the environment are not used, since they would resolve
    and connect without that check. Cookies are neither kept nor sent.

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
        limits: Limits,
        retry: RetryPolicy,
        resolver: Callable[[], AbstractResolver] | None,
    ) -> None:
        self._limits = limits
        self._retry = retry
        self._allow_private = allow_private
        self._resolver = resolver or aiohttp.ThreadedResolver
        self._guarded = self._session(None if allow_private else _guarded_socket)
        self._trusting = self._session(None)
        self._hosts: dict[tuple[str, int], _Host] = {}

    async def fetch(self, url: URL, validator: str | None, trusted: URL | None) -> Fetched | None:
        """Fetch a photo; see `HttpClient.fetch`."""

        async def take(answer: aiohttp.ClientResponse) -> Fetched | None:
            return await self._take(answer, validator)

        return await self._get(url, trusted, _conditions(validator), take)

    async def require(self, url: URL, trusted: URL | None, *, found: bool) -> None:
        """Request a URL without reading the body; see `HttpClient.require`."""

        async def take(answer: aiohttp.ClientResponse) -> None:
            if found or answer.status >= 500:
                _raise_for_status(answer)

        await self._get(url, trusted, {}, take)

    async def close(self) -> None:
        """Close all connections."""
        await self._guarded.close()
        await self._trusting.close()

    def _session(self, factory: Callable[[Any], socket.socket] | None) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            limit=0,  # each host has its own limit
            resolver=self._resolver(),
            socket_factory=factory,
        )
        return aiohttp.ClientSession(
            connector=connector,
            headers=HEADERS,
            timeout=self._limits.timeout(),
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
        )

    async def _get(
        self,
        url: URL,
        trusted: URL | None,
        headers: dict[str, str],
        take: Take[Answer],
    ) -> Answer:
        """Get a URL, with retries."""
        # Not for a root: if that is down, all of the work stops.
        guard = nullcontext() if trusted is not None else self._host(url).breaker.request()
        with guard:
            found: Answer = await self._retry.retrying_async()(
                self._get_once, url, trusted, headers, take
            )
        return found

    async def _get_once(
        self,
        url: URL,
        trusted: URL | None,
        headers: dict[str, str],
        take: Take[Answer],
    ) -> Answer:
        """Get a URL, follow its redirects, and return what `take` makes of the last response."""
        for _ in range(self._limits.redirects + 1):
            session = self._session_for(url, trusted)
            async with self._host(url).connections:
                await self._wait_for(url)
                try:
                    async with session.get(url, headers=headers, allow_redirects=False) as answer:
                        following = _redirected(answer, url)
                        if following is None:
                            return await take(answer)
                except (aiohttp.ClientError, OSError, ValueError) as error:
                    raise _map_error(error, url) from None
                except UnreachableError as error:
                    self._note_wait(url, error)
                    raise
            url = following
        raise UnavailablePhotoError(
            f"the photo's address redirects more than {self._limits.redirects} times"
        )

    def _session_for(self, url: URL, trusted: URL | None) -> aiohttp.ClientSession:
        """Return the session for a URL.

        Raises:
            PhotoError: its address isn't allowed.
        """
        if is_same_origin(url, trusted):
            return self._trusting
        literal = literal_address(url.host or "")
        # aiohttp connects to a literal address without the resolver. The socket would be refused
        # anyway; this also covers addresses that no socket can be created for.
        if literal is not None and not self._allow_private and not is_public(literal):
            raise _refused(url)
        return self._guarded

    def _host(self, url: URL) -> _Host:
        key = (url.host or "", url.port or 0)
        if key not in self._hosts:
            limits = self._limits
            breaker = CircuitBreaker(key[0], limits.failures, limits.rest_seconds)
            self._hosts[key] = _Host(asyncio.Semaphore(limits.connections), breaker)
        return self._hosts[key]

    async def _wait_for(self, url: URL) -> None:
        """Wait until the host accepts requests again."""
        host = self._host(url)
        while (seconds := host.resume_at - time.monotonic()) > 0:
            await asyncio.sleep(seconds)

    def _note_wait(self, url: URL, error: UnreachableError) -> None:
        """Delay all requests to a host by its `Retry-After`, unless that is too long."""
        if error.retry_after is not None and error.retry_after <= self._retry.longest_wait:
            host = self._host(url)
            host.resume_at = max(host.resume_at, time.monotonic() + error.retry_after)

    async def _take(self, answer: aiohttp.ClientResponse, validator: str | None) -> Fetched | None:
        """Return the photo in a response, None if it is unchanged."""
        if answer.status == 304 and _conditions(validator):
            return None
        _raise_for_status(answer)
        version = _version_of(answer.headers)
        if validator is not None and version.as_text() == validator:
            return None  # a server without conditional requests
        limit = self._limits.max_bytes
        if (version.length or 0) > limit:
            raise too_large(limit)
        data = bytearray()
        async for piece in answer.content.iter_any():
            data += piece
            if len(data) > limit:
                raise too_large(limit)
        if _is_web_page(bytes(data[:WEB_PAGE_BYTES])):
            raise PhotoError("the address gives a web page, not a photo")
        return Fetched(bytes(data), version.as_text())


def _redirected(answer: aiohttp.ClientResponse, url: URL) -> URL | None:
    """Return the target of a redirect, None if the response is no redirect."""
    if answer.status not in (301, 302, 303, 307, 308):
        return None
    return redirect_target(url, answer.headers.get("Location", ""))


def _raise_for_status(answer: aiohttp.ClientResponse) -> None:
    """Raise the error for a response's status, unless it is 200."""
    status = answer.status
    if status == 200:
        return
    words = f"{answer.url.host} answers {status} {in_one_line(answer.reason or '')}"
    if status in (404, 410):
        raise MissingPhotoError(words.strip())
    if status in (408, 425, 429) or status >= 500:
        raise UnreachableError(words.strip(), _retry_after(answer.headers))
    raise UnavailablePhotoError(words.strip())


def _version_of(headers: Mapping[str, str]) -> _Version:
    """Return the version of the photo in a response."""
    length = headers.get("Content-Length", "")
    return _Version(
        _plain(headers.get("ETag")),
        _plain(headers.get("Last-Modified")),
        int(length) if re.fullmatch(r"[0-9]{1,18}", length) else None,
    )


def _conditions(validator: str | None) -> dict[str, str]:
    """Return the headers that request a photo only if it has changed since that version."""
    try:
        stored = json.loads(validator or "{}")
    except ValueError:
        return {}  # from another kind of storage
    if not isinstance(stored, dict):
        return {}
    names = {"etag": "If-None-Match", "modified": "If-Modified-Since"}
    return {names[key]: str(stored[key]) for key in names if key in stored}


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return a `Retry-After` header in seconds, None if there is none."""
    value = headers.get("Retry-After", "").strip()
    try:
        seconds = float(value)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
        except ValueError:
            return None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def _is_web_page(start: bytes) -> bool:
    """Return whether the first bytes of a file are HTML.

    The `Content-Type` header isn't used: it is wrong too often.
    """
    start = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<?xml", b"<!--")):
        return b"<html" in start
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<body"))


def _plain(value: str | None) -> str | None:
    """Return a header's value if it can be stored and sent back unchanged."""
    if value and len(value) <= _LONGEST and value.isascii() and value.isprintable():
        return value
    return None


def _map_error(error: Exception, url: URL) -> PhotoError:
    """Return the error for an exception of aiohttp, whose own text may contain a password."""
    cause = getattr(error, "os_error", None)
    if isinstance(error, RefusedAddressError) or isinstance(cause, RefusedAddressError):
        return _refused(url)
    if isinstance(error, TimeoutError):
        return UnreachableError(f"{url.host} doesn't answer in time")
    if isinstance(error, aiohttp.InvalidURL):
        return PhotoError("the photo's address can't be used")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        if getattr(cause, "errno", None) in NO_SUCH_NAME:
            return UnavailablePhotoError(f"there is no server called {url.host}")
        return UnreachableError(f"no name server tells where {url.host} is")
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return UnavailablePhotoError(f"no secure connection to {url.host}: {in_words(error)}")
    if isinstance(error, aiohttp.ClientConnectorError):
        return UnreachableError(f"no connection to {url.host}: {in_words(cause or error)}")
    if isinstance(error, aiohttp.ClientPayloadError):
        return UnreachableError(f"{url.host} breaks its answer off")
    return UnreachableError(f"{url.host} fails: {in_words(error)}")


def _refused(url: URL) -> PhotoError:
    return PhotoError(f"{url.host} leads to a private or local network: {WAY_OUT}")


def _guarded_socket(info: Any) -> socket.socket:
    """Create the socket for a connection.

    Raises:
        RefusedAddressError: its address isn't public.
    """
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise RefusedAddressError("the address isn't public")
    return socket.socket(family, kind, protocol)
