"""`lookalike embed`: compute the vectors of photos."""

import click

from app.database import Database
from app.errors import LookalikeError
from app.settings import get_settings
from worker.console import stop_on_signal


@click.command(name="embed")
@click.option("--model", "name", help="Only this model; by default every registered one.")
@click.option("--follow", is_flag=True, help="Keep running: wait for the next ingest.")
@click.option(
    "--engine",
    "engine_name",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Where the network runs: on this machine, or on the nodes of a Ray cluster.",
)
@click.option(
    "--metrics-port",
    type=click.IntRange(1, 65535),
    help="Answer Prometheus on this port; by default LOOKALIKE_METRICS_PORT.",
)
def command(name: str | None, follow: bool, engine_name: str, metrics_port: int | None) -> None:
    """Compute the vector of every photo that lacks a current one, then build the index.

    Any number of workers may run at once. Ctrl-C or SIGTERM stops after the batches in
    progress; a worker that is killed loses nothing, and the next run continues. If the database or
    the storage of the photos goes away, the worker waits some minutes for it and continues.

    Photos that can't be embedded don't count as a failure of the command: `lookalike jobs list`
    shows them. The exit code is 0 if nothing is left to do, or if --follow was told to stop;
    it is 1 if the run was stopped before its end.
    """
    from worker.embedding.engines import open_engine
    from worker.embedding.metrics import serve_metrics, show_backlog
    from worker.embedding.reconnect import run_with_reconnect
    from worker.embedding.run import EmbeddingRun

    settings = get_settings()
    engine = open_engine(engine_name, settings)
    port = metrics_port or settings.metrics_port
    with serve_metrics(settings.metrics_host, port), stop_on_signal() as stop:
        run = EmbeddingRun(settings, engine, stop, name=name, follow=follow)

        def work(database: Database) -> None:
            with show_backlog(database.url):
                run.work(database)

        try:
            run_with_reconnect(settings, stop, work)
        finally:
            run.report()
    if stop.is_set() and not follow:
        raise LookalikeError("stopped before the end: run `lookalike embed` again to go on")
