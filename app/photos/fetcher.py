"""Fetching a photo over HTTP: politely, safely, and within bounds. All of it runs in one loop."""

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

WEB_PAGE_BYTES = 1024
"""As many first bytes as tell HTML."""

_LONGEST = 500
"""Characters of an ETag that are kept. A longer one says nothing."""

Answer = TypeVar("Answer")
Take = Callable[[aiohttp.ClientResponse], Awaitable[Answer]]
"""What is done with an answer before its connection is given back."""


@dataclass(frozen=True)
class Limits:
    """Bounds of a fetch.

    Attributes:
        connections: to one host at once. What is above waits.
        max_bytes: of a photo; reading stops there.
        redirects: followed for one photo.
        connect_seconds: until a connection stands.
        read_seconds: between one piece of an answer and the next.
        total_seconds: for one answer.
        failures: photos in a row that may fail for their host until it is left alone.
        rest_seconds: how long it is left alone, so that a dead host doesn't hold up the others.
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
        """Return them as aiohttp takes them."""
        return aiohttp.ClientTimeout(
            total=self.total_seconds,
            sock_connect=self.connect_seconds,
            sock_read=self.read_seconds,
        )


class Fetched(NamedTuple):
    """A photo, and what says later whether it is unchanged."""

    data: bytes
    validator: str | None


class _Version(NamedTuple):
    """What tells one version of a photo from another."""

    etag: str | None
    modified: str | None
    length: int | None

    def as_text(self) -> str | None:
        """Return the validator to store; None where the server sent nothing to go by."""
        if self.etag is None and self.modified is None:
            return None
        return json.dumps({k: v for k, v in self._asdict().items() if v is not None})


class RefusedAddressError(OSError):
    """A connection to this address isn't allowed."""


@dataclass
class _Host:
    """What is remembered of a server."""

    connections: asyncio.Semaphore
    breaker: CircuitBreaker
    resume_at: float = 0.0
    """Not to be asked before, by the monotonic clock: it said so itself."""


class Fetcher:
    """Fetches photos. It is made, used and closed in one event loop.

    Each socket is made by a function that refuses addresses which aren't public. It sees the very
    address that is connected to, so neither an odd notation, a redirect nor a name that resolves
    differently the second time gets past it. The environment's proxies are not used: a proxy would
    resolve and connect in our place, behind that check. Cookies are neither kept nor sent.

    Args:
        allow_private: whether addresses of private networks are fetched too.
        limits: bounds of a fetch.
        retry: when to ask again.
        resolver: makes a resolver of names; None for the system's.
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
        """Ask for an address without reading it; see `HttpClient.require`."""

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
            limit=0,  # each host has its own bound
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
        """Get an address, again if need be."""
        # A root has its own ways: all of the work stops when it is down.
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
        """Get an address, and those that it redirects to; give the last answer to `take`."""
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
                    raise _in_our_terms(error, url) from None
                except UnreachableError as error:
                    self._note_wait(url, error)
                    raise
            url = following
        raise UnavailablePhotoError(
            f"the photo's address redirects more than {self._limits.redirects} times"
        )

    def _session_for(self, url: URL, trusted: URL | None) -> aiohttp.ClientSession:
        """Return the connections to use for an address.

        Raises:
            PhotoError: none may be.
        """
        if is_same_origin(url, trusted):
            return self._trusting
        literal = literal_address(url.host or "")
        # aiohttp connects to a literal without asking the resolver; the socket is refused anyway,
        # but this also holds for an address that no socket can be made for.
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
        """Wait as long as the host asked to be left alone."""
        host = self._host(url)
        while (seconds := host.resume_at - time.monotonic()) > 0:
            await asyncio.sleep(seconds)

    def _note_wait(self, url: URL, error: UnreachableError) -> None:
        """Hold back all requests to a host that asked for time, unless it is too much."""
        if error.retry_after is not None and error.retry_after <= self._retry.longest_wait:
            host = self._host(url)
            host.resume_at = max(host.resume_at, time.monotonic() + error.retry_after)

    async def _take(self, answer: aiohttp.ClientResponse, validator: str | None) -> Fetched | None:
        """Return what an answer holds, None where that is unchanged."""
        if answer.status == 304 and _conditions(validator):
            return None
        _raise_for_status(answer)
        version = _version_of(answer.headers)
        if validator is not None and version.as_text() == validator:
            return None  # a server that knows no conditions
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
    """Return where an answer redirects to, None where it is no redirect."""
    if answer.status not in (301, 302, 303, 307, 308):
        return None
    return redirect_target(url, answer.headers.get("Location", ""))


def _raise_for_status(answer: aiohttp.ClientResponse) -> None:
    """Raise what the status of an answer means, unless it is 200."""
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
    """Return the version of a photo that an answer is about."""
    length = headers.get("Content-Length", "")
    return _Version(
        _plain(headers.get("ETag")),
        _plain(headers.get("Last-Modified")),
        int(length) if re.fullmatch(r"[0-9]{1,18}", length) else None,
    )


def _conditions(validator: str | None) -> dict[str, str]:
    """Return the headers that ask for a photo only if it isn't that version any more."""
    try:
        stored = json.loads(validator or "{}")
    except ValueError:
        return {}  # from another kind of storage
    if not isinstance(stored, dict):
        return {}
    names = {"etag": "If-None-Match", "modified": "If-Modified-Since"}
    return {names[key]: str(stored[key]) for key in names if key in stored}


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Return after how many seconds a server wants to be asked again, None if it doesn't say."""
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

    What the server says of the type isn't asked: it is wrong too often.
    """
    start = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if start.startswith((b"<?xml", b"<!--")):
        return b"<html" in start
    return start.startswith((b"<!doctype html", b"<html", b"<head", b"<body"))


def _plain(value: str | None) -> str | None:
    """Return a header's value if it can be stored and sent back as it is."""
    if value and len(value) <= _LONGEST and value.isascii() and value.isprintable():
        return value
    return None


def _in_our_terms(error: Exception, url: URL) -> PhotoError:
    """Return what an error of aiohttp means for a photo. Its own text may hold a password."""
    cause = getattr(error, "os_error", None)
    if isinstance(error, RefusedAddressError) or isinstance(cause, RefusedAddressError):
        return _refused(url)
    if isinstance(error, TimeoutError):
        return UnreachableError(f"{url.host} doesn't answer in time")
    if isinstance(error, aiohttp.InvalidURL):
        return PhotoError("the photo's address can't be used")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return UnreachableError(f"{url.host} can't be found: {in_words(cause or error)}")
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
    """Make the socket for a connection.

    Raises:
        RefusedAddressError: the address that it is for isn't public.
    """
    family, kind, protocol, _, address = info
    if not is_public(str(address[0])):
        raise RefusedAddressError("the address isn't public")
    return socket.socket(family, kind, protocol)
