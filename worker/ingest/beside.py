"""What lies beside the rows of `styles.csv`: each product's photo and metadata."""

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import NamedTuple, Protocol

from worker.ingest.listing import Listing
from worker.ingest.metadata import Metadata, read_metadata
from worker.ingest.photos import Photo

FOLDER = "styles"
ENDING = ".json"


class Found(NamedTuple):
    """What lies beside a row; None where nothing does, or nothing usable."""

    photo_expected: bool
    photo: Photo | None
    metadata_expected: bool
    metadata: Metadata | None


class Photos(Protocol):
    """The photos of a catalog, wherever they are."""

    def among(self, item_ids: Sequence[int]) -> set[int]:
        """Return those of some products that are worth looking up."""

    def look_up(self, item_id: int) -> tuple[bool, Photo | None]:
        """Return whether there is a photo of a product, and what it holds, None if unreadable."""


class Beside:
    """The photos and metadata files of a catalog, the latter listed when it is made.

    Raises:
        LookalikeError: a folder can't be listed.
    """

    def __init__(self, root: Path, photos: Photos) -> None:
        self._root = root
        self._photos = photos
        self._metadata = Listing(root / FOLDER, ENDING)

    def look_up(self, item_ids: Sequence[int], pool: Executor) -> dict[int, Found]:
        """Read what there is, by product; those with nothing are left out and cost no thread."""
        photos, metadata = self._photos.among(item_ids), self._metadata.among(item_ids)
        reading = {
            item_id: pool.submit(self._read, item_id, item_id in photos, item_id in metadata)
            for item_id in sorted(photos | metadata)
        }
        return {item_id: found.result() for item_id, found in reading.items()}

    def _read(self, item_id: int, photo: bool, metadata: bool) -> Found:
        there, found = self._photos.look_up(item_id) if photo else (False, None)
        file = self._root / FOLDER / f"{item_id}{ENDING}"
        return Found(
            photo_expected=there,
            photo=found,
            metadata_expected=metadata,
            metadata=read_metadata(file) if metadata else None,
        )
