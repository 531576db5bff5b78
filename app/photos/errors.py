"""Errors about a photo, and about the storage that it is read from."""

import re

from app.errors import LookalikeError, in_one_line


class PhotoError(Exception):
    """This photo can't be used; the text is the reason, in one line."""


class NotAPhotoError(PhotoError):
    """The file is not an image in a supported format, not even a damaged one."""


class UnavailablePhotoError(PhotoError):
    """The photo can't be read now, but may be readable later: permissions, I/O errors, timeouts."""


class MissingPhotoError(UnavailablePhotoError):
    """There is no photo at this path or URL."""


class UnreachableError(UnavailablePhotoError):
    """The storage failed or didn't answer, so whether it has the photo is unknown.

    Attributes:
        retry_after: seconds that the server asked to wait before a retry; None if it didn't.
    """

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class PhotoStorageUnavailable(LookalikeError):  # noqa: N818 - a state, not a mistake
    """The photo storage as a whole is missing or can't be reached."""


class PhotoStorageLost(PhotoStorageUnavailable):
    """The photo storage disappeared: a network share, for instance, that may come back."""


def in_words(error: Exception) -> str:
    """Return an error as part of a line, without passwords of URLs in it."""
    status = http_status(error)
    if status is not None:
        return f"it answers {status} {in_one_line(getattr(error, 'message', ''))}".strip()
    return re.sub(r"//\S*@", "//", in_one_line(error))


def http_status(error: Exception) -> int | None:
    """Return the HTTP status of an error of any library, None if it has none."""
    for name in ("status", "code"):
        number = str(getattr(error, name, None))
        if number.isdigit():
            return int(number)
    return None
