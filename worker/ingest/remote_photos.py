"""`images/ID.jpg` in a storage that is reached by a URL."""

import hashlib
import io
from collections.abc import Sequence
from pathlib import PurePath

from app.photos import Remote
from app.photos.decode import open_photo
from app.photos.errors import MissingPhotoError, PhotoError
from worker.ingest.photos import FOLDER, Photo, photo_path


class RemotePhotos:
    """The photos of a remote root, listed once where that can be done.

    Raises:
        LookalikeError: the storage can't be reached, or nothing is at the root.
    """

    def __init__(self, root: Remote) -> None:
        root.require()
        self.root = root
        self.readers = root.readers
        self._names = root.names(FOLDER)

    def among(self, item_ids: Sequence[int]) -> set[int]:
        """Return those of some products that are worth looking up: all, where nothing is listed."""
        names = self._names
        return {i for i in item_ids if names is None or PurePath(photo_path(i)).name in names}

    def look_up(self, item_id: int) -> tuple[bool, Photo | None]:
        """Return whether there is a photo of a product, and what it holds.

        Returns:
            The photo is None where there is none, where it can't be read, and where it is larger
            than what is read of a file.

        Raises:
            LookalikeError: the storage can't be reached.
        """
        path = photo_path(item_id)
        try:
            data = self.root.read(path)
        except MissingPhotoError:
            return False, None
        except PhotoError:
            return True, None
        sha256 = hashlib.sha256(data).hexdigest()
        try:
            width, height = open_photo(io.BytesIO(data)).size
        except PhotoError:
            return True, Photo(path, sha256, None, None)
        return True, Photo(path, sha256, width, height)
