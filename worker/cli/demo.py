"""`lookalike demo`: from photos to a web page in one command."""

import hashlib
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import click
import platformdirs

from app.catalog.attributes import load_catalog
from app.database import embedded
from app.database.ready import ready_database
from app.http.server import require_free_port
from app.items.keys import ItemKey
from app.items.listing import list_examples
from app.search.options import SearchOptions
from app.search.similar import similar_items
from app.settings import Settings
from worker.cli.similar import print_similar
from worker.console import progress_bar
from worker.sample_catalog import draw_catalog

DRAWN = 200
"""Number of products in the drawn catalog."""


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
    """Draw a catalog or take yours, embed it with `compact`, and serve it.

    The demo has a database of its own, whatever DATABASE_URL says, and stops it at the end.
    """
    require_free_port(host, port)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the database is stopped
    # Each catalog gets its own database, so that its products never replace another's.
    key = hashlib.sha256(str(catalog.resolve()).encode()).hexdigest()[:12] if catalog else "drawn"
    settings = Settings(
        _env_file=None,
        database_url=None,
        home=home.resolve() / key,
        images=None,
        model="compact",
    )
    settings.home.mkdir(parents=True, exist_ok=True)
    try:
        _lookalike(settings, "db", "upgrade")
        _lookalike(settings, "ingest", str(catalog or _drawn(settings.home / "catalog")))
        _lookalike(settings, "embed")
        _show_examples(settings)
        click.echo(f"\nopen http://{host}:{port} in a browser; Ctrl-C ends the demo")
        _lookalike(settings, "serve", "--host", host, "--port", str(port))
    except KeyboardInterrupt:
        click.echo("\nthe demo has ended; run it again to go on", err=True)
    finally:
        embedded.stop(settings.home)


def _lookalike(settings: Settings, *arguments: str) -> None:
    """Run a command as a user would, on the demo's database; exit if it fails."""
    click.echo(f"\n$ lookalike {' '.join(arguments)}")
    command_line = [sys.executable, "-m", "worker.cli", *arguments]
    with subprocess.Popen(command_line, env=settings.environment()) as process:
        try:
            if process.wait() != 0:
                sys.exit(process.returncode)
        except (KeyboardInterrupt, SystemExit):
            process.terminate()
            raise


def _drawn(folder: Path) -> Path:
    if not (folder / "styles.csv").exists():
        with progress_bar(DRAWN, "drawing a catalog", "products") as bar:
            draw_catalog(folder, DRAWN, bar.update)
    return folder


def _show_examples(settings: Settings) -> None:
    with ready_database(settings) as database, database.connection() as connection:
        catalog = load_catalog(connection)
        for sku, name in list_examples(connection, catalog):
            click.echo(f"\n$ lookalike similar {shlex.quote(sku)}    # {name}")
            key = ItemKey.from_text(sku)
            print_similar(catalog, similar_items(connection, key, SearchOptions(catalog)))
