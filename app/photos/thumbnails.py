"""Thumbnails: small versions of photos for pages, kept in a folder of bounded size."""

import io
import logging
import os
import tempfile
import time
from contextlib import suppress
from enum import IntEnum, StrEnum
from pathlib import Path
from threading import Lock

from PIL import Image

from app.photos.decode import load_picture

log = logging.getLogger(__name__)

QUALITY = 75
"""Of WebP and JPEG: about 3 KB for a product at 224 x 224 pixels as WebP, 5 KB as JPEG."""

TALLEST = 4
"""A thumbnail's height is at most this many times its width: a long strip gets narrower."""

TOUCH_SECONDS = 3600
"""A file's last use is stored to about this precision, so that most reads write nothing."""

PRUNE_SHARE = 0.05
"""A process looks for files to remove each time that it has written this share of the bound."""

KEEP_SHARE = 0.8
"""How full the folder is after the least recently used files were removed."""

TEMPORARY = ".tmp"


class Width(IntEnum):
    """The widths that thumbnails have, in pixels: few, so that the folder holds few of a photo."""

    W120 = 120
    W240 = 240
    W480 = 480
    W960 = 960
    W1920 = 1920


class Format(StrEnum):
    """The formats that thumbnails have, by the endings of their files."""

    WEBP = "webp"
    JPEG = "jpg"

    @property
    def mimetype(self) -> str:
        """Return the media type."""
        return "image/webp" if self is Format.WEBP else "image/jpeg"


def make_thumbnail(data: bytes, width: int, kind: Format) -> bytes:
    """Make a thumbnail of a photo, decoded as networks see it: upright, sRGB, over white.

    Args:
        data: the bytes of the photo's file.
        width: how wide the thumbnail is at most, in pixels; no photo is enlarged.
        kind: its format.

    Returns:
        The bytes of its file, without any metadata.

    Raises:
        PhotoError: the photo can't be decoded; the text says why.
    """
    picture = load_picture(data, least=width)
    picture.thumbnail((width, TALLEST * width), Image.Resampling.LANCZOS)
    picture.info.clear()
    buffer = io.BytesIO()
    if kind is Format.WEBP:
        picture.save(buffer, "WEBP", quality=QUALITY)
    else:
        picture.save(buffer, "JPEG", quality=QUALITY, optimize=True, progressive=True)
    return buffer.getvalue()


class ThumbnailCache:
    """A folder of thumbnails, shared by any number of threads and processes.

    A file is complete under its name or isn't there: it is written under another name first. Its
    modification time is that of its last use; where the folder grows beyond its bound, the least
    recently used files go. Where it can't be written, thumbnails are made again each time.

    Args:
        folder: where the files are; created when needed.
        max_bytes: size of all files together, which each process may exceed by `PRUNE_SHARE` of it.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._making = Lock()
        # The first write looks, since an earlier process may have left more.
        self._unchecked = max_bytes
        self._warned = False

    def find(self, sha256: str, width: int, kind: Format) -> bytes | None:
        """Return a photo's thumbnail, None if it is not there.

        Args:
            sha256: of the photo's file, in hex.
            width: one of `Width`.
            kind: the thumbnail's format.
        """
        path = self._path(sha256, width, kind)
        try:
            with path.open("rb") as file:
                found = file.read()
                used = os.fstat(file.fileno()).st_mtime
        except OSError:
            return None
        if time.time() - used > TOUCH_SECONDS:
            with suppress(OSError):  # it has just been removed, or is read only
                os.utime(path)
        return found

    def make(self, data: bytes, sha256: str, width: int, kind: Format) -> bytes:
        """Make the thumbnail of a photo and keep it, unless another thread has.

        One at a time in a process, since a large photo takes hundreds of megabytes to decode.

        Args:
            data: the bytes of the photo's file.
            sha256: their hash, in hex.
            width: one of `Width`.
            kind: the thumbnail's format.

        Raises:
            PhotoError: the photo can't be decoded; the text says why.
        """
        with self._making:
            made = self.find(sha256, width, kind)
            if made is None:
                made = make_thumbnail(data, width, kind)
                self._keep(self._path(sha256, width, kind), made)
            return made

    def _path(self, sha256: str, width: int, kind: Format) -> Path:
        return self._folder / sha256[:2] / f"{sha256}-{width:d}.{kind}"

    def _keep(self, path: Path, made: bytes) -> None:
        """Write a file, if that is possible."""
        if self._max_bytes <= 0:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(suffix=TEMPORARY, dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(made)
                Path(temporary).replace(path)
            except BaseException:
                Path(temporary).unlink(missing_ok=True)
                raise
        except OSError as error:
            if not self._warned:
                log.warning("thumbnails can't be kept in %s: %s", self._folder, error.strerror)
            self._warned = True
            return
        self._unchecked += len(made)
        if self._unchecked >= PRUNE_SHARE * self._max_bytes:
            self._unchecked = 0
            self._prune()

    def _prune(self) -> None:
        """Remove the least recently used files, if all together are larger than the bound."""
        files = sorted(self._files())
        total = sum(size for _, size, _ in files)
        if total <= self._max_bytes:
            return
        for _, size, path in files:
            if total <= KEEP_SHARE * self._max_bytes:
                break
            with suppress(OSError):  # another process has removed it
                path.unlink()
            total -= size

    def _files(self) -> list[tuple[float, int, Path]]:
        """Return last use, size in bytes and path of each file, unfinished ones included."""
        found = []
        for folder, _, names in os.walk(self._folder):
            for name in names:
                path = Path(folder, name)
                with suppress(OSError):
                    state = path.stat()
                    found.append((state.st_mtime, state.st_size, path))
        return found
