"""A real gunicorn: health, a clean stop, and a database that goes and comes."""

import json
import signal
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import psutil
import psycopg
import pytest

from app.database import embedded, migrate, open_database
from tests.conftest import Cli, cli_environment, free_port, settings_for, wait_for, web_server
from tests.support.commands import LOOKALIKE
from tests.support.products import store_model, store_product, unit_vectors

pytestmark = pytest.mark.slow


def fetch(url: str) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(url, timeout=30) as response:  # noqa: S310
            return response.status, json.load(response)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_it_answers_and_stops_cleanly(catalog_url: str, home: Path) -> None:
    port = free_port()
    process = subprocess.Popen(
        [LOOKALIKE, "serve", "--port", str(port)],
        env=cli_environment(catalog_url, home),
        stderr=subprocess.PIPE,
        text=True,
    )
    base = wait_for(f"http://127.0.0.1:{port}")
    assert fetch(f"{base}/healthz") == (200, {"status": "up"})
    assert fetch(f"{base}/readyz") == (200, {"status": "ready", "model": "compact"})
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert "Error" not in errors


def test_a_taken_port_is_one_line(live_server: str, catalog_url: str, cli: Cli) -> None:
    port = live_server.rpartition(":")[2]
    done = cli(catalog_url, "serve", "--port", port)
    assert done.returncode == 1
    assert done.stderr.startswith(f"lookalike: can't listen on 127.0.0.1, port {port}")


def test_not_ready_without_a_model(empty_url: str, home: Path) -> None:
    port = free_port()
    process = subprocess.Popen(
        [LOOKALIKE, "serve", "--port", str(port)], env=cli_environment(empty_url, home)
    )
    try:
        base = wait_for(f"http://127.0.0.1:{port}", "/healthz")
        status, body = fetch(f"{base}/readyz")
        assert (status, body["status"]) == (503, 503)
        assert "run `lookalike embed`" in body["detail"]
        with psycopg.connect(empty_url) as connection:
            connection.execute("UPDATE alembic_version SET version_num = '0000'")
        status, body = fetch(f"{base}/readyz")
        assert status == 503
        assert "revision 0000" in body["detail"]
    finally:
        process.terminate()
        assert process.wait(30) == 0


@pytest.fixture
def own_home(tmp_path: Path) -> Any:
    """A home with an embedded server that a test may kill."""
    yield tmp_path / "home"
    embedded.stop(tmp_path / "home")


def make_shop(url: str, home: Path) -> None:
    """Bring a database up to date, and store a product with a vector."""
    with open_database(settings_for(url, home)) as database:
        migrate.upgrade(database)
        with database.connection() as connection:
            store_model(connection, 4)
        with database.connection() as connection:
            for sku, vector in zip("ab", unit_vectors(2, 4), strict=True):
                store_product(connection, sku, [sku], [vector])


def test_the_embedded_server_comes_back_after_a_kill(own_home: Path) -> None:
    environment = cli_environment(None, own_home)
    make_shop(embedded.start(own_home), own_home)
    port = free_port()
    process = subprocess.Popen([LOOKALIKE, "serve", "--port", str(port)], env=environment)
    try:
        base = wait_for(f"http://127.0.0.1:{port}")
        pid = int((own_home / "postgres" / "postmaster.pid").read_text().split()[0])
        postmaster = psutil.Process(pid)
        backends = postmaster.children()
        postmaster.kill()
        psutil.wait_procs([postmaster, *backends], timeout=30)  # one of them may answer once more
        wait_for(base, "/healthz")
        wait_for(base, "/readyz")
        status, body = fetch(f"{base}/api/v1/stats")
        assert status == 200
        assert body["items"] > 0
    finally:
        process.terminate()
        process.wait(30)


def test_the_first_answer_after_a_restart_of_the_database_comes_soon(own_home: Path) -> None:
    url = embedded.start(own_home)
    make_shop(url, own_home)
    with web_server(url, own_home) as base:
        answer = fetch(f"{base}/api/v1/items/a/similar")
        assert answer[0] == 200
        for pause in (0.0, 3.0):
            embedded.stop(own_home)
            assert fetch(f"{base}/api/v1/items/a/similar")[0] == 503
            time.sleep(pause)
            embedded.start(own_home)
            begun = time.monotonic()
            while fetch(f"{base}/api/v1/items/a/similar") != answer:
                time.sleep(0.02)
            assert time.monotonic() - begun < 2
