"""`images/ID.jpg`: which products have a photo, and what each photo is."""

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from app.photos.decode import open_file, open_photo
from app.photos.errors import PhotoError
from worker.ingest.listing import Listing

FOLDER = "images"
ENDING = ".jpg"


class Photo(NamedTuple):
    """A photo's file: where it lies below the catalog's root, and what it holds."""

    path: str
    sha256: str
    width: int | None
    """In pixels, as the header says; None where the header is unreadable."""
    height: int | None


def list_photos(root: Path) -> Listing:
    """Return which products have a file in the catalog's `images` folder."""
    return Listing(root / FOLDER, ENDING)


def photo_path(item_id: int) -> str:
    """Return the path of a product's photo below the catalog's root."""
    return f"{FOLDER}/{item_id}{ENDING}"


class FolderPhotos:
    """The photos in the catalog's own folder, listed once."""

    readers = None
    """As many threads as Python thinks fit."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._listing = list_photos(root)

    def among(self, item_ids: Sequence[int]) -> set[int]:
        """Return those of some products that are worth looking up."""
        return self._listing.among(item_ids)

    def look_up(self, item_id: int) -> tuple[bool, Photo | None]:
        """Return whether there is a photo of a product, and what it holds, None if unreadable."""
        return True, inspect(self._root, item_id)


def inspect(root: Path, item_id: int) -> Photo | None:
    """Hash a product's photo and read its header; None where the file can't be read."""
    path = photo_path(item_id)
    try:
        with open_file(root / path) as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            try:
                width, height = open_photo(file).size
            except PhotoError:
                return Photo(path, sha256, None, None)
            return Photo(path, sha256, width, height)
    except OSError:
        return None
