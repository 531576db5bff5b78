"""Photos in a storage that fsspec reaches: `s3://`, `gs://` and others."""

import errno
import os
from collections.abc import Callable
from contextlib import nullcontext
from enum import Enum
from typing import Any, TypeVar

from app.errors import LookalikeError
from app.photos.decode import MAX_BYTES
from app.photos.errors import (
    MissingPhotoError,
    PhotoStorageUnavailable,
    UnavailablePhotoError,
    UnreachableError,
    http_status,
    in_words,
)
from app.photos.photo_file import UNCHANGED, PhotoFile, Unchanged, describe, too_large
from app.photos.references import check_path, redacted
from app.photos.retry import CircuitBreaker, RetryPolicy

EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs"}
"""Protocol → the extra of this package that reads it."""

VERSIONS = ("ETag", "etag", "generation", "mtime", "LastModified", "modified", "created")
"""fsspec's names for what changes with a file's content, the most reliable first."""

Answer = TypeVar("Answer")


class Failure(Enum):
    """What an error of a storage means for the file."""

    MISSING = "there is no such file"
    DENIED = "the file may not be read by us"
    UNREACHABLE = "the storage failed, so whether the file exists is unknown"


class Remote:
    """A storage that the photos' paths are below. See `PhotoStorage`.

    The validator of a photo is its size and the first of `VERSIONS` that the storage has.

    Args:
        files: the fsspec file system.
        base: the root's path on it.
        shown: the root's URL for messages, without secrets.
        retry: when to retry if the storage can't be reached.
        max_bytes: size above which a file is refused.
        breaker: pauses requests after repeated failures; None for no pauses.
    """

    readers = 32
    """A read is mostly waiting."""
    listable = False

    def __init__(
        self,
        files: Any,
        base: str,
        shown: str,
        retry: RetryPolicy,
        max_bytes: int = MAX_BYTES,
        breaker: CircuitBreaker | None = None,
    ) -> None:
        self.files = files
        self.base = base
        self.shown = shown
        self._retry = retry
        self._max_bytes = max_bytes
        self._breaker = breaker

    def require(self) -> None:
        """Check that the storage answers, and that the root exists."""
        try:
            self._ask(lambda: self.files.info(self.base))
        except MissingPhotoError:
            raise PhotoStorageUnavailable(
                f"there is nothing at {self.shown}: put the photos there, or correct "
                "LOOKALIKE_IMAGES"
            ) from None
        except UnreachableError as error:
            raise PhotoStorageUnavailable(
                f"the photos at {self.shown} can't be reached ({error}): try again once they can, "
                "or correct LOOKALIKE_IMAGES"
            ) from None
        except UnavailablePhotoError:
            return  # a role that may read the photos need not be allowed to list them

    def require_photos(self) -> None:
        """Do nothing: many storages have no folders to list."""

    def require_seen(self, reference: str) -> None:
        """Check that a photo that was read before still exists and may be read."""
        # One byte of it: not every storage answers `info` with "denied".
        self._ask(lambda: self._fetch(self._path(reference), 1))

    def read(self, reference: str) -> bytes:
        """Return the bytes of a photo."""
        path = self._path(reference)
        data = self._ask(lambda: self._fetch(path, self._max_bytes + 1))
        if len(data) > self._max_bytes:
            raise too_large(self._max_bytes)
        return data

    def look_up(self, reference: str, validator: str | None) -> Unchanged | PhotoFile:
        """Hash a photo, unless the storage has the same validator for it."""
        path = self._path(reference)
        info = self._ask(lambda: self.files.info(path))
        current = _validator(info)
        if current is not None and current == validator:
            return UNCHANGED
        if (info.get("size") or 0) > self._max_bytes:
            raise too_large(self._max_bytes)
        return describe(self.read(reference), current)

    def _path(self, reference: str) -> str:
        return f"{self.base}/{check_path(reference)}"

    def _fetch(self, path: str, limit: int) -> bytes:
        """Return the first bytes of a file, at most `limit`."""
        try:
            data: bytes = self.files.cat_file(path, start=0, end=limit)
        except Exception as error:
            if _is_empty_range(error):
                return b""
            raise
        return data

    def _ask(self, request: Callable[[], Answer]) -> Answer:
        """Make a request, with retries while the storage can't be reached.

        Raises:
            MissingPhotoError: there is no such file.
            UnreachableError: the storage failed at every attempt.
            UnavailablePhotoError: access to the file is denied.
        """
        with nullcontext() if self._breaker is None else self._breaker.request():
            answer: Answer = self._retry.retrying()(self._ask_once, request)
        return answer

    def _ask_once(self, request: Callable[[], Answer]) -> Answer:
        try:
            return request()
        except Exception as error:  # each library has exceptions of its own
            failure = failure_of(error)
            if failure is Failure.MISSING:
                raise MissingPhotoError(_unreadable(errno.ENOENT)) from None
            if failure is Failure.DENIED:
                raise UnavailablePhotoError(_unreadable(errno.EACCES)) from None
            raise UnreachableError(in_words(error)) from None


def open_root(url: str, retry: RetryPolicy) -> Remote:
    """Return the root that an operator names; `require` checks that it exists.

    Raises:
        LookalikeError: this kind of URL can't be read.
    """
    return Remote(*_open(url), redacted(url), retry)


def open_bucket(url: str, retry: RetryPolicy) -> Remote:
    """Return a bucket that a catalog names; if it fails repeatedly, requests to it are paused.

    Raises:
        LookalikeError: this kind of URL can't be read.
    """
    return Remote(*_open(url), url, retry, breaker=CircuitBreaker(url))


def failure_of(error: Exception) -> Failure:
    """Classify an error of any fsspec file system.

    An error that is not certainly about one file counts as a failure of the storage: a needless
    retry is better than thousands of photos given up while a network was down.
    """
    status = http_status(error)
    if isinstance(error, FileNotFoundError | IsADirectoryError) or status in (404, 410):
        return Failure.MISSING
    # gcsfs has neither a class nor a status for a 403.
    forbidden = isinstance(error, OSError) and str(error).startswith("Forbidden")
    if isinstance(error, PermissionError) or forbidden or status in (401, 403, 451):
        return Failure.DENIED
    return Failure.UNREACHABLE


def _is_empty_range(error: Exception) -> bool:
    """Return whether a storage refuses to return the first bytes of a file because it is empty."""
    refused = (
        http_status(error) == 416
        or isinstance(error, ValueError)
        or (isinstance(error, OSError) and error.errno == errno.EINVAL)
    )
    return refused and "range" in str(error).lower()


def _open(url: str) -> tuple[Any, str]:
    """Return the file system of a URL, and the path on it."""
    from fsspec.core import url_to_fs

    protocol = url.partition("://")[0].lower()
    extra = EXTRAS.get(protocol)
    try:
        # A cached listing would still have photos that were deleted.
        files, base = url_to_fs(url, use_listings_cache=False)
    except ImportError as error:
        way_out = f"pip install 'lookalike[{extra}]'" if extra else in_words(error)
        raise LookalikeError(f"photos at {protocol}:// need more packages: {way_out}") from None
    except ValueError as error:
        raise LookalikeError(
            f"photos can't be read from {redacted(url)}: {in_words(error)}"
        ) from None
    return files, base.rstrip("/")


def _validator(info: dict[str, Any]) -> str | None:
    """Return a file's validator, None if the storage has nothing to make one of."""
    for name in VERSIONS:
        if info.get(name):
            return f"{info.get('size')}:{info[name]}"
    return None


def _unreadable(number: int) -> str:
    return f"the file can't be read: {os.strerror(number)}"
