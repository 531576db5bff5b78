"""`lookalike db`: the database's schema and server."""

import os
import re
from typing import Any

import click
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app.database import Database, embedded, migrate, open_database, schema
from app.database.connection import database_url, probe
from app.database.differences import find_differences
from app.database.objects import missing_objects
from app.database.url import redacted_url
from app.errors import LookalikeError
from app.settings import Settings, get_settings

LOST_ROWS = re.compile(r"(extension|table|column) .* is missing")
"""Differences that nothing but a backup repairs."""


@click.group(name="db")
def command() -> None:
    """Migrate, check, open or stop the database."""


@command.command()
@click.argument("revision", default="head")
def upgrade(revision: str) -> None:
    """Upgrade the schema to REVISION, the newest by default, and repair what it lacks."""
    with open_database(get_settings()) as database:
        before = schema.current(database)
        migrate.upgrade(database, revision)
        after = schema.current(database)
        if before != after:
            click.echo(f"upgraded the schema from {before or 'nothing'} to {after}")
            return
        click.echo(f"the schema is at revision {after} already")
        if after == schema.required():
            _repair(database)


@command.command()
@click.argument("revision")
@click.option("--yes", is_flag=True, help="Don't ask: what the revisions made is dropped.")
def downgrade(revision: str, yes: bool) -> None:
    """Downgrade the schema to REVISION; `base` drops everything, the vectors included."""
    if not yes:
        click.confirm("This drops tables with what is in them. Go on?", abort=True, err=True)
    with open_database(get_settings()) as database:
        before = schema.current(database)
        migrate.downgrade(database, revision)
        after = schema.current(database)
    click.echo(f"downgraded the schema from {before or 'nothing'} to {after or 'nothing'}")


@command.command()
def check() -> None:
    """Compare the schema with this version's; exit with 1 if anything is missing."""
    with open_database(get_settings()) as database:
        schema.check_revision(database)
        differences, whole = _differences(database)
        revision = schema.current(database)
    for difference in differences:
        click.echo(difference)
    if differences:
        raise LookalikeError(
            f"{len(differences)} of the schema's objects are missing or different: run "
            "`lookalike db upgrade`, which repairs them, or says which it can't"
        )
    if whole:
        click.echo(f"the schema is current, at revision {revision}")
    else:
        click.echo(
            f"the schema is at revision {revision}, and nothing is missing by name; for a full "
            "comparison let a role run this that may make schemas in this database"
        )


@command.command()
def url() -> None:
    """Print the database's URI, password included, for psql and other programs."""
    click.echo(database_url(get_settings()))


@command.command()
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: tuple[str, ...]) -> None:
    """Open psql on the database, with further ARGUMENTS (after `--`) passed on."""
    settings = get_settings()
    address = database_url(settings)
    probe(address)
    program = "psql" if settings.database_url else str(embedded.binary("psql"))
    # A password among the arguments could be read by every user of this machine.
    parts: dict[str, Any] = dict(conninfo_to_dict(address))
    password = parts.pop("password", None)
    environment = _environment(settings, password)
    try:
        # psql takes this process's place, so that its exit code and Ctrl-C are its own.
        os.execvpe(program, [program, make_conninfo(**parts), *arguments], environment)  # noqa: S606
    except FileNotFoundError:
        raise LookalikeError(
            f"there is no psql on PATH to open {redacted_url(address)}: install Postgres's client"
        ) from None


@command.command()
def stop() -> None:
    """Stop the embedded server; the next command starts it again."""
    settings = get_settings()
    if settings.database_url is not None:
        raise LookalikeError("DATABASE_URL names a server of yours: stop it yourself")
    stopped = embedded.stop(settings.home)
    click.echo("stopped the embedded server" if stopped else "the embedded server was not running")


def _environment(settings: Settings, password: str | None) -> dict[str, str]:
    known = settings.environment()
    return known if password is None else {**known, "PGPASSWORD": password}


def _differences(database: Database) -> tuple[list[str], bool]:
    """Return what is missing or different, and whether everything could be compared."""
    try:
        with database.connection() as connection:
            return find_differences(connection), True
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction):
        with database.connection() as connection:
            return [f"{name} is missing" for name in missing_objects(connection)], False


def _repair(database: Database) -> None:
    before, whole = _differences(database)
    if whole and not before:
        return
    try:
        migrate.repair(database)
    except LookalikeError:
        lost = [line for line in before if LOST_ROWS.match(line)]
        if not lost:
            raise
        raise _irreparable(lost) from None
    if not whole:  # this role may not make a schema to compare with
        click.echo("created its functions, views, indexes and rights again")
    left, _ = _differences(database)
    for line in before:
        if line not in left:
            empty = line.startswith("column items.")
            click.echo(f"repaired: {line}{'; ingest again for its values' if empty else ''}")
    # A server that refuses to make roles has said so, and all else works without.
    lost = [line for line in left if not line.startswith(("role ", "setting "))]
    if lost:
        raise _irreparable(lost)


def _irreparable(lost: list[str]) -> LookalikeError:
    way_out = "Restore a backup, or drop what is different and run `lookalike db upgrade` again"
    if "extension vector is missing" in lost:
        way_out = "Have CREATE EXTENSION vector run in this database, then restore a backup again"
    elif all(line.endswith("is missing") for line in lost):
        way_out = "Only a backup has the rows: restore one"
    return LookalikeError(f"this can't be repaired: {'; '.join(lost)}. {way_out}")
