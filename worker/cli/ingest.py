"""`lookalike ingest`: a catalog's folder into the database."""

import csv
import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from app.database.ready import ready_database
from app.errors import LookalikeError
from app.photos import Remote, is_url, open_url
from app.settings import Settings, get_settings
from worker.console import echo_json, progress_bar
from worker.ingest import Account, Reject, StylesFile, ingest

SHOWN = 5
"""Rejected lines that are shown where no file was named for them."""


@click.command(name="ingest")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--rejects",
    type=click.Path(path_type=Path, dir_okay=False),
    help="CSV file to write the rejected lines to, with line number and reason.",
)
@click.option(
    "--allow-removals",
    is_flag=True,
    help="Go on even if over half of the products or photos would go.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the account as JSON.")
def command(folder: Path, rejects: Path | None, allow_removals: bool, as_json: bool) -> None:
    """Read the catalog in DIR (styles.csv, images/, styles/) into the database.

    Where LOOKALIKE_IMAGES is a URL, the photos are read from there instead of DIR/images.

    Products that DIR no longer lists are removed from the results. What did not change stays
    untouched, so the command can be run again at any time.
    """
    settings = get_settings()
    styles = StylesFile(folder / "styles.csv")
    for name in styles.missing:
        click.echo(f"lookalike: styles.csv has no column {name}: it stays empty", err=True)
    for name in styles.unknown:
        click.echo(f"lookalike: styles.csv has a column {name!r} too: ignored", err=True)
    with (
        ready_database(settings) as database,
        progress_bar(styles.count_lines(), "reading", "rows") as bar,
        database.connection() as connection,
        _reject_writer(rejects) as on_reject,  # the innermost: a full disk undoes the ingest
    ):
        # What was imported stays: to look through it for garbage every few thousand rows takes a
        # tenth of the reading.
        gc.freeze()
        account = ingest(
            connection,
            folder,
            remote=_remote(settings),
            allow_removals=allow_removals,
            on_reject=on_reject,
            on_progress=bar.update,
            on_wait=lambda: click.echo("waiting for another ingest to end", err=True),
        )
    if as_json:
        echo_json(asdict(account))
    else:
        print_account(account)
    if account.rejected and rejects is None:
        click.echo("--rejects FILE writes the rejected lines to a file", err=True)


def print_account(account: Account) -> None:
    """Print what became of a catalog."""
    click.echo(
        f"{account.read:,} rows read: {account.stored:,} stored ({account.repaired:,} of them "
        f"repaired), {account.rejected:,} rejected"
    )
    click.echo(
        f"{account.with_photo:,} with a photo, {account.without_photo:,} without, "
        f"{account.with_metadata:,} with metadata"
    )
    if account.unreadable_photos:
        click.echo(f"{account.unreadable_photos:,} photos can't be opened: check their rights")
    if account.broken_metadata:
        click.echo(f"{account.broken_metadata:,} metadata files are broken: stored without")
    click.echo(
        f"{account.added:,} added, {account.changed:,} changed, {account.unchanged:,} unchanged, "
        f"{account.removed:,} removed"
    )


def _remote(settings: Settings) -> Remote | None:
    """Return where the photos are, if that is not in the catalog's folder.

    Another folder in LOOKALIKE_IMAGES is the same one, seen by a worker or the API elsewhere.
    """
    where = settings.images
    return open_url(where) if where is not None and is_url(where) else None


@contextmanager
def _reject_writer(file: Path | None) -> Iterator[Callable[[Reject], None]]:
    """Write rejected lines to a CSV file, or show the first of them."""
    if file is None:
        yield _shower()
        return
    try:
        output = file.open("w", newline="", encoding="utf-8")
    except OSError as error:
        raise LookalikeError(f"can't write {file}: {error.strerror}") from None
    with output:
        writer = csv.writer(output)
        writer.writerow(["line", "reason", "raw"])
        yield lambda reject: writer.writerow([reject.line, reject.reason, reject.raw])


def _shower() -> Callable[[Reject], None]:
    shown = 0

    def show(reject: Reject) -> None:
        nonlocal shown
        shown += 1
        if shown <= SHOWN:
            click.echo(f"rejected line {reject.line}: {reject.reason}", err=True)

    return show
