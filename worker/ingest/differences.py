"""The differences between staged and stored products: found in one pass, then written."""

from typing import Any

import psycopg
from psycopg import sql

from app.database import query
from app.errors import LookalikeError, counted
from worker.ingest.columns import Columns
from worker.ingest.report import IngestReport

ANALYZED_SHARE = 0.05
"""Share of changed products above which tables are analysed; below it autovacuum is enough."""


def find_differences(
    connection: psycopg.Connection[Any],
    columns: Columns,
    report: IngestReport,
    *,
    update: bool,
) -> int:
    """Find what differs, and count the products in the report.

    Args:
        connection: in the transaction with the staging tables.
        columns: the columns that the source fills.
        report: gets the counts of added, changed, unchanged and removed products.
        update: ignore products that are not staged.

    Returns:
        How many photos would be removed from products that remain.
    """
    connection.execute(query(__package__, "analyze_staged"))
    connection.execute(query(__package__, "list_differences"))
    connection.execute(query(__package__, "list_photo_differences"))
    if columns.photos:
        connection.execute(query(__package__, "compare_photos"))
    connection.execute(
        query(__package__, "compare_items").format(
            join=sql.SQL("RIGHT JOIN" if update else "FULL JOIN"),
            stored=_listed("i", columns),
            staged=sql.SQL(", ").join(_updated(columns)),
        )
    )
    row = connection.execute(query(__package__, "count_differences")).fetchone()
    assert row is not None  # noqa: S101 - an aggregate gives a row
    report.added, report.changed, report.removed, lost_photos = row
    report.unchanged = report.stored - report.added - report.changed
    return int(lost_photos)


def refuse_losses(
    connection: psycopg.Connection[Any], name: str, report: IngestReport, lost_photos: int
) -> None:
    """Refuse a source that would remove over half of the products or photos.

    Raises:
        LookalikeError: it would; a truncated file must not empty a shop.
    """
    if not (report.removed or lost_photos):
        return
    row = connection.execute(query(__package__, "count_losses")).fetchone()
    assert row is not None  # noqa: S101 - an aggregate gives a row
    items, photos, photos_lost = row
    for kind, before, lost in (
        ("product", items, report.removed),
        ("photo", photos, photos_lost),
    ):
        if lost * 2 > before:
            raise LookalikeError(
                f"{name} lacks {lost:,} of the {counted(before, kind)} stored so far, over half: "
                "if the catalog is complete, say --allow-removals"
            )


def write_differences(
    connection: psycopg.Connection[Any], columns: Columns, report: IngestReport
) -> None:
    """Write the differences, and nothing else."""
    connection.execute(query(__package__, "analyze_differences"))
    if report.added:
        connection.execute(
            query(__package__, "add_items").format(
                columns=sql.SQL(", ").join(map(sql.Identifier, columns.names)),
                staged=_listed("s", columns),
            )
        )
    if report.changed:
        connection.execute(
            query(__package__, "change_items").format(assignments=_assignments(columns))
        )
    if report.removed:
        connection.execute(query(__package__, "remove_items"))
    if columns.photos:
        _write_photos(connection)
    written = report.added + report.changed + report.removed
    if written:
        connection.execute(query(__package__, "count_available"))
    if written > ANALYZED_SHARE * (report.unchanged + written):
        connection.execute(query(__package__, "analyze_items"))


def _write_photos(connection: psycopg.Connection[Any]) -> None:
    for step in (
        *("remove_photo_jobs", "remove_photos", "remove_photo_embeddings"),
        *("change_photos", "add_photos"),
    ):
        connection.execute(query(__package__, step))


def _listed(alias: str, columns: Columns) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(alias, name) for name in columns.names)


def _updated(columns: Columns) -> list[sql.Composable]:
    """Return what each column of a stored product becomes."""
    return [
        sql.SQL("coalesce({}, {})").format(sql.Identifier("s", name), sql.Identifier("i", name))
        if name in columns.kept
        else sql.Identifier("s", name)
        for name in columns.names
    ]


def _assignments(columns: Columns) -> sql.Composed:
    return sql.SQL("").join(
        sql.SQL(", {} = {}").format(sql.Identifier(name), value)
        for name, value in zip(columns.names[1:], _updated(columns)[1:], strict=True)
    )
