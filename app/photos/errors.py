"""What can go wrong with a photo, and with the storage that it is read from."""

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
    """The storage failed or didn't answer, which says nothing of the photo.

    Attributes:
        retry_after: seconds after which the server wants to be asked again; None if it didn't say.
    """

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class PhotoStorageUnavailable(LookalikeError):  # noqa: N818 - a state, not a mistake
    """The photo storage is not there or can't be reached, which says nothing about any photo."""


class PhotoStorageLost(PhotoStorageUnavailable):
    """The photo storage was there a moment ago: a network share that may come back by itself."""


def in_words(error: Exception) -> str:
    """Return an error as part of a line, without the password that a URL in it may hold."""
    status = http_status(error)
    if status is not None:
        return f"it answers {status} {in_one_line(getattr(error, 'message', ''))}".strip()
    return re.sub(r"//\S*@", "//", in_one_line(error))


def http_status(error: Exception) -> int | None:
    """Return the HTTP status that an error is about, however its library calls it."""
    for name in ("status", "code"):
        number = str(getattr(error, name, None))
        if number.isdigit():
            return int(number)
    return None
