"""The rows of the staging table: `styles.csv` with each product's photo and metadata looked up."""

from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any

from app.photos import Remote
from worker.ingest.account import Account
from worker.ingest.beside import Beside, Found
from worker.ingest.photos import FolderPhotos
from worker.ingest.remote_photos import RemotePhotos
from worker.ingest.rows import Row
from worker.ingest.styles import Reject, StylesFile

CHUNK = 1000
"""Lines that are read and looked up together."""

NO_METADATA: tuple[Any, ...] = (None,) * 4
NO_PHOTO: tuple[Any, ...] = (None,) * 4
BARE = (*NO_METADATA, *NO_PHOTO)


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
    beside = Beside(root, photos)
    lines = styles.rows()
    with ThreadPoolExecutor(photos.readers) as pool:
        while chunk := list(islice(lines, CHUNK)):
            rows = [row for row in chunk if isinstance(row, Row)]
            if len(rows) < len(chunk):
                for reject in chunk:
                    if isinstance(reject, Reject):
                        on_reject(reject)
            found = beside.look_up([row.values[0] for row in rows], pool)
            _count(account, len(chunk), rows, found.values())
            for row in rows:
                yield row.values + (_values(found.get(row.item_id)) if found else BARE)
            on_progress(len(chunk))


def _count(account: Account, read: int, rows: list[Row], every: Collection[Found]) -> None:
    account.read += read
    account.rejected += read - len(rows)
    account.stored += len(rows)
    account.repaired += sum(row.repaired for row in rows)
    with_photo = sum(found.photo is not None for found in every)
    account.with_photo += with_photo
    account.without_photo += len(rows) - with_photo
    account.unreadable_photos += sum(found.photo_expected for found in every) - with_photo
    with_metadata = sum(found.metadata is not None for found in every)
    account.with_metadata += with_metadata
    account.broken_metadata += sum(found.metadata_expected for found in every) - with_metadata


def _values(found: Found | None) -> tuple[Any, ...]:
    if found is None:
        return BARE
    return (*(found.metadata or NO_METADATA), *(found.photo or NO_PHOTO))
