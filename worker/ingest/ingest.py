"""Ingest a source into the tables `items` and `photos`, in one transaction."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

from app.database import query
from app.database.connection import without_timeouts
from app.database.locks import Lock, try_lock, wait_for_lock
from app.errors import LookalikeError, counted
from app.photos.storage import PhotoStorage
from worker.ingest.columns import Columns
from worker.ingest.differences import find_differences, refuse_losses, write_differences
from worker.ingest.photos import PhotoLookup
from worker.ingest.profiles import declare_attributes
from worker.ingest.report import IngestReport, Problem
from worker.ingest.staging import Staging
from worker.sources import ProductSource

MAX_READERS = 64
"""Most threads that read photos; the executor starts them when they are needed."""


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
    """Write a source's products into the database. The caller commits.

    A snapshot removes the products that the source lacks; an update changes only those that it has.
    Columns and photos that the profile doesn't map stay as they are. If the database has no profile
    yet, this one is applied first.

    Args:
        connection: outside a transaction.
        source: the products, with their profile.
        storage: where the photos are.
        update: whether the source is an update, not a snapshot.
        rehash: read every photo, even if the storage says that it is unchanged.
        root: folder or URL that relative photo references are below; None keeps the stored one.
        allow_removals: allow the removal of over half of the products or photos.
        on_problem: called with each row, value and photo that can't be used.
        on_progress: called with the number of rows that each step has read.
        on_wait: called once if another ingest has to end first.

    Returns:
        Counts of what was read and what it changed.

    Raises:
        LookalikeError: the source is unusable or would remove too much, the photos are
            unavailable, or the database lacks the profile's attributes. The caller rolls back.
    """
    if not try_lock(connection, Lock.INGEST):
        on_wait()
        connection.rollback()
        wait_for_lock(connection, Lock.INGEST)
    without_timeouts(connection)
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
    """Return the folder or URL that the last ingest's relative photo references are below."""
    row = connection.execute(query(__package__, "fetch_root")).fetchone()
    return row[0] if row is not None else None


def _refuse_emptiness(source: ProductSource, report: IngestReport, *, update: bool) -> None:
    if report.stored or (update and not report.rejected):  # nothing changed since the last update
        return
    if report.rejected:
        raise LookalikeError(
            f"{source.name} has {counted(report.rejected, 'row')}, and none is a product: "
            "--rejects FILE says why"
        )
    raise LookalikeError(f"{source.name} holds no product")
