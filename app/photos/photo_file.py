"""The result of looking a photo up."""

import hashlib
import io
from dataclasses import dataclass

from app.photos.decode import open_photo
from app.photos.errors import PhotoError


@dataclass(frozen=True)
class PhotoFile:
    """A photo that was read.

    Attributes:
        sha256: of its bytes, in hexadecimal.
        width: in pixels, from the header; None if the header is unreadable.
        height: the same.
        validator: tells later whether the photo is unchanged; None if its storage has none.
    """

    sha256: str
    width: int | None
    height: int | None
    validator: str | None


class Unchanged:
    """The validator still holds: the photo wasn't read."""


UNCHANGED = Unchanged()


def describe(data: bytes, validator: str | None) -> PhotoFile:
    """Hash a photo and read its header."""
    sha256 = hashlib.sha256(data).hexdigest()
    try:
        width, height = open_photo(io.BytesIO(data)).size
    except PhotoError:
        return PhotoFile(sha256, None, None, validator)
    return PhotoFile(sha256, width, height, validator)


def too_large(max_bytes: int) -> PhotoError:
    """Return the error for a file above the size limit."""
    return PhotoError(f"the file has more than the {max_bytes:,} bytes allowed")
