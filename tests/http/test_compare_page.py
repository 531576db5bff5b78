"""Two products side by side."""

import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from flask.testing import FlaskClient

from tests.conftest import client_of
from tests.http.html import Page, read
from tests.http.shops import furnish
from tests.support.products import store_photos, store_product

HOSTILE = "<script>alert(1)</script> \U0001f9e6 كرسي"


@pytest.fixture
def shop(empty_url: str, home: Path) -> Iterator[FlaskClient]:
    """A client over the shop of furniture."""
    with psycopg.connect(empty_url) as connection:
        furnish(connection)
    with client_of(empty_url, home) as client:
        yield client


def table(page: Page) -> dict[str, tuple[str, ...]]:
    """The rows of the table: label → the two values."""
    rows: dict[str, tuple[str, ...]] = {}
    label = ""
    for tag, text in page.texts:
        if tag == "th":
            label = text
        elif tag == "td":
            rows[label] = (*rows.get(label, ()), text)
    return rows


def test_two_products_with_their_similarity(shop: FlaskClient, empty_url: str) -> None:
    page = read(shop, "/compare?a=SEAT-00&b=SEAT-03")
    with psycopg.connect(empty_url) as connection:
        row = connection.execute("SELECT cosine_similarity('SEAT-00', 'SEAT-03')").fetchone()
    assert row is not None
    (shown,) = re.findall(r"cosine similarity (-?\d\.\d{4}) of", page.words)
    assert float(shown) == pytest.approx(row[0], abs=2e-4)
    assert page.all("a", href="/items/SEAT-00")
    assert page.all("a", href="/items/SEAT-03")
    assert page.all("a", href="/compare?a=SEAT-03&b=SEAT-00"), "no way to swap them"
    assert page.all("a", href="/tray?like=SEAT-00&like=SEAT-03")


def test_attributes_that_differ_are_marked(shop: FlaskClient) -> None:
    page = read(shop, "/compare?a=SEAT-00&b=SEAT-03")
    rows = table(page)
    assert rows["Price"] == ("100", "103")
    assert rows["Brand"] == ("–", "Oak & Sons")
    assert rows["Material"] == ("oak", "oak")
    assert rows["Rooms"] == ("kitchen, garden", "kitchen, garden")
    assert rows["Foldable"] == ("Yes", "Yes")
    assert rows["In the shop since"] == ("2026-01-15", "2026-04-15")
    differing = [label for label, (one, other) in rows.items() if one != other]
    assert len(page.all("tr", **{"class": "differs"})) == len(differing)
    assert f"{len(differing)} of {len(rows)} attributes differ" in page.words


def test_a_product_is_like_itself(shop: FlaskClient) -> None:
    page = read(shop, "/compare?a=SEAT-00&b=SEAT-00")
    assert "100.0% similar" in page.words
    assert not page.all("tr", **{"class": "differs"})


def test_without_products_the_page_asks_for_them(shop: FlaskClient) -> None:
    for name in ("a", "b"):
        assert read(shop, "/compare").all("input", name=name, value="")
    page = read(shop, "/compare?a=SEAT-00&b=")
    assert page.all("input", name="a", value="SEAT-00")
    assert "Seat 0" in page.words


@pytest.mark.parametrize(
    ("url", "status", "named"),
    [
        ("/compare?a=SEAT-00&b=SEAT-99", 404, "has the id SEAT-99"),
        ("/compare?a=%3Cb%3E&b=SEAT-00", 404, "has the id <b>"),
        (f"/compare?a=SEAT-00&b={'x' * 300}", 422, "b"),
        ("/compare?a=SEAT-00&a=SEAT-01", 422, "a"),
        ("/compare?a=SEAT-00&b=%00", 422, "b"),
        ("/compare?c=1", 422, "c"),
    ],
)
def test_a_mistake_gets_a_page(shop: FlaskClient, url: str, status: int, named: str) -> None:
    page = read(shop, url, status)
    assert named in page.words
    assert not page.all("b")


def test_what_cannot_be_compared_says_why(shop: FlaskClient, empty_url: str) -> None:
    with psycopg.connect(empty_url) as connection:
        store_product(connection, "BARE", product_display_name=HOSTILE)
        store_product(connection, "NEW", ["new.jpg"])
    page = read(shop, "/compare?a=BARE&b=SEAT-00")
    assert "Product BARE has no photo." in page.words
    assert HOSTILE in page.words
    assert not page.inside("script")
    assert "is not embedded by made_up yet" in read(shop, "/compare?a=SEAT-00&b=NEW").words
    with psycopg.connect(empty_url) as connection:
        connection.execute("UPDATE items SET removed_at = now() WHERE sku = 'NEW'")
    read(shop, "/compare?a=SEAT-00&b=NEW", 404)


def test_without_a_model_the_attributes_are_compared(empty_url: str, home: Path) -> None:
    with psycopg.connect(empty_url) as connection:
        one = store_product(connection, "A", price=1)
        store_product(connection, "B", price=2)
        store_photos(connection, one, ["a.jpg"])
    with client_of(empty_url, home) as client:
        page = read(client, "/compare?a=A&b=B")
    assert "No embedding model is active yet: run lookalike embed ." in page.words
    assert table(page)["Price"] == ("1", "2")
