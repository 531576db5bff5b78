"""Reading photos from a folder, an object storage or the web. Start here."""

from collections.abc import Iterable
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import psycopg

from app.database import query
from app.errors import LookalikeError
from app.photos.errors import PhotoError, UnavailablePhotoError
from app.photos.folder import Folder
from app.photos.photo_file import PhotoFile, Unchanged
from app.photos.references import address_in, bucket_of, is_url
from app.photos.retry import RetryPolicy
from app.photos.watched_root import WatchedRoot
from app.settings import Settings

if TYPE_CHECKING:  # photos in a folder need neither aiohttp nor fsspec
    from app.photos.http_client import HttpClient
    from app.photos.remote import Remote
    from app.photos.web import WebPhotos, WebRoot

__all__ = ["PhotoFile", "PhotoStorage", "Unchanged", "open_storage", "photo_storage"]

REMOTE_READERS = 32


class PhotoStorage(Protocol):
    """Reads photos by their references. Any number of threads may use one."""

    @property
    def readers(self) -> int:
        """How many threads can usefully read from below the root at the same time."""

    def readers_for(self, references: Iterable[str]) -> int:
        """Return how many threads can usefully read these photos.

        A catalog in a folder may have web addresses, whose reading is mostly waiting.
        """

    def require(self) -> None:
        """Check, before any work, that the root exists.

        Raises:
            PhotoStorageUnavailable: it isn't, or can't be reached.
        """

    def read(self, reference: str) -> bytes:
        """Return the bytes of a photo.

        Raises:
            MissingPhotoError: there is no such photo.
            UnavailablePhotoError: it can't be read now.
            PhotoError: its reference is refused, it is larger than `MAX_BYTES`, or a web page.
            PhotoStorageUnavailable: the whole root is gone.
        """

    def look_up(self, reference: str, validator: str | None) -> Unchanged | PhotoFile:
        """Return a photo's hash and size, without reading it if the validator still holds.

        Args:
            reference: the photo.
            validator: from the last look-up; None to read the photo in any case.

        Raises:
            PhotoError: as `read` raises.
            PhotoStorageUnavailable: as `read` raises.
        """

    def path_of(self, reference: str) -> Path | None:
        """Return the absolute path of a photo's file; None if it is not a file of this machine.

        Raises:
            PhotoError: its reference is refused.
        """


def open_storage(
    root: str | None, settings: Settings, retry: RetryPolicy | None = None
) -> PhotoStorage:
    """Return the storage of a catalog's photos; `require` checks that it exists.

    References that are http(s), s3 or gs addresses are read from there, all others below the root.

    Args:
        root: a folder or a URL, as `LOOKALIKE_IMAGES` or the catalog names it; None if there is
            none, and each photo needs an address of its own.
        settings: whether addresses of private networks are allowed.
        retry: when to retry if a storage can't be reached. `RetryPolicy(attempts=1)` if a person
            waits for the answer.

    Raises:
        LookalikeError: this kind of root can't be read.
    """
    return RoutedStorage(root, retry or RetryPolicy(), settings.allow_private_addresses)


def photo_storage(
    connection: psycopg.Connection[Any], settings: Settings, retry: RetryPolicy | None = None
) -> PhotoStorage:
    """Return the storage of the photos: below `LOOKALIKE_IMAGES`, else the ingested catalog's root.

    Args:
        connection: to the database, which holds what was ingested last.
        settings: `images` overrides the catalog's root.
        retry: as for `open_storage`.

    Raises:
        LookalikeError: nothing was ingested yet, or this kind of root can't be read.
    """
    row = connection.execute(query(__package__, "fetch_root")).fetchone()
    root, ingested = row or (None, False)
    if settings.images is None and not ingested:
        raise LookalikeError("no catalog has been ingested yet: run `lookalike ingest SOURCE`")
    return open_storage(settings.images or root, settings, retry)


class RoutedStorage:
    """Routes each reference to the storage that it is read from. See `PhotoStorage`."""

    def __init__(self, root: str | None, retry: RetryPolicy, allow_private: bool) -> None:
        self._retry = retry
        self._allow_private = allow_private
        self._buckets: dict[str, Remote] = {}
        self._client: HttpClient | None = None
        self._opening = Lock()
        self._folder = None if root is None or is_url(root) else Folder(root)
        self._root = None if root is None else WatchedRoot(self._folder or self._open_url(root))

    @property
    def readers(self) -> int:
        """How many threads can usefully read from below the root at the same time."""
        return REMOTE_READERS if self._folder is None else self._folder.readers

    def readers_for(self, references: Iterable[str]) -> int:
        """Return how many threads can usefully read these photos."""
        return REMOTE_READERS if any(map(is_url, references)) else self.readers

    def require(self) -> None:
        """Check that the root exists."""
        if self._root is not None:
            self._root.require()

    def read(self, reference: str) -> bytes:
        """Return the bytes of a photo."""
        url = address_in(reference)
        if url is None:
            return self._below(reference).read(reference)
        if url.startswith("http"):
            return self._web().read(url)
        bucket, key = bucket_of(url)
        return self._bucket(bucket).read(key)

    def look_up(self, reference: str, validator: str | None) -> Unchanged | PhotoFile:
        """Hash a photo unless it is unchanged."""
        url = address_in(reference)
        if url is None:
            return self._below(reference).look_up(reference, validator)
        if url.startswith("http"):
            return self._web().look_up(url, validator)
        bucket, key = bucket_of(url)
        return self._bucket(bucket).look_up(key, validator)

    def path_of(self, reference: str) -> Path | None:
        """Return the absolute path of a photo's file, None if it is not a local file."""
        if self._folder is None or address_in(reference) is not None:
            return None
        return self._folder.path_of(reference)

    def _below(self, reference: str) -> WatchedRoot:
        if self._root is None:
            raise PhotoError(
                "the photo's path needs a root: name a folder or URL with --root or in "
                "LOOKALIKE_IMAGES"
            )
        return self._root

    def _http(self) -> "HttpClient":
        """Return the one HTTP client, so that the limits of a host hold for all requests."""
        from app.photos.http_client import HttpClient

        with self._opening:
            if self._client is None:
                self._client = HttpClient(allow_private=self._allow_private, retry=self._retry)
            return self._client

    def _web(self) -> "WebPhotos":
        from app.photos.web import WebPhotos

        return WebPhotos(self._http())

    def _open_url(self, url: str) -> "Remote | WebRoot":
        if url.lower().startswith(("http://", "https://")):
            from app.photos.web import WebRoot

            return WebRoot(url, self._http())
        from app.photos.remote import open_root

        return open_root(url, self._retry)

    def _bucket(self, url: str) -> "Remote":
        """Return the storage of a bucket, opened once."""
        from app.photos.remote import open_bucket

        with self._opening:
            if url not in self._buckets:
                try:
                    self._buckets[url] = open_bucket(url, self._retry)
                except (
                    LookalikeError
                ) as error:  # a package is missing, which other photos may not need
                    raise UnavailablePhotoError(str(error)) from None
            return self._buckets[url]
