"""`lookalike serve`: the HTTP API and the web pages."""

import click

from app.database.ready import ready_database
from app.settings import get_settings
from worker.console import say


@click.command(name="serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
def command(host: str, port: int) -> None:
    """Serve the HTTP API and the web pages until SIGTERM or Ctrl-C."""
    from app.http.server import Server, require_free_port

    settings = get_settings()
    require_free_port(host, port)
    with ready_database(settings):
        pass  # a missing database or an old schema is said here, before anybody is served
    say("serving", f"serving on http://{host}:{port} (API: /docs)", err=True, host=host, port=port)
    Server(settings, host, port).run()
