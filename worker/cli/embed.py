"""`lookalike embed`: photos into vectors."""

import click

from app.database.ready import ready_database
from app.settings import get_settings
from worker.console import stop_on_signal


@click.command(name="embed")
@click.option("--model", "name", help="Only this model; by default every registered one.")
@click.option("--follow", is_flag=True, help="When done, wait for the next ingest, for ever.")
def command(name: str | None, follow: bool) -> None:
    """Turn every photo that lacks a current vector into one, then build the index.

    Any number of workers may run at once. Ctrl-C stops after the batch under way; a worker that
    is killed loses nothing, and the next run goes on.
    """
    from worker.embedding.run import run

    settings = get_settings()
    with stop_on_signal() as stop, ready_database(settings) as database:
        run(database, settings, name, follow, stop)
