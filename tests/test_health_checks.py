"""The containers' health checks, run against what is well and what is not."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import psycopg

from tests.support.container_files import SERVICES


@contextmanager
def _answering(status: int) -> Iterator[int]:
    """A web server that answers `/healthz` so, and anything else with 404; its port."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            thread.join()


def _check(service: str, port: int = 8000, **environment: str) -> int:
    """Run a service's health check here; its exit code."""
    _, python, *arguments = SERVICES[service]["healthcheck"]["test"]
    assert python == "python"
    arguments = [argument.replace("8000", str(port)) for argument in arguments]
    return subprocess.run(
        [sys.executable, *arguments], env=os.environ | environment, stderr=subprocess.DEVNULL
    ).returncode


def test_health_of_the_api() -> None:
    # A proxy that the containers are told of is never asked for the container itself.
    proxy = {"http_proxy": "http://127.0.0.1:9", "no_proxy": ""}
    with _answering(200) as port:
        assert _check("api", port, **proxy) == 0
    assert _check("api", port) == 1
    with _answering(503) as port:
        assert _check("api", port) == 1


def test_health_of_the_worker(empty_url: str) -> None:
    assert _check("worker", DATABASE_URL=empty_url) == 1
    with psycopg.connect(empty_url, autocommit=True) as worker:
        worker.execute("SELECT ingested_at FROM catalogs")
        assert _check("worker", DATABASE_URL=empty_url) == 0
    assert _check("worker", DATABASE_URL="postgresql://nobody@127.0.0.1:9/none") == 1
