"""Photos in a folder of this machine, or of a network share that is mounted on it."""

import errno
import os
import stat
import time
from itertools import islice
from pathlib import Path

from app.photos.decode import MAX_BYTES
from app.photos.errors import (
    MissingPhotoError,
    PhotoError,
    PhotoStorageUnavailable,
    UnavailablePhotoError,
)
from app.photos.photo_file import UNCHANGED, PhotoFile, Unchanged, describe, too_large
from app.photos.references import check_path

PHOTO_ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif")

CLOCK_TICK_NS = 50_000_000
"""A file may change twice within one tick of the file system's clock, and show the same time."""


class Folder:
    """A folder that the photos' paths are below. See `PhotoStorage`.

    The validator of a photo is its size and its modification time. These are read by one `stat`;
    strings instead of `pathlib` keep a look-up of an unchanged file at a few microseconds.

    Args:
        path: the folder.
        max_bytes: size above which a file is refused unread.
    """

    readers = os.cpu_count() or 1
    listable = True

    def __init__(self, path: str | Path, max_bytes: int = MAX_BYTES) -> None:
        self.path = Path(path)
        self.shown = str(path)
        self._base = os.path.join(os.path.abspath(path), "")  # noqa: PTH100, PTH118 - see above
        self._max_bytes = max_bytes

    def require(self) -> None:
        """Make sure that the folder is there."""
        if not os.path.isdir(self._base):  # noqa: PTH112 - Path.is_dir raises on a broken share
            raise PhotoStorageUnavailable(
                f"the folder of the photos, {self.shown}, isn't there: mount it, or name it in "
                "LOOKALIKE_IMAGES"
            )

    def require_photos(self) -> None:
        """Make sure that there is at least one photo in the folder or near below it.

        A share that was unmounted leaves its mount point: empty, and still a folder.
        """
        self.require()
        if not _holds_a_photo(self._base):
            raise PhotoStorageUnavailable(
                f"the folder of the photos, {self.shown}, has no photos in it: mount the share, or "
                "name the folder in LOOKALIKE_IMAGES"
            )

    def require_seen(self, reference: str) -> None:
        """Make sure that a photo which was there still is."""
        try:
            os.stat(self._path(reference))  # noqa: PTH116
        except OSError as error:
            raise _failure(error) from None

    def path_of(self, reference: str) -> Path:
        """Return the absolute path of a photo, for whoever sends the file itself.

        Raises:
            PhotoError: the reference leaves the folder.
        """
        return Path(self._path(reference))

    def read(self, reference: str) -> bytes:
        """Return the bytes of a photo."""
        return self._read(reference)[0]

    def look_up(self, reference: str, validator: str | None) -> Unchanged | PhotoFile:
        """Hash a photo, unless its size and modification time are still those in the validator."""
        if validator is not None:
            try:
                found = os.stat(self._path(reference))  # noqa: PTH116
            except OSError as error:
                raise _failure(error) from None
            if _validator(found) == validator:
                return UNCHANGED
        data, found = self._read(reference)
        # Right after a change the time can't vouch for the content yet, so that it isn't kept.
        settled = abs(time.time_ns() - found.st_mtime_ns) > CLOCK_TICK_NS
        return describe(data, _validator(found) if settled else None)

    def _path(self, reference: str) -> str:
        return self._base + check_path(reference)

    def _read(self, reference: str) -> tuple[bytes, os.stat_result]:
        """Return the bytes of a photo, and what its file was just before they were read."""
        try:
            # Not to wait for whoever may write to it, should it be a named pipe.
            with open(os.open(self._path(reference), os.O_RDONLY | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123
                found = os.fstat(file.fileno())
                if not stat.S_ISREG(found.st_mode):
                    raise UnavailablePhotoError("the file can't be read: Not a regular file")
                data = b"" if found.st_size > self._max_bytes else file.read(self._max_bytes + 1)
        except OSError as error:
            raise _failure(error) from None
        if max(found.st_size, len(data)) > self._max_bytes:
            raise too_large(self._max_bytes)
        return data, found


def _validator(found: os.stat_result) -> str:
    return f"{found.st_size}:{found.st_mtime_ns}"


def _failure(error: OSError) -> PhotoError:
    """Return what an error of the operating system means for a photo."""
    reason = f"the file can't be read: {error.strerror}"
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return MissingPhotoError(reason)
    if error.errno == errno.ENAMETOOLONG:
        return PhotoError(reason)
    return UnavailablePhotoError(reason)


def _holds_a_photo(base: str, entries: int = 200, folders: int = 200) -> bool:
    """Return whether a photo is among the first entries of the first folders at and below one.

    A file without an ending may be one.
    """
    waiting = [base]
    for _ in range(folders):
        if not waiting:
            return False
        try:
            with os.scandir(waiting.pop(0)) as listing:
                for entry in islice(listing, entries):
                    if entry.is_dir():
                        waiting.append(entry.path)
                    elif "." not in entry.name or entry.name.lower().endswith(PHOTO_ENDINGS):
                        return True
        except OSError:
            continue
    return False
