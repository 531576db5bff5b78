"""The rows of the staging table: `styles.csv` with each product's photo and metadata looked up."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from app.photo_roots import Remote
from worker.catalog.account import Account
from worker.catalog.metadata import Metadata, read_metadata
from worker.catalog.photos import FolderPhotos, Photo
from worker.catalog.remote_photos import RemotePhotos
from worker.catalog.styles import Reject, Row, StylesFile

CHUNK = 1000
"""Lines that are read and looked up together."""


class _Found(NamedTuple):
    """What lies beside a row; None where nothing does, or nothing usable."""

    photo_expected: bool
    photo: Photo | None
    metadata_expected: bool
    metadata: Metadata | None


def staged_rows(
    root: Path,
    styles: StylesFile,
    account: Account,
    on_reject: Callable[[Reject], None],
    on_progress: Callable[[int], object],
    remote: Remote | None = None,
) -> Iterator[tuple[Any, ...]]:
    """Yield the staging table's rows, in its columns' order, and keep the account.

    The photos are those below `remote`, where there is one, else those below `root`.
    """
    photos = RemotePhotos(remote) if remote is not None else FolderPhotos(root)
    has_metadata = (root / "styles").is_dir()

    def look_up(row: Row) -> _Found:
        metadata = root / "styles" / f"{row.item_id}.json"
        photo_expected, photo = photos.look_up(f"{row.item_id}.jpg")
        metadata_expected = has_metadata and metadata.exists()
        return _Found(
            photo_expected,
            photo,
            metadata_expected,
            read_metadata(metadata) if metadata_expected else None,
        )

    lines = styles.rows()
    with ThreadPoolExecutor(photos.readers) as pool:
        while chunk := list(islice(lines, CHUNK)):
            account.read += len(chunk)
            rows = [row for row in chunk if isinstance(row, Row)]
            for reject in chunk:
                if isinstance(reject, Reject):
                    account.rejected += 1
                    on_reject(reject)
            for row, found in zip(rows, pool.map(look_up, rows), strict=True):
                _count(account, row, found)
                yield _values(row, found)
            on_progress(len(chunk))


def _count(account: Account, row: Row, found: _Found) -> None:
    account.stored += 1
    account.repaired += row.repaired
    account.with_photo += found.photo is not None
    account.without_photo += found.photo is None
    account.unreadable_photos += found.photo_expected and found.photo is None
    account.with_metadata += found.metadata is not None
    account.broken_metadata += found.metadata_expected and found.metadata is None


def _values(row: Row, found: _Found) -> tuple[Any, ...]:
    metadata = found.metadata or Metadata(None, None, None, None)
    photo = found.photo or (None, None, None, None)
    return (row.item_id, *row.attributes, *metadata, *photo)
