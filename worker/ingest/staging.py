"""Filling the staging tables from a source, batch by batch."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import compress
from typing import Any

import psycopg
from psycopg import sql

from app.database import query
from worker.ingest.columns import Columns
from worker.ingest.photos import Photo, PhotoLookup, StoredPhotos
from worker.ingest.report import IngestReport, Problem
from worker.sources import Batch, Products, ProductSource

PHOTO_TYPES = ("text", "int2", "text", "text", "int4", "int4", "text")

SLICE = 2000
"""Products to stage at once, with their photos."""


class Staging:
    """The staging tables of one ingest, dropped at the end of the transaction.

    Args:
        connection: in a transaction.
        columns: the columns that the source fills.
        photos: looks the photos up; None if the profile maps no photos.
        report: gets the counts of what is staged.
        on_problem: called with each row, value and photo that can't be used.
        on_progress: called with the number of rows that each step has read.
    """

    def __init__(
        self,
        connection: psycopg.Connection[Any],
        columns: Columns,
        photos: PhotoLookup | None,
        report: IngestReport,
        on_problem: Callable[[Problem], None],
        on_progress: Callable[[int], object],
    ) -> None:
        self._connection = connection
        self._columns = columns
        self._photos = photos
        self._report = report
        self._on_problem = on_problem
        self._on_progress = on_progress
        names = sql.SQL(", ").join(map(sql.Identifier, columns.names))
        connection.execute(query(__package__, "stage_items").format(columns=names))
        connection.execute(query(__package__, "stage_photos"))
        self._copy_items = query(__package__, "copy_items").format(columns=names)
        self._open = ExitStack()
        self._copy: psycopg.Copy | None = None

    def fill(self, source: ProductSource) -> None:
        """Stage all products of a source.

        Raises:
            LookalikeError: the source can't be read, or the photo storage is unavailable.
        """
        with self._open:
            for batch in source.batches():
                self._count(batch)
                rest = batch.read - len(batch.products)
                for products in _slices(batch.products):
                    self._stage_items(products)
                    if self._photos is not None:
                        self._stage_photos(products, self._photos)
                    self._on_progress(len(products))
                self._on_progress(rest)

    def _count(self, batch: Batch) -> None:
        report = self._report
        report.read += batch.read
        report.stored += len(batch.products)
        report.rejected += len(batch.rejects)
        report.repaired += batch.repaired
        for reject in batch.rejects:
            self._on_problem(Problem("row", reject.line, reject.reason, reject.raw))
        for bad in batch.bad_values:
            report.bad_values[bad.column] = report.bad_values.get(bad.column, 0) + 1
            self._on_problem(Problem("value", bad.line, f"{bad.column}: {bad.reason}", bad.raw))

    def _stage_items(self, products: Products) -> None:
        # One COPY as long as no other statement is needed: the server loads rows while we read.
        if self._copy is None:
            self._copy = self._open.enter_context(self._connection.cursor().copy(self._copy_items))
            self._copy.set_types(self._columns.types)
        write_row = self._copy.write_row
        for row in self._columns.rows(products):
            write_row(row)
        self._report.with_details += len(products) - products.details.count(None)

    def _end_copy(self) -> None:
        self._copy = None
        self._open.close()

    def _stage_photos(self, products: Products, lookup: PhotoLookup) -> None:
        """Stage the products' photos that can be read, or were before."""
        before = self._report.with_photo
        skus = list(compress(products.skus, products.photos))
        if skus:
            self._end_copy()
            found = lookup.look_up(products, self._stored(skus), self._report, self._on_problem)
            rows = [(sku, *photo) for sku, photo in found]
            with self._connection.cursor().copy(query(__package__, "copy_photos")) as copy:
                copy.set_types(PHOTO_TYPES)
                for row in rows:
                    copy.write_row(row)
        self._report.without_photo += len(products) - (self._report.with_photo - before)

    def _stored(self, skus: list[str]) -> StoredPhotos:
        """Return the stored photos of some products, by sku."""
        stored: StoredPhotos = {}
        cursor = self._connection.execute(query(__package__, "fetch_photos"), {"skus": skus})
        for sku, *values in cursor:
            stored.setdefault(sku, []).append(Photo(*values))
        return stored


def _slices(products: Products) -> Iterator[Products]:
    for start in range(0, len(products), SLICE):
        yield products[start : start + SLICE]
