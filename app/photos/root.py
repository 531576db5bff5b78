"""What every root of photos can do."""

from typing import Protocol


class PhotoRoot(Protocol):
    """What `items.image_path` is below. Any number of threads may use one."""

    @property
    def readers(self) -> int:
        """How many threads read photos from it at the same time to good effect."""

    def require(self) -> None:
        """Make sure, before any work, that it is there at all.

        Raises:
            PhotoStorageUnavailable: it isn't, or can't be reached.
        """

    def require_around(self, path: str) -> None:
        """Tell a photo that is gone from a root that is gone, after the photo couldn't be read.

        Raises:
            PhotoStorageUnavailable: more is gone than the photo at this path.
        """

    def read(self, path: str) -> bytes:
        """Return the bytes of the photo at a path below the root.

        Raises:
            UnavailablePhotoError: this photo is missing or unreadable.
            PhotoError: it is larger than `MAX_BYTES`.
            PhotoStorageUnavailable: the root can't be reached; that says nothing of the photo.
        """
