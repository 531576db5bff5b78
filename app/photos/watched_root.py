"""Telling a photo that is gone from a root that is gone."""

from typing import Protocol

from app.photos.errors import PhotoStorageLost, PhotoStorageUnavailable, UnavailablePhotoError
from app.photos.photo_file import PhotoFile, Unchanged

TOLERATED = 32
"""Photos that may be unreadable before the root is doubted, as long as none of it was read."""


class Root(Protocol):
    """A place that photos' paths are below."""

    readers: int
    shown: str
    """Its name in messages."""
    listable: bool
    """Whether `require_photos` can look."""

    def require(self) -> None:
        """Raise `PhotoStorageUnavailable` if the root isn't there or doesn't answer."""

    def require_photos(self) -> None:
        """Raise `PhotoStorageUnavailable` if no photo can be at the root either."""

    def require_seen(self, reference: str) -> None:
        """Raise `UnavailablePhotoError` if this photo, which was there, can't be read any more."""

    def read(self, reference: str) -> bytes:
        """Return the bytes of a photo; raises any `PhotoError`."""

    def look_up(self, reference: str, validator: str | None) -> Unchanged | PhotoFile:
        """As `PhotoStorage.look_up`; raises any `PhotoError`."""


class WatchedRoot:
    """A root that stops the work when all of it is gone. See `PhotoStorage`.

    A share that was unmounted, credentials that ran out and a server that is down all look like one
    unreadable photo after another. Without this check a worker would fail every job, and an ingest
    take every photo away. So a photo that can't be read is held against it only if another one
    that was read before still can be.

    Args:
        root: the place itself.
        tolerated: how many photos may be unreadable in a row before any was read.
    """

    def __init__(self, root: Root, tolerated: int = TOLERATED) -> None:
        self.root = root
        self.readers = root.readers
        self._tolerated = tolerated
        self._seen: tuple[str, ...] = ()  # the last two, since one of them may be deleted rightly
        self._unread = 0

    def require(self) -> None:
        """Make sure that the root is there."""
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
        """Look a photo up. One that was never read before may be missing without doubt."""
        try:
            found = self.root.look_up(reference, validator)
        except UnavailablePhotoError:
            self._check(reference, expected=validator is not None)
            raise
        self._seen = (reference, *self._seen[:1])
        return found

    def _check(self, reference: str, *, expected: bool) -> None:
        """Make sure that the root is still there, after a photo couldn't be read.

        Args:
            reference: the photo.
            expected: whether the photo was there at an earlier time.

        Raises:
            PhotoStorageUnavailable: it isn't there, or nothing of it can be read.
        """
        others = [seen for seen in self._seen if seen != reference]
        if others:
            self._require_any(others)
            return
        self.root.require()
        if expected:
            self.root.require_photos()

    def _count_unread(self, error: UnavailablePhotoError) -> None:
        """Doubt the root after some unreadable photos, if there is nothing else to go by."""
        self._unread += 1
        if self._unread >= self._tolerated:
            raise PhotoStorageUnavailable(
                f"none of the first {self._tolerated} photos can be read at {self.root.shown} "
                f"({error}): correct LOOKALIKE_IMAGES or the rights, or ingest again to see which "
                "photos are there"
            )

    def _require_any(self, seen: list[str]) -> None:
        """Make sure that one of the photos that were read can still be read."""
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
