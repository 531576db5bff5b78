"""`lookalike keys`: make, list and revoke the API's keys."""

import json
from typing import get_args

import click
from tabulate import tabulate

from app.database.ready import ready_database
from app.keys import Scope, create_key, list_keys, revoke_key
from app.settings import get_settings


@click.group(name="keys")
def command() -> None:
    """Make, list and revoke the keys that requests to the API need."""


@command.command()
@click.argument("name")
@click.option(
    "--scope",
    type=click.Choice(get_args(Scope)),
    default="read",
    show_default=True,
    help="read: everything but /metrics; admin: that too.",
)
def create(name: str, scope: Scope) -> None:
    """Make a key called NAME, and print it: it can't be shown again."""
    with ready_database(get_settings()) as database, database.connection() as connection:
        key = create_key(connection, name, scope)
    click.echo(key)
    click.echo("keep it: it can't be shown again", err=True)


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(as_json: bool) -> None:
    """List all keys, revoked ones too, without their secrets."""
    with ready_database(get_settings()) as database, database.connection() as connection:
        keys = list_keys(connection)
    if as_json:
        click.echo(json.dumps([key.model_dump(mode="json") for key in keys]))
        return
    rows = [
        (key.name, key.scope, f"{key.created_at:%Y-%m-%d}", f"{key.revoked_at or '':.10}")
        for key in keys
    ]
    click.echo(tabulate(rows, ["name", "scope", "created", "revoked"], "plain"))


@command.command()
@click.argument("name")
def revoke(name: str) -> None:
    """Let the key called NAME open nothing any more, within 5 seconds."""
    with ready_database(get_settings()) as database, database.connection() as connection:
        revoke_key(connection, name)
    click.echo(f"revoked {name}", err=True)
