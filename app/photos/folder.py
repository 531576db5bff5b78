"""Photos in a folder of this machine, or of a share that is mounted on it."""

import os
from pathlib import Path

from app.photos.decode import read_photo
from app.photos.errors import PhotoStorageUnavailable


class Folder:
    """A folder that the photos' paths are below. See `PhotoRoot`."""

    readers = os.cpu_count() or 1

    def __init__(self, path: Path) -> None:
        self.path = path

    def require(self) -> None:
        """Make sure that the folder is there."""
        if not os.path.isdir(self.path):  # noqa: PTH112 - Path.is_dir raises on a share that broke
            raise PhotoStorageUnavailable(
                f"the folder of the photos, {self.path}, isn't there: mount it, or name it in "
                "LOOKALIKE_IMAGES"
            )

    def require_around(self, path: str) -> None:
        """Make sure that the folder right above a photo is there, and not empty.

        A share that was unmounted leaves its mount point: empty, and still a folder.
        """
        folder = (self.path / path).parent
        try:
            with os.scandir(folder) as entries:
                there = next(entries, None) is not None
        except OSError:
            there = False
        if not there:
            raise PhotoStorageUnavailable(
                f"the folder of the photos, {folder}, isn't there or is empty: mount it, or name "
                "the folder above it in LOOKALIKE_IMAGES"
            )

    def read(self, path: str) -> bytes:
        """Return the bytes of a photo."""
        return read_photo(self.path / path)
