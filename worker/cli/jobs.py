"""`lookalike jobs`: what waits, what failed, and why."""

import click
from psycopg.rows import dict_row

from app.database import query
from app.database.ready import ready_database
from app.settings import get_settings
from worker.console import echo_json, echo_table

COLUMNS = ("model", "item_id", "state", "attempts", "last_error", "image_path")


@click.group(name="jobs")
def command() -> None:
    """See the photos that wait or failed, and try them again."""


@command.command(name="list")
@click.option(
    "--state", type=click.Choice(["failed", "pending"]), default="failed", show_default=True
)
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(state: str, limit: int, as_json: bool) -> None:
    """List jobs with the reason of the last failure."""
    with ready_database(get_settings()) as database, database.connection() as connection:
        jobs = (
            connection.cursor(row_factory=dict_row)
            .execute(query("worker.embedding", "list_jobs"), {"state": state, "limit": limit})
            .fetchall()
        )
    if as_json:
        echo_json({"jobs": jobs})
    elif jobs:
        echo_table(jobs, {column: column for column in COLUMNS})
    else:
        click.echo(f"no {state} jobs")


@command.command()
@click.option("--reason", default="", help="Only jobs whose reason contains this text.")
def retry(reason: str) -> None:
    """Queue failed jobs again, for the next `lookalike embed`."""
    with ready_database(get_settings()) as database, database.connection() as connection:
        done = connection.execute(query("worker.embedding", "retry_jobs"), {"reason": reason})
    click.echo(f"{done.rowcount:,} failed jobs are pending again")
