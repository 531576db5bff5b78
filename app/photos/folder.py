"""Photos in a local folder or a mounted network share."""

import errno
import os
import stat
import time
from contextlib import suppress
from itertools import islice
from pathlib import Path

from app.photos.decode import MAX_BYTES, SIGNATURE_BYTES, is_photo
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
"""A file that changes twice within a tick of the file system's clock keeps its time."""


class Folder:
    """A folder that the photos' paths are below. See `PhotoStorage`.

    The validator of a photo is its size and modification time, read by one `stat`. Paths are
    strings instead of `pathlib`, so that looking up an unchanged file takes a few microseconds.

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
        """Check that the folder exists."""
        if not os.path.isdir(self._base):  # noqa: PTH112 - Path.is_dir raises on a broken share
            raise PhotoStorageUnavailable(
                f"the folder of the photos, {self.shown}, isn't there: mount it, or name it in "
                "LOOKALIKE_IMAGES"
            )

    def require_photos(self) -> None:
        """Check that there is a photo in the folder or its first subfolders.

        An unmounted share leaves its mount point, an empty folder.
        """
        self.require()
        if not _holds_a_photo(self._base):
            raise PhotoStorageUnavailable(
                f"the folder of the photos, {self.shown}, has no photos in it: mount the share, or "
                "name the folder in LOOKALIKE_IMAGES"
            )

    def require_seen(self, reference: str) -> None:
        """Check that a photo that was read before still exists."""
        try:
            os.stat(self._path(reference))  # noqa: PTH116
        except OSError as error:
            raise _failure(error) from None

    def path_of(self, reference: str) -> Path:
        """Return the absolute path of a photo, to send its file to others.

        Raises:
            MissingPhotoError: a link leads outside the folder, or the file is no image.
            PhotoError: the reference leaves the folder.
        """
        path = Path(self._path(reference))
        real = path.resolve()
        if not real.is_relative_to(Path(self._base).resolve()):
            raise MissingPhotoError("a link leads outside the folder of the photos")
        with suppress(OSError), open(os.open(real, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:  # noqa: PTH123
            if not is_photo(file.read(SIGNATURE_BYTES)):
                raise MissingPhotoError("the file is no image")
        return path

    def read(self, reference: str) -> bytes:
        """Return the bytes of a photo."""
        return self._read(reference)[0]

    def look_up(self, reference: str, validator: str | None) -> Unchanged | PhotoFile:
        """Hash a photo, unless its size and modification time match the validator."""
        if validator is not None:
            try:
                found = os.stat(self._path(reference))  # noqa: PTH116
            except OSError as error:
                raise _failure(error) from None
            if _validator(found) == validator:
                return UNCHANGED
        data, found = self._read(reference)
        # A file that has just changed may change again at the same time, so it gets no validator.
        settled = abs(time.time_ns() - found.st_mtime_ns) > CLOCK_TICK_NS
        return describe(data, _validator(found) if settled else None)

    def _path(self, reference: str) -> str:
        return self._base + check_path(reference)

    def _read(self, reference: str) -> tuple[bytes, os.stat_result]:
        """Return the bytes of a photo, and the status of its file just before they were read."""
        try:
            # Without O_NONBLOCK, opening a named pipe would wait for a writer.
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
    """Return the photo error for an error of the operating system."""
    reason = f"the file can't be read: {error.strerror}"
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return MissingPhotoError(reason)
    if error.errno == errno.ENAMETOOLONG:
        return PhotoError(reason)
    return UnavailablePhotoError(reason)


def _holds_a_photo(base: str, entries: int = 200, folders: int = 200) -> bool:
    """Return whether a folder or one of its subfolders has a photo among its first entries.

    A file without an extension may be one.
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
