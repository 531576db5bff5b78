"""A photo at an address that a visitor gives, fetched while the visitor waits."""

from threading import BoundedSemaphore

from app.photos.addresses import parse_url
from app.photos.errors import UnavailablePhotoError
from app.photos.fetcher import Limits
from app.photos.http_client import HttpClient
from app.photos.references import MAX_URL_LENGTH, too_long
from app.photos.retry import RetryPolicy

AT_ONCE = 2
"""Photos fetched at once by a process, so that slow servers can't occupy all of its threads."""

PATIENCE = 5.0
"""Seconds to wait for one of the others to end."""

_fetches = BoundedSemaphore(AT_ONCE)


def fetch_photo(address: str, *, allow_private: bool, max_bytes: int) -> bytes:
    """Return the file at an http(s) address.

    Args:
        address: as the visitor wrote it, so it isn't trusted.
        allow_private: whether addresses of private networks are fetched too.
        max_bytes: size above which a file is refused.

    Raises:
        UnavailablePhotoError: it can't be read now, or too many others are being fetched.
        PhotoError: its address is refused, it is too large, or a web page.
    """
    if len(address) > MAX_URL_LENGTH:
        raise UnavailablePhotoError(too_long(len(address)))
    url = parse_url(address)
    if not _fetches.acquire(timeout=PATIENCE):
        raise UnavailablePhotoError("other photos are being fetched: try again in a moment")
    limits = Limits(
        max_bytes=max_bytes, redirects=3, connect_seconds=5, read_seconds=5, total_seconds=10
    )
    client = HttpClient(allow_private=allow_private, limits=limits, retry=RetryPolicy(attempts=1))
    try:
        fetched = client.fetch(url)
    finally:
        client.close()
        _fetches.release()
    assert fetched is not None  # noqa: S101 - without a validator nothing is unchanged
    return fetched.data
