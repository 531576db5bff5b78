"""`lookalike status`: how far each model has come."""

from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

import click
from psycopg.rows import dict_row

from app.database import query
from app.database.connection import without_timeouts
from app.database.ready import ready_database
from app.errors import counted
from app.models.state import list_states
from app.settings import get_settings
from worker.console import echo_json, echo_table

COLUMNS = {
    "name": "name",
    "active": "active",
    "items": "photos",
    "embedded": "embedded",
    "pending": "pending",
    "failed": "failed",
    "percent": "percent",
    "per_minute": "per minute",
    "last_embedded": "last embedded",
    "index": "index",
}


@click.command(name="status")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """Show the progress of each model, its speed, and the state of its index.

    `per minute` counts the vectors of the last minute. The index is valid, building, missing (it
    is built once nothing is pending) or invalid (a build was interrupted: `lookalike embed` builds
    it again). Without a valid index, searches of a large catalog are slow. If the schema lacks
    something, the command fails: `lookalike db upgrade` repairs it.
    """
    with ready_database(get_settings()) as database, database.connection() as connection:
        without_timeouts(connection)  # counting a large catalog takes longer than a search may
        cursor = connection.cursor(row_factory=dict_row)
        models = [asdict(state) for state in list_states(connection)]
        counts = cursor.execute(query("app.items", "count_items")).fetchone()
    assert counts is not None  # noqa: S101 - an aggregate gives a row
    if as_json:
        echo_json({**counts, "models": models})
        return
    click.echo(f"{counted(counts['items'], 'product')}, {counts['with_photo']:,} with a photo")
    if models:
        echo_table([_readable(model) for model in models], COLUMNS)
    else:
        click.echo("no model is registered yet: `lookalike embed` registers the default")
    for hint in _hints(models):
        click.echo(hint)


def _readable(model: dict[str, Any]) -> dict[str, Any]:
    last = model["last_embedded_at"]
    return {
        **model,
        "percent": f"{model['percent']:.1f}",
        "last_embedded": "never" if last is None else _ago(datetime.now(UTC) - last),
    }


def _ago(age: timedelta) -> str:
    seconds = max(0, int(age.total_seconds()))  # the server's clock may be ahead of this one
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit} ago"
    return f"{seconds} s ago"


def _hints(models: list[dict[str, Any]]) -> list[str]:
    hints = []
    if any(model["failed"] for model in models):
        hints.append("`lookalike jobs list` says why photos failed")
    if any(model["pending"] and not model["per_minute"] for model in models):
        hints.append(
            "photos are pending and none was embedded in the last minute: is a worker running?"
        )
    return hints
