"""Distinguishing a missing photo from a missing root."""

from typing import Protocol

from app.photos.errors import PhotoStorageLost, PhotoStorageUnavailable, UnavailablePhotoError
from app.photos.photo_file import PhotoFile, Unchanged

TOLERATED = 32
"""Number of unreadable photos, before any was read, at which the root counts as unavailable."""


class Root(Protocol):
    """A folder or URL that photos' paths are relative to."""

    readers: int
    shown: str
    """The root as messages show it."""
    listable: bool
    """Whether `require_photos` can list photos."""

    def require(self) -> None:
        """Raise `PhotoStorageUnavailable` if the root is missing or doesn't answer."""

    def require_photos(self) -> None:
        """Raise `PhotoStorageUnavailable` if the root is missing or has no photos."""

    def require_seen(self, reference: str) -> None:
        """Raise `UnavailablePhotoError` if this photo, which was read before, can't be read now."""

    def read(self, reference: str) -> bytes:
        """Return the bytes of a photo; raises any `PhotoError`."""

    def look_up(self, reference: str, validator: str | None) -> Unchanged | PhotoFile:
        """As `PhotoStorage.look_up`; raises any `PhotoError`."""


class WatchedRoot:
    """A root that raises an error of its own when all of it is unreadable. See `PhotoStorage`.

    An unmounted share, expired credentials and a server that is down all look like one unreadable
    photo after another. Without this check a worker would fail every job, and an ingest would
    remove every photo. So a photo counts as unreadable only if another one that was read before
    still is readable.

    Args:
        root: the root.
        tolerated: how many photos may be unreadable before any was read.
    """

    def __init__(self, root: Root, tolerated: int = TOLERATED) -> None:
        self.root = root
        self.readers = root.readers
        self._tolerated = tolerated
        self._seen: tuple[str, ...] = ()  # two, since one of them may have been deleted on purpose
        self._unread = 0

    def require(self) -> None:
        """Check that the root exists."""
        self.root.require()

    def read(self, reference: str) -> bytes:
        """Return the bytes of a photo."""
        try:
            data = self.root.read(reference)
        except UnavailablePhotoError as error:
            self._check(reference, expected=True)
            if not self._seen and not self.root.listable:
                self._count_unread(error)
            raise
        self._seen = (reference, *self._seen[:1])
        return data

    def look_up(self, reference: str, validator: str | None) -> Unchanged | PhotoFile:
        """Look a photo up. One that was never read before may simply be missing."""
        try:
            found = self.root.look_up(reference, validator)
        except UnavailablePhotoError:
            self._check(reference, expected=validator is not None)
            raise
        self._seen = (reference, *self._seen[:1])
        return found

    def _check(self, reference: str, *, expected: bool) -> None:
        """Check that the root still exists, after a photo couldn't be read.

        Args:
            reference: the photo.
            expected: whether the photo was read at an earlier time.

        Raises:
            PhotoStorageUnavailable: the root is missing, or nothing in it can be read.
        """
        others = [seen for seen in self._seen if seen != reference]
        if others:
            self._require_any(others)
            return
        self.root.require()
        if expected:
            self.root.require_photos()

    def _count_unread(self, error: UnavailablePhotoError) -> None:
        """Count an unreadable photo, and raise for the root after `tolerated` of them."""
        self._unread += 1
        if self._unread >= self._tolerated:
            raise PhotoStorageUnavailable(
                f"none of the first {self._tolerated} photos can be read at {self.root.shown} "
                f"({error}): correct LOOKALIKE_IMAGES or the rights, or ingest again to see which "
                "photos are there"
            )

    def _require_any(self, seen: list[str]) -> None:
        """Check that one of the photos that were read can still be read."""
        for reference in seen:
            try:
                self.root.require_seen(reference)
                return
            except UnavailablePhotoError as error:
                reason = f"{reference}: {error}"
        raise PhotoStorageLost(
            f"the photos at {self.root.shown} are gone or can't be read any more ({reason}): make "
            "them readable, and run the command again"
        )
