"""`lookalike ingest`: read products from a source into the database."""

import csv
import gc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

import click

from app.catalog.profile import Profile
from app.database.ready import ready_database
from app.errors import LookalikeError, counted
from app.photos.references import is_url, redacted
from app.photos.storage import open_storage
from app.settings import Settings, get_settings
from worker.console import echo_json, progress_bar, say
from worker.ingest import IngestReport, Problem, choose_profile, ingest
from worker.ingest.ingest import stored_root
from worker.sources import open_source

SHOWN = 5
"""Most problems of each kind that are printed without --rejects."""

MESSAGES = {
    "row": "rejected line {0.line}: {0.reason}",
    "value": "line {0.line}, {0.reason}: stored as empty",
    "photo": "line {0.line}, {1}: {0.reason}",
}
"""The message for each kind of problem; the second argument is the photo."""


@click.command(name="ingest")
@click.argument("source", metavar="SOURCE")
@click.option("--profile", metavar="FILE", help="Catalog profile that says what the columns are.")
@click.option(
    "--update",
    is_flag=True,
    help="Only change products that SOURCE has; leave the others as they are.",
)
@click.option("--rehash", is_flag=True, help="Read every photo, even those that look unchanged.")
@click.option("--query", "sql", metavar="SQL", help="SELECT to read, where SOURCE is a database.")
@click.option(
    "--root",
    metavar="DIR_OR_URL",
    help="Root of relative photo paths; by default SOURCE's folder.",
)
@click.option(
    "--rejects",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write what could not be used to this CSV file: line, reason, raw text.",
)
@click.option(
    "--allow-removals",
    is_flag=True,
    help="Go on even if over half of the products or photos would be removed.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def command(
    source: str,
    profile: str | None,
    update: bool,
    rehash: bool,
    sql: str | None,
    root: str | None,
    rejects: Path | None,
    allow_removals: bool,
    as_json: bool,
) -> None:
    """Read the products of SOURCE into the database.

    SOURCE is a folder with styles.csv, a file (CSV, TSV, JSON Lines, Parquet, a Google Merchant
    feed, a Shopify export), a database URL with --query, or - for standard input.

    Products that SOURCE no longer has are removed from the results, unless with --update. What did
    not change stays untouched, so the command can be run again at any time.
    """
    settings = get_settings()
    with ready_database(settings) as database, database.connection() as connection:
        chosen, note = choose_profile(connection, source, profile, sql, update=update)
        stored = stored_root(connection)
        images = _images(settings, chosen)
        # An update's paths are below the stored catalog's root, wherever its file is.
        root = root or images or (stored if update else None)
        _tell(note)  # before what may fail, since another profile may be the way out
        opened = open_source(source, chosen, query=sql, root=root, partial=update)
        for line in opened.notes:
            _tell(line)
        root = opened.root or stored
        connection.rollback()  # the ingest may have to wait for another one
        # Modules are never garbage: searching them every few thousand rows would take a tenth of
        # the reading time.
        gc.freeze()
        gc.set_threshold(100_000)  # rows make many objects and no cycles
        with (
            progress_bar(opened.size(), "reading", "rows") as bar,
            _problem_writer(rejects) as on_problem,  # in the transaction: a full disk rolls it back
        ):
            report = ingest(
                connection,
                opened,
                open_storage(root, settings),
                update=update,
                rehash=rehash,
                root=None if images is not None else root,
                allow_removals=allow_removals,
                on_problem=on_problem,
                on_progress=bar.update,
                on_wait=lambda: _tell("waiting for another ingest to end"),
            )
    if as_json:
        echo_json(asdict(report))
    elif update and not report.read:
        click.echo("nothing to update: no row was read")
    else:
        print_report(report)
    if rejects is None and (report.rejected or report.bad_values or report.unavailable_photos):
        _tell("--rejects FILE writes everything that could not be used to a file")


def print_report(report: IngestReport) -> None:
    """Print the report of an ingest."""
    click.echo(
        f"{counted(report.read, 'row')} read: {report.stored:,} stored ({report.repaired:,} of "
        f"them repaired), {report.rejected:,} rejected"
    )
    if report.bad_values:
        counts = ", ".join(f"{count:,} of {name}" for name, count in report.bad_values.items())
        click.echo(f"values that can't be parsed, stored as empty: {counts}")
    if report.with_photo or report.without_photo:
        click.echo(
            f"{report.with_photo:,} with a photo, {report.without_photo:,} without; "
            f"{counted(report.photos, 'photo')}, {report.unchanged_photos:,} of them unchanged"
        )
    if report.unavailable_photos:
        click.echo(
            f"{counted(report.unavailable_photos, 'photo')} can't be read now: what was stored "
            "stays, and the next ingest tries again"
        )
    if report.with_details:
        click.echo(f"{report.with_details:,} with metadata")
    click.echo(
        f"{report.added:,} added, {report.changed:,} changed, {report.unchanged:,} unchanged, "
        f"{report.removed:,} removed"
    )


def _images(settings: Settings, profile: Profile) -> str | None:
    """Return LOOKALIKE_IMAGES, if it applies to the ingest.

    The dataset's folder contains its photos. If LOOKALIKE_IMAGES is a folder too, it is where
    workers and the API on other machines find the same photos.
    """
    images = settings.images
    is_dataset = profile.source.format == "dataset"
    return None if images is None or (is_dataset and not is_url(images)) else images


def _tell(line: str) -> None:
    say("ingest", f"lookalike: {line}", err=True)


@contextmanager
def _problem_writer(file: Path | None) -> Iterator[Callable[[Problem], None]]:
    """Write problems to a CSV file, or print the first of each kind.

    Raises:
        LookalikeError: the file can't be written.
    """
    if file is None:
        yield _shower()
        return
    with _naming(file):
        output = file.open("w", newline="", encoding="utf-8", errors="backslashreplace")
    writer = csv.writer(output)

    def write(problem: Problem) -> None:
        with _naming(file):
            writer.writerow([problem.line, problem.reason, problem.raw])

    try:
        with _naming(file):
            writer.writerow(["line", "reason", "raw"])
        yield write
    except BaseException:
        with suppress(OSError):
            output.close()
        raise
    with _naming(file):
        output.close()


@contextmanager
def _naming(file: Path) -> Iterator[None]:
    """Name the file in errors of writing it."""
    try:
        yield
    except OSError as error:
        raise LookalikeError(f"can't write {file}: {error.strerror}") from None


def _shower() -> Callable[[Problem], None]:
    shown: Counter[str] = Counter()

    def show(problem: Problem) -> None:
        shown[problem.kind] += 1
        if shown[problem.kind] <= SHOWN:
            _tell(MESSAGES[problem.kind].format(problem, redacted(problem.raw)))

    return show
