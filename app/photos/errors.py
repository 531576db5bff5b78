"""What can go wrong with a photo, and with the storage that it is read from."""

from app.errors import LookalikeError


class PhotoError(Exception):
    """This photo can't be used; the text is the reason, in one line."""


class NotAPhotoError(PhotoError):
    """The file is not an image in a supported format, not even a damaged one."""


class UnavailablePhotoError(PhotoError):
    """The photo can't be read now, but may be readable later: permissions, I/O errors, timeouts."""


class MissingPhotoError(UnavailablePhotoError):
    """There is no photo at this path or URL."""


class PhotoStorageUnavailable(LookalikeError):  # noqa: N818 - a state, not a mistake
    """The photo storage is not there or can't be reached, which says nothing about any photo."""


class PhotoStorageLost(PhotoStorageUnavailable):
    """The photo storage was there a moment ago: a network share that may come back by itself."""
