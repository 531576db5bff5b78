"""A real gunicorn that is told to stop while many clients ask: nobody is cut off."""

import http.client
import json
import os
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.conftest import cli_environment, free_port, wait_for
from tests.support.commands import LOOKALIKE
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

CLIENTS = 24


@dataclass
class Clients:
    """Threads that ask one thing after the other until nobody listens any more."""

    port: int
    paths: list[str]
    keep_alive: bool
    outcomes: Counter[str] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)
    readiness: list[tuple[float, float, int]] = field(default_factory=list)

    def ask(self, number: int) -> None:
        """Ask until the server is gone; an answer that broke off is a failure."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        while True:
            path = self.paths[number % len(self.paths)]
            try:
                if connection.sock is None:
                    connection.connect()
            except (ConnectionRefusedError, TimeoutError):
                self.outcomes["refused"] += 1
                return
            begun = time.monotonic()
            try:
                connection.request("GET", path)
                response = connection.getresponse()
                response.read()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(f"{path}: {error!r}")
                return
            self.outcomes[f"{path.split('?')[0]} {response.status}"] += 1
            if path == "/readyz":
                self.readiness.append((begun, time.monotonic(), response.status))
            if not self.keep_alive:
                connection.close()


@contextmanager
def asking(clients: Clients) -> Iterator[None]:
    threads = [threading.Thread(target=clients.ask, args=(n,)) for n in range(CLIENTS)]
    for thread in threads:
        thread.start()
    yield
    for thread in threads:
        thread.join(60)
        assert not thread.is_alive()


@pytest.mark.parametrize("keep_alive", [False, True], ids=["new connections", "kept alive"])
def test_a_stop_under_load_cuts_nobody_off(catalog_url: str, home: Path, keep_alive: bool) -> None:
    assert_nobody_is_cut_off(catalog_url, home, keep_alive, os.kill)


def test_nor_does_a_signal_to_all_processes(catalog_url: str, home: Path) -> None:
    """As systemd sends it, to the whole control group."""
    assert_nobody_is_cut_off(catalog_url, home, True, os.killpg)


def assert_nobody_is_cut_off(
    catalog_url: str, home: Path, keep_alive: bool, send: Callable[[int, int], None]
) -> None:
    port = free_port()
    environment = cli_environment(catalog_url, home, LOOKALIKE_DRAIN_SECONDS="1.5")
    process = subprocess.Popen(
        [LOOKALIKE, "serve", "--port", str(port)], env=environment, start_new_session=True
    )
    try:
        base = wait_for(f"http://127.0.0.1:{port}")
        item = "/api/v1/items?limit=1"
        similar = f"/api/v1/items/{first_item(base)}/similar?top_n=20"
        clients = Clients(port, [similar, "/readyz", item, "/"], keep_alive)
        with asking(clients):
            wait_until(lambda: len(clients.readiness) >= CLIENTS)  # all of them are at it
            told = time.monotonic()
            send(process.pid, signal.SIGTERM)
            assert process.wait(30) == 0
        assert clients.failures == []
        assert clients.outcomes["refused"] == CLIENTS
        before = [status for _, ended, status in clients.readiness if ended < told]
        after = [status for begun, _, status in clients.readiness if begun > told + 0.5]
        assert set(before) == {200}
        assert set(after) == {503}
        answered = {outcome for outcome in clients.outcomes if not outcome.startswith("/readyz")}
        assert all(outcome == "refused" or outcome.endswith(" 200") for outcome in answered)
    finally:
        process.kill()
        process.wait()


def first_item(base: str) -> int:
    """The first product that has a photo, so that it has similar ones."""
    connection = http.client.HTTPConnection(base.removeprefix("http://"), timeout=20)
    connection.request("GET", "/api/v1/items?limit=50")
    items = json.loads(connection.getresponse().read())["items"]
    connection.close()
    return next(int(item["item_id"]) for item in items if item["image_url"])
