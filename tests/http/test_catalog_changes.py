"""A declaration that changes while real servers answer: served within seconds, nobody refused."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask import request
from flask.testing import FlaskClient

from app.catalog.attributes import Catalog
from app.catalog.cache import CatalogCache
from app.database import Database
from app.http.context import with_catalog
from tests.conftest import client_of, web_server
from tests.http.conftest import refusal, upload
from tests.http.shops import PROFILE, declare, furnish
from tests.http.test_serving import fetch
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow

WIDER = PROFILE + '\n[attributes.glaze]\ntype = "text"\nlabel = "Glaze"\nfilter = true\n'
SECONDS = 4
CLIENTS = 6


@pytest.fixture
def shop(empty_url: str, home: Path) -> Iterator[str]:
    """Base URL of a server of two processes over a shop of furniture."""
    with psycopg.connect(empty_url) as connection:
        furnish(connection)
    with web_server(empty_url, home) as base:
        yield base


@contextmanager
def busy(base: str) -> Iterator[Counter[int]]:
    """Have clients ask all the time; yields how often they were answered, by status."""
    statuses: Counter[int] = Counter()
    done = threading.Event()
    paths = [
        "/api/v1/items?limit=100",
        "/api/v1/items/SEAT-03",
        "/api/v1/items/SEAT-03/similar?top_n=10&material=oak",
        "/api/v1/items?seats_min=2&foldable=true",
    ]

    def ask(number: int) -> None:
        while not done.is_set():
            statuses[fetch(base + paths[number % len(paths)])[0]] += 1

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        done.set()
        for thread in threads:
            thread.join(60)


def change(url: str, text: str) -> None:
    with psycopg.connect(url) as connection:
        declare(connection, text)
        if "glaze" in text:
            connection.execute("UPDATE items SET glaze = 'matt' WHERE sku = 'SEAT-03'")


def settle(base: str, path: str, wanted: int) -> float:
    """Return how long it took until both processes always answered with a status."""
    begun, last = time.monotonic(), 0.0
    in_a_row = 0
    while in_a_row < 20:
        if fetch(base + path)[0] == wanted:
            in_a_row += 1
        else:
            in_a_row, last = 0, time.monotonic() - begun
        assert time.monotonic() - begun < 30
    return last


def test_running_servers_serve_a_changed_declaration_within_seconds(
    shop: str, empty_url: str
) -> None:
    glaze = "/api/v1/items?glaze=matt"
    assert fetch(shop + glaze)[0] == 422
    with busy(shop) as statuses:
        wait_until(lambda: statuses[200] > CLIENTS)
        change(empty_url, WIDER)
        assert settle(shop, glaze, 200) < SECONDS
        body = fetch(shop + glaze)[1]
        assert [(item["sku"], item["glaze"]) for item in body["items"]] == [("SEAT-03", "matt")]
        similar = fetch(f"{shop}/api/v1/items/SEAT-00/similar?glaze=matt")[1]["results"]
        assert [(result["sku"], result["glaze"]) for result in similar] == [("SEAT-03", "matt")]
        document = fetch(f"{shop}/openapi.json")[1]
        assert "glaze" in document["components"]["schemas"]["Item"]["properties"]
        change(empty_url, PROFILE)
        assert settle(shop, glaze, 422) < SECONDS
        time.sleep(1)
    assert set(statuses) == {200}
    assert statuses[200] > 50
    assert "glaze" not in fetch(f"{shop}/api/v1/items/SEAT-03")[1]


def test_a_type_may_change_under_load(shop: str, empty_url: str) -> None:
    with busy(shop) as statuses:
        wait_until(lambda: statuses[200] > CLIENTS)
        change(empty_url, PROFILE.replace('type = "text"\nlabel = "Story"', 'type = "date"'))
        assert settle(shop, "/api/v1/items/SEAT-03", 200) < SECONDS
        time.sleep(1.5)
    assert set(statuses) == {200}
    assert fetch(f"{shop}/api/v1/items/SEAT-03")[1]["story"] is None


@pytest.fixture
def client(empty_url: str, home: Path) -> Iterator[FlaskClient]:
    """A client of an application that has just read the declaration of the furniture."""
    with psycopg.connect(empty_url) as connection:
        furnish(connection)
    with client_of(empty_url, home) as found:
        assert found.get("/api/v1/items?form=round").status_code == 200
        yield found


def test_a_filter_that_has_just_gone_is_named(client: FlaskClient, empty_url: str) -> None:
    change(empty_url, PROFILE.replace('label = "Shape"\nfilter = true', 'label = "Shape"'))
    problem = refusal(client.get("/api/v1/items/SEAT-00/similar?form=round"), 422)
    assert problem["parameters"] == ["form"]
    assert "material, seats_min" in problem["detail"]


def test_a_column_that_has_just_gone_costs_nobody_an_answer(
    client: FlaskClient, empty_url: str
) -> None:
    change(empty_url, '[source]\nformat = "csv"\nsku = "sku"\n')
    answer = client.get("/api/v1/items/SEAT-00/similar")
    assert answer.status_code == 200
    assert "material" not in answer.get_json()["results"][0]
    assert refusal(client.get("/api/v1/items?material=oak"), 422)["parameters"] == ["material"]


def test_a_view_that_is_called_again_reads_every_file_anew(client: FlaskClient) -> None:
    read: list[list[bytes]] = []

    @with_catalog
    def view(_catalog: Catalog) -> None:
        read.append([file.read() for file in request.files.getlist("image")])
        if len(read) == 1:
            raise psycopg.errors.UndefinedColumn

    photos = {"image": [upload(b"one"), upload(b"other")]}
    with client.application.test_request_context(method="POST", data=photos):
        view()
    assert read == [[b"one", b"other"]] * 2


def test_a_setting_of_the_database_is_no_fault_of_the_caller(
    client: FlaskClient, empty_url: str
) -> None:
    name = psycopg.conninfo.conninfo_to_dict(empty_url)["dbname"]
    with psycopg.connect(empty_url, autocommit=True) as connection:
        connection.execute(f"ALTER DATABASE {name} SET lookalike.ef_search = 'abc'".encode())
    with client_of(empty_url, client.application.extensions["lookalike"].settings.home) as other:
        problem = refusal(other.get("/api/v1/items/SEAT-00/similar"), 503)
    assert "lookalike.ef_search" in problem["detail"]


class Counting:
    """Lends connections of a database, and counts them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.lent = 0

    def connection(self) -> Any:
        self.lent += 1
        return self.database.connection()


def test_the_database_is_asked_at_most_once_a_second(empty_database: Database) -> None:
    lender = Counting(empty_database)
    cache = CatalogCache(max_age=0.5)
    known: Catalog = cache.get(lender)
    for _ in range(100):
        assert cache.get(lender) is known
    assert lender.lent == 1
    time.sleep(0.6)
    assert cache.get(lender) is known  # the very same, since nothing changed
    assert lender.lent == 2
    with empty_database.connection() as connection:
        declare(connection)
    assert cache.get(lender) is known
    assert "material" in cache.reload(lender).columns
    assert lender.lent == 3
