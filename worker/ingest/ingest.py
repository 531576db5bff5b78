"""From a source to the tables `items` and `photos`, in one transaction."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

from app.database import query
from app.database.locks import Lock, try_lock, wait_for_lock
from app.errors import LookalikeError
from app.photos.storage import PhotoStorage
from worker.ingest.columns import Columns
from worker.ingest.differences import find_differences, refuse_losses, write_differences
from worker.ingest.photos import PhotoLookup
from worker.ingest.profiles import declare_attributes
from worker.ingest.report import IngestReport, Problem
from worker.ingest.staging import Staging
from worker.sources import ProductSource

MAX_READERS = 64
"""Threads that read photos, at most; they are started when they are needed."""


def ingest(
    connection: psycopg.Connection[Any],
    source: ProductSource,
    storage: PhotoStorage,
    *,
    update: bool = False,
    rehash: bool = False,
    root: str | None = None,
    allow_removals: bool = False,
    on_problem: Callable[[Problem], None] = lambda _: None,
    on_progress: Callable[[int], object] = lambda _: None,
    on_wait: Callable[[], None] = lambda: None,
) -> IngestReport:
    """Make the catalog in the database what a source says. The caller commits.

    A snapshot removes the products that the source lacks; an update touches only those that it has.
    Columns that the profile doesn't map stay as they are, photos likewise. On a database without
    any attributes yet, the profile's are declared first.

    Args:
        connection: outside a transaction.
        source: the products, with the profile that says what its columns are.
        storage: where the photos are.
        update: leave products alone that the source lacks.
        rehash: read every photo, even if the storage says that it is unchanged.
        root: what relative photo references are below; None leaves it as it is stored.
        allow_removals: go on even if over half of the products or photos would go.
        on_problem: called with each row, value and photo that can't be used.
        on_progress: called with the number of rows that each step has read.
        on_wait: called once if another ingest has to end first.

    Returns:
        What was read, and what it changed.

    Raises:
        LookalikeError: the source is unusable or would remove too much, the photos are not there at
            all, or the database lacks the profile's attributes. Roll back; nothing is changed then.
    """
    if not try_lock(connection, Lock.INGEST):
        on_wait()
        connection.rollback()
        wait_for_lock(connection, Lock.INGEST)
    declare_attributes(connection, source.profile, update=update)
    columns = Columns(source, update=update)
    report = IngestReport()
    with ThreadPoolExecutor(MAX_READERS, "photos") as executor:
        lookup = PhotoLookup(
            storage,
            executor,
            rehash=rehash,
            moved=root is not None and root != stored_root(connection),
            absence_is_news=source.profile.source.format == "dataset",
        )
        photos = lookup if columns.photos else None
        Staging(connection, columns, photos, report, on_problem, on_progress).fill(source)
    _refuse_emptiness(source, report, update=update)
    lost_photos = find_differences(connection, columns, report, update=update)
    if not allow_removals:
        refuse_losses(connection, source.name, report, lost_photos)
    write_differences(connection, columns, report)
    connection.execute(
        query(__package__, "note_ingest"), {"root": root if columns.photos else None}
    )
    return report


def stored_root(connection: psycopg.Connection[Any]) -> str | None:
    """Return what relative photo references are below since the last ingest."""
    row = connection.execute(query(__package__, "fetch_root")).fetchone()
    return row[0] if row is not None else None


def _refuse_emptiness(source: ProductSource, report: IngestReport, *, update: bool) -> None:
    if report.stored or (update and not report.rejected):  # nothing changed since the last update
        return
    if report.rejected:
        raise LookalikeError(
            f"{source.name}: all {report.rejected:,} rows were rejected; --rejects FILE says why"
        )
    raise LookalikeError(f"{source.name} holds no product")
