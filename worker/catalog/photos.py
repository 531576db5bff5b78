"""`images/ID.jpg`: which products have a photo, and what each photo is."""

import hashlib
from pathlib import Path
from typing import NamedTuple

from app.encoders.photo import PhotoError, open_photo
from worker.catalog.listing import Listing

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


def inspect(root: Path, item_id: int) -> Photo | None:
    """Hash a product's photo and read its header; None where the file can't be read."""
    path = photo_path(item_id)
    try:
        with (root / path).open("rb") as file:
            sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            file.seek(0)
            try:
                width, height = open_photo(file).size
            except PhotoError:
                return Photo(path, sha256, None, None)
            return Photo(path, sha256, width, height)
    except OSError:
        return None
