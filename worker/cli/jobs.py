"""`lookalike jobs`: list pending and failed jobs, and retry them."""

from dataclasses import asdict

import click

from app.database import query
from app.database.ready import ready_database
from app.models.state import count_jobs, list_jobs
from app.settings import get_settings
from worker.console import echo_json, echo_table

COLUMNS = (
    "model",
    "sku",
    "position",
    "state",
    "attempts",
    "retry_after",
    "last_error",
    "reference",
)


@click.group(name="jobs")
def command() -> None:
    """List the photos that are pending or failed, and retry them."""


@command.command(name="list")
@click.option(
    "--state", type=click.Choice(["failed", "pending"]), default="failed", show_default=True
)
@click.option("--limit", type=click.IntRange(1), default=100, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(state: str, limit: int, as_json: bool) -> None:
    """List jobs with the reason of the last failure."""
    with ready_database(get_settings()) as database, database.connection() as connection:
        jobs = [asdict(job) for job in list_jobs(connection, state, limit)]
        total = count_jobs(connection, state)
    if as_json:
        echo_json({"jobs": jobs, "total": total})
        return
    if not jobs:
        click.echo(f"no {state} jobs")
        return
    echo_table(jobs, {column: column for column in COLUMNS})
    if total > len(jobs):
        click.echo(f"… and {total - len(jobs):,} more: --limit shows more of them")


@command.command()
@click.option("--reason", default="", help="Only jobs whose reason contains this text.")
def retry(reason: str) -> None:
    """Queue failed jobs again, for the next `lookalike embed`.

    This isn't needed for a photo that was repaired: the next ingest notices the change.
    """
    with ready_database(get_settings()) as database, database.connection() as connection:
        done = connection.execute(query("worker.embedding", "retry_jobs"), {"reason": reason})
    click.echo(f"failed jobs that are pending again: {done.rowcount:,}")
