"""`lookalike catalog`: inspect a source, declare attributes, print the profile."""

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from app.catalog.apply import Changes, apply_profile, stored_profile
from app.catalog.attributes import load_catalog
from app.catalog.profile import load_profile
from app.database.ready import ready_database
from app.errors import LookalikeError
from app.settings import get_settings
from worker.console import echo_json, echo_table

EMPTY = "empty"
"""Why a column makes no attribute that has no value in it."""


@click.group(name="catalog")
def command() -> None:
    """Inspect a source of products, and declare their attributes."""


@command.command()
@click.argument("source")
@click.option("--query", help="SELECT to read, where SOURCE is the URL of a database.")
@click.option(
    "--write",
    "target",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write a profile for SOURCE, to edit and to ingest it with.",
)
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def inspect(
    source: str, query: str | None, target: Path | None, force: bool, as_json: bool
) -> None:
    """Show what is recognised in SOURCE: its columns, and its first products.

    SOURCE is a folder, a file, the URL of a file or of a database, or - for standard input.
    """
    from worker.sources import inspect_source

    if target is not None and target.exists() and not force:
        raise LookalikeError(f"{target} exists already: --force overwrites it")
    found = inspect_source(source, query=query)
    if target is not None:
        _write(target, found.profile_text)
    if as_json:
        echo_json(
            {
                "source": found.name,
                "format": found.format,
                "rows": found.rows,
                "recognised": found.recognised,
                "more_photos": found.more_photos,
                "attributes": [
                    {"name": a.name, "column": a.column, "type": a.type, "facet": a.facet}
                    for a in found.attributes
                ],
                "left": found.left,
                "samples": found.samples,
                "notes": found.notes,
                "profile": found.profile_text,
            }
        )
        return
    _print(found)
    if target is not None:
        click.echo(f"wrote {target}: {_next_command(found.name, source, query, target)}", err=True)


@command.command()
@click.argument("profile")
@click.option("--drop", is_flag=True, help="Drop attributes that PROFILE lacks, with their values.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def apply(profile: str, drop: bool, as_json: bool) -> None:
    """Declare the attributes of PROFILE: a file, or the name of a profile of this package.

    Runs as the owner of lookalike's tables, in one transaction; what is stored stays. API processes
    that are running serve the attributes within seconds.
    """
    declared = load_profile(profile)
    with ready_database(get_settings()) as database, database.connection() as connection:
        changes = apply_profile(connection, declared, drop=drop)
    if as_json:
        echo_json({"profile": declared.name, **asdict(changes)})
    else:
        _print_changes(changes)


@command.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(as_json: bool) -> None:
    """Print the profile in use."""
    with ready_database(get_settings()) as database, database.connection() as connection:
        profile, catalog = stored_profile(connection), load_catalog(connection)
    if profile is None:
        raise LookalikeError(
            "no profile has been applied yet: run `lookalike ingest` or `lookalike catalog apply`"
        )
    if as_json:
        attributes = [attribute.model_dump() for attribute in catalog.attributes]
        echo_json({"profile": profile.text, "attributes": attributes})
    else:
        click.echo(profile.text.rstrip())


def _print_changes(changes: Changes) -> None:
    for verb, names in asdict(changes).items():
        if names:
            click.echo(f"{verb}: {', '.join(names)}")
    if not changes:
        click.echo("nothing has changed: the attributes are declared already")
    if changes.added:
        click.echo("their columns are empty until the next `lookalike ingest`")


def _print(found: Any) -> None:
    said = [f"{key} {_visible(value)}" for key, value in found.settings.items()]
    click.echo(f"{found.name}: {', '.join([found.format, *said])}")
    for note in found.notes:
        click.echo(note)
    rows = [{"field": field, "column": column} for field, column in found.recognised.items()]
    rows += [{"field": "more_photos", "column": column} for column in found.more_photos]
    click.echo()
    echo_table(rows, {"field": "field", "column": "column"})
    if found.attributes:
        click.echo()
        echo_table(
            [
                {"name": a.name, "column": a.column, "type": a.type, "facet": a.facet}
                for a in found.attributes
            ],
            {"name": "attribute", "column": "column", "type": "type", "facet": "facet"},
        )
    left = {column: why for column, why in found.left.items() if why != EMPTY}
    empty = [column for column in found.left if column not in left]
    if left:
        click.echo()
        echo_table(
            [{"column": column, "why": why} for column, why in left.items()],
            {"column": "no attribute", "why": "holds"},
        )
    if empty:
        click.echo(f"\nempty columns: {', '.join(empty)}")
    for number, sample in enumerate(found.samples, start=1):
        click.echo()
        rows = [
            {"field": field, "value": _shown(value)}
            for field, value in sample.items()
            if value not in (None, [])
        ]
        echo_table(rows, {"field": f"product {number}", "value": "value"})


def _visible(text: str) -> str:
    return text if text.isalnum() or len(text) > 1 else repr(text)


def _next_command(name: str, source: str, query: str | None, profile: Path) -> str:
    words = ["lookalike", "ingest", "-" if source == "-" else name, "--profile", str(profile)]
    if query is not None:
        words += ["--query", query]
    return shlex.join(words)


def _shown(value: Any) -> Any:
    return ", ".join(value) if isinstance(value, list) else value


def _write(target: Path, text: str) -> None:
    try:
        target.write_text(text, encoding="utf-8")
    except OSError as error:
        raise LookalikeError(f"can't write {target}: {error.strerror}") from None
