"""`lookalike demo`: from photos to a web page in one command."""

import hashlib
import os
import signal
import sys
from pathlib import Path

import click
import platformdirs

from app.database import Database, embedded, query
from app.database.ready import ready_database
from app.http.server import Server, require_free_port
from app.search.similar import similar_items
from app.settings import Settings
from worker.catalog import StylesFile, ingest
from worker.cli.ingest import print_account
from worker.cli.similar import print_similar
from worker.console import progress_bar, stop_on_signal
from worker.embedding.run import run
from worker.sample_catalog import draw_catalog

DRAWN = 200
"""Products of the drawn catalog."""


@click.command(name="demo")
@click.option(
    "--catalog",
    type=click.Path(path_type=Path),
    help="Folder with styles.csv and images/; without it, a catalog is drawn.",
)
@click.option(
    "--home",
    type=click.Path(path_type=Path),
    default=lambda: platformdirs.user_cache_path("lookalike") / "demo",
    show_default="a folder of its own in the user's cache",
    help="Where the demo keeps its database.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
def command(catalog: Path | None, home: Path, host: str, port: int) -> None:
    """Draw a catalog (or take one), embed it with `compact`, and serve it.

    The demo has a database of its own, whatever DATABASE_URL says, and stops it at the end.
    """
    require_free_port(host, port)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the database is stopped
    # A catalog has a database of its own, so that one's products never replace another's.
    key = hashlib.sha256(str(catalog.resolve()).encode()).hexdigest()[:12] if catalog else "drawn"
    settings = Settings(
        _env_file=None,
        database_url=None,
        home=home.resolve() / key,
        images=None,
        model="compact",
    )
    settings.home.mkdir(parents=True, exist_ok=True)
    owner = os.getpid()
    try:
        _prepare(settings, catalog or _drawn(settings.home / "catalog"))
        click.echo(f"\nopen http://{host}:{port} in a browser; Ctrl-C ends the demo\n")
        Server(settings, host, port).run()
    finally:
        # Gunicorn's workers are forks of this process and pass here too when they end.
        if os.getpid() == owner:
            embedded.stop(settings.home)


def _drawn(folder: Path) -> Path:
    if not (folder / "styles.csv").exists():
        with progress_bar(DRAWN, "drawing a catalog", "products") as bar:
            draw_catalog(folder, DRAWN, bar.update)
    return folder


def _prepare(settings: Settings, catalog: Path) -> None:
    styles = StylesFile(catalog / "styles.csv")
    with ready_database(settings) as database:
        with (
            progress_bar(styles.count_lines(), "reading", "rows") as bar,
            database.connection() as connection,
        ):
            print_account(ingest(connection, catalog, on_progress=bar.update))
        with stop_on_signal() as stop:
            run(database, settings, None, follow=False, stop=stop)
        if stop.is_set():
            raise KeyboardInterrupt
        _show_examples(database)


def _show_examples(database: Database) -> None:
    with database.connection() as connection:
        examples = connection.execute(query("app.items", "example_items")).fetchall()
        for item_id, name in examples:
            click.echo(f"\nmost similar to {item_id}, {name}:")
            print_similar(similar_items(connection, item_id))
