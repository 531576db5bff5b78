"""What went wrong between us and a storage, in the words of no particular one."""

import errno
import re
from enum import Enum

from app.photos.errors import UnavailablePhotoError


class UnreachableError(UnavailablePhotoError):
    """The storage failed or didn't answer, which says nothing of the photo.

    Attributes:
        retry_after: seconds after which the server wants to be asked again; None if it didn't say.
    """

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.retry_after = retry_after


class Failure(Enum):
    """Whose fault it is."""

    MISSING = "there is no such file"
    DENIED = "the file may not be read by us"
    UNREACHABLE = "the storage failed: it says nothing of the file"


def failure_of(error: Exception) -> Failure:
    """Sort an error of any fsspec file system.

    What is not known for certain to be about one file is taken for a failure of the storage: a
    photo that waits in vain is better than thousands that were given up while a network was down.
    """
    status = _status(error)
    if isinstance(error, FileNotFoundError | IsADirectoryError) or status in (404, 410):
        return Failure.MISSING
    # gcsfs has no class and no number for a 403.
    forbidden = isinstance(error, OSError) and str(error).startswith("Forbidden")
    if isinstance(error, PermissionError) or forbidden or status in (401, 403, 451):
        return Failure.DENIED
    return Failure.UNREACHABLE


def is_empty_range(error: Exception) -> bool:
    """Return whether a storage refuses to give the first bytes of a file since it has none."""
    invalid = isinstance(error, OSError) and error.errno == errno.EINVAL
    text = str(error).lower()
    return (_status(error) == 416 or invalid or isinstance(error, ValueError)) and "range" in text


def in_words(error: Exception) -> str:
    """Return an error as part of a line, without the password that a URL in it may hold."""
    status = _status(error)
    if status is not None:
        return f"it answers {status} {one_line(str(getattr(error, 'message', '')))}".strip()
    return re.sub(r"//\S*@", "//", one_line(str(error) or type(error).__name__))


def one_line(text: str) -> str:
    """Return a server's or library's words as part of a line, without what no table can hold."""
    return "".join(filter(str.isprintable, " ".join(text.split())))[:200]


def _status(error: Exception) -> int | None:
    """Return the HTTP status that an error is about, however its library calls it."""
    for name in ("status", "code"):
        number = str(getattr(error, name, None))
        if number.isdigit():
            return int(number)
    return None
