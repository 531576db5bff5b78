"""`lookalike serve`: the HTTP API and the web pages."""

import os
import shutil
import tempfile

import click

from app.database.ready import ready_database
from app.settings import Settings, get_settings, is_loopback, share_metrics
from worker.console import say


@click.command(name="serve")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True)
def command(host: str, port: int) -> None:
    """Serve the HTTP API and the web pages until SIGTERM or Ctrl-C."""
    # Before prometheus-client is imported: the processes share their numbers there.
    folder, master = tempfile.mkdtemp(prefix="lookalike-metrics-"), os.getpid()
    share_metrics(folder)
    try:
        _serve(get_settings(), host, port)
    finally:
        if os.getpid() == master:  # the processes that it forks end here too
            shutil.rmtree(folder, ignore_errors=True)


def _serve(settings: Settings, host: str, port: int) -> None:
    from app.http.limits import require_storage
    from app.http.server import Server, require_free_port

    require_storage(settings.limit_storage)
    require_free_port(host, port)
    with ready_database(settings):
        pass  # a missing database or an old schema is said here, before anybody is served
    say("serving", f"serving on http://{host}:{port} (API: /docs)", err=True, host=host, port=port)
    say("keys", _who_may_ask(settings, host), err=True)
    Server(settings, host, port).run()


def _who_may_ask(settings: Settings, host: str) -> str:
    if settings.require_keys(host):
        return "each request needs a key: `lookalike keys create NAME` makes one"
    if is_loopback(host):
        return "no key is needed: only this machine reaches it"
    return "no key is needed, since LOOKALIKE_KEYS=off: whoever reaches it may ask"
