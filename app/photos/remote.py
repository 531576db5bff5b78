"""Photos in a storage that fsspec reaches: `s3://`, `gs://` and others."""

import errno
import os
from collections.abc import Callable, Sequence
from time import sleep
from typing import Any, TypeVar

from app.photos.decode import MAX_BYTES
from app.photos.errors import (
    MissingPhotoError,
    PhotoError,
    PhotoStorageUnavailable,
    UnavailablePhotoError,
)
from app.photos.failures import Failure, failure_of, in_words, is_empty_range

TOLERATED = 32
"""Photos that may be missing before we doubt the root, as long as we have seen none of it."""

Answer = TypeVar("Answer")


class Remote:
    """A storage that the photos' paths are below. See `PhotoRoot`.

    Args:
        files: the fsspec file system.
        base: the root's path on it.
        shown: the root's URL, fit for messages.
        waits: seconds before each further try to reach the storage.
    """

    readers = 32
    """A read is mostly waiting."""

    def __init__(self, files: Any, base: str, shown: str, waits: Sequence[float]) -> None:
        self.files = files
        self.base = base
        self.shown = shown
        self.waits = waits
        self._seen: str | None = None
        self._unseen = 0

    def require(self) -> None:
        """Make sure that the storage answers, and that there is something at the root."""
        self.files.invalidate_cache()
        try:
            self._ask(lambda: self.files.info(self.base))
        except FileNotFoundError:
            raise PhotoStorageUnavailable(
                f"there is nothing at {self.shown}: put the photos there, or correct "
                "LOOKALIKE_IMAGES"
            ) from None
        except PermissionError:
            return  # who may read the photos may not always list them

    def require_around(self, path: str) -> None:
        """Make sure that a photo which could be read before still can be.

        Many storages have no folders to ask for, and answer "denied" for what is missing as well as
        for credentials that ran out: only another photo tells one from the other.
        """
        if self._seen == path:
            return
        if self._seen is not None:
            self._require_seen(self._seen)
            return
        self._unseen += 1
        if self._unseen >= TOLERATED:
            raise PhotoStorageUnavailable(
                f"none of the first {TOLERATED} photos can be read at {self.shown}: correct "
                "LOOKALIKE_IMAGES or the rights, or ingest again to see which photos are there"
            )

    def read(self, path: str) -> bytes:
        """Return the bytes of a photo."""
        try:
            data = self._ask(lambda: self._fetch(f"{self.base}/{path}", MAX_BYTES + 1))
        except FileNotFoundError:
            raise MissingPhotoError(_unreadable(errno.ENOENT)) from None
        except PermissionError:
            raise UnavailablePhotoError(_unreadable(errno.EACCES)) from None
        if len(data) > MAX_BYTES:
            raise PhotoError(f"the file has more than the {MAX_BYTES:,} bytes allowed")
        self._seen = path
        return data

    def names(self, folder: str) -> set[str] | None:
        """Return the names of the files in a folder below the root, empty where there is none.

        Returns:
            None where the folder can't be listed, though its files may be readable.

        Raises:
            PhotoStorageUnavailable: the storage can't be reached.
        """
        self.files.invalidate_cache()
        try:
            entries = self._ask(lambda: self.files.ls(f"{self.base}/{folder}", detail=True))
        except FileNotFoundError:
            return set()
        except PermissionError:
            return None
        return {e["name"].rpartition("/")[2] for e in entries if e["type"] == "file"}

    def _fetch(self, file: str, limit: int) -> bytes:
        """Return the first bytes of a file, at most `limit`."""
        try:
            data: bytes = self.files.cat_file(file, start=0, end=limit)
        except Exception as error:
            if is_empty_range(error):
                return b""
            raise
        return data

    def _ask(self, question: Callable[[], Answer]) -> Answer:
        """Ask the storage something, again and again as long as it can't be reached.

        Raises:
            FileNotFoundError: there is no such file.
            PermissionError: we may not read it.
            PhotoStorageUnavailable: the storage could not be reached at any try.
        """
        for wait in (*self.waits, None):
            try:
                return question()
            except Exception as error:
                failure = failure_of(error)
                if failure is Failure.MISSING:
                    raise FileNotFoundError from None
                if failure is Failure.DENIED:
                    raise PermissionError from None
                if wait is None:
                    raise PhotoStorageUnavailable(
                        f"the photos at {self.shown} can't be reached ({in_words(error)}): try "
                        "again once they can, or correct LOOKALIKE_IMAGES"
                    ) from None
            sleep(wait)
        raise AssertionError  # the last turn returned or raised

    def _require_seen(self, path: str) -> None:
        try:
            self.read(path)
        except UnavailablePhotoError as error:
            raise PhotoStorageUnavailable(
                f"the photos at {self.shown} are gone or may not be read any more ({path}: "
                f"{error}): see to it, and run the command again to go on"
            ) from None


def _unreadable(number: int) -> str:
    return f"the file can't be read: {os.strerror(number)}"
