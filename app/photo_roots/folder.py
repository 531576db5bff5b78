"""Photos in a folder of this machine, or of a share that is mounted on it."""

import os
from pathlib import Path

from app.encoders.photo import read_photo
from app.errors import LookalikeError


class Folder:
    """A folder that the photos' paths are below. See `PhotoRoot`."""

    readers = os.cpu_count() or 1

    def __init__(self, path: Path) -> None:
        self.path = path

    def require(self) -> None:
        """Make sure that the folder is there."""
        if not self.path.is_dir():
            raise LookalikeError(
                f"the folder of the photos, {self.path}, isn't there: mount it, or name it in "
                "LOOKALIKE_IMAGES"
            )

    def require_around(self, path: str) -> None:
        """Make sure that the folder right above a photo is there.

        A share that was unmounted leaves its mount point: empty, and still a folder.
        """
        folder = (self.path / path).parent
        try:
            there = folder.is_dir()
        except OSError:
            there = False
        if not there:
            raise LookalikeError(
                f"the folder of the photos, {folder}, isn't there: mount it, or name the folder "
                "above it in LOOKALIKE_IMAGES, and run the command again to go on"
            )

    def read(self, path: str) -> bytes:
        """Return the bytes of a photo."""
        return read_photo(self.path / path)
