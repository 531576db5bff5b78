"""`images/ID.jpg`: which photos there are, and which file each one is."""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

from app.encoders.photo import PhotoError, open_photo

FOLDER = "images"


class Photo(NamedTuple):
    """A photo's file: where it lies below the catalog's root, and what it holds."""

    path: str
    sha256: str
    width: int | None
    """In pixels, as the header says; None where the header is unreadable."""
    height: int | None


def list_photos(root: Path) -> set[str]:
    """Return the names of the files in the catalog's `images` folder; empty without it."""
    try:
        with os.scandir(root / FOLDER) as entries:
            return {entry.name for entry in entries if entry.is_file()}
    except FileNotFoundError:
        return set()


class FolderPhotos:
    """The photos in the catalog's own folder, listed once."""

    readers = None
    """As many threads as Python thinks fit."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._names = list_photos(root)

    def look_up(self, name: str) -> tuple[bool, Photo | None]:
        """Return whether there is a file of that name, and what it holds, None if unreadable."""
        there = name in self._names
        return there, inspect(self._root, name) if there else None


def inspect(root: Path, name: str) -> Photo | None:
    """Hash a photo's file and read its header; None where the file can't be read."""
    path = f"{FOLDER}/{name}"
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
