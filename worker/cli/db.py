"""`lookalike db`: the database's schema and server."""

import os

import click

from app.database import embedded, open_database, schema
from app.database.connection import database_url, place, probe
from app.errors import LookalikeError
from app.settings import get_settings


@click.group(name="db")
def command() -> None:
    """Migrate, check, open or stop the database."""


@command.command()
@click.argument("revision", default="head")
def upgrade(revision: str) -> None:
    """Bring the schema up to REVISION, the newest by default."""
    with open_database(get_settings()) as database:
        before = schema.current(database)
        schema.upgrade(database, revision)
        after = schema.current(database)
    if before == after:
        click.echo(f"the schema is at revision {after} already")
    else:
        click.echo(f"upgraded the schema from {before or 'nothing'} to {after}")


@command.command()
@click.argument("revision")
@click.option("--yes", is_flag=True, help="Don't ask: what the revisions made is dropped.")
def downgrade(revision: str, yes: bool) -> None:
    """Take the schema back to REVISION; `base` drops everything, the vectors included."""
    if not yes:
        click.confirm("This drops tables with what is in them. Go on?", abort=True, err=True)
    with open_database(get_settings()) as database:
        before = schema.current(database)
        schema.downgrade(database, revision)
        after = schema.current(database)
    click.echo(f"downgraded the schema from {before or 'nothing'} to {after or 'nothing'}")


@command.command()
def check() -> None:
    """Say whether the schema is this version's; exit with 1 where it isn't."""
    with open_database(get_settings()) as database:
        schema.check(database)
        click.echo(f"the schema is current, at revision {schema.current(database)}")


@command.command()
def url() -> None:
    """Print the database's URI, for psql and other programs."""
    click.echo(database_url(get_settings()))


@command.command()
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def psql(arguments: tuple[str, ...]) -> None:
    """Open psql on the database, with further ARGUMENTS (after `--`) passed on."""
    settings = get_settings()
    address = database_url(settings)
    probe(address)
    # psql takes this process's place, so that its exit code and Ctrl-C are its own.
    if settings.database_url is None:
        program = str(embedded.binary("psql"))
        os.execv(program, [program, address, *arguments])  # noqa: S606
    try:
        os.execvp("psql", ["psql", address, *arguments])  # noqa: S606
    except FileNotFoundError:
        raise LookalikeError(
            f"there is no psql on PATH to open {place(address)}: install Postgres's client"
        ) from None


@command.command()
def stop() -> None:
    """Stop the embedded server; the next command starts it again."""
    settings = get_settings()
    if settings.database_url is not None:
        raise LookalikeError("DATABASE_URL names a server of yours: stop it yourself")
    stopped = embedded.stop(settings.home)
    click.echo("stopped the embedded server" if stopped else "the embedded server was not running")
