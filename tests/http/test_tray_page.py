"""The page of the tray, whose address has all of it."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from flask.testing import FlaskClient

from tests.conftest import client_of
from tests.http.html import Page, read
from tests.http.shops import DIMENSIONS, furnish
from tests.support.products import store_product, unit_vectors

ODD = "A:5/ü \U0001f9e6"
"""A sku that ends as one with a weight does."""


@pytest.fixture
def shop(empty_url: str, home: Path) -> Iterator[FlaskClient]:
    """A client over the shop of furniture, and products with odd skus."""
    with psycopg.connect(empty_url) as connection:
        furnish(connection)
        for sku, vector in zip((ODD, "A:5"), unit_vectors(2, DIMENSIONS, seed=9), strict=True):
            store_product(connection, sku, [f"{sku}.jpg"], [vector])
        store_product(connection, "NEW", ["new.jpg"])
    with client_of(empty_url, home) as client:
        yield client


def results(page: Page) -> list[str]:
    return [str(card["data-sku"]) for card in page.all("a", **{"class": "card"})]


def recommended(client: FlaskClient, **question: object) -> list[str]:
    response = client.post("/api/v1/recommendations", json={"top_n": 24, **question})
    assert response.status_code == 200, response.text
    return [result["sku"] for result in response.get_json()["results"]]


def test_the_results_are_those_of_the_api(shop: FlaskClient) -> None:
    page = read(shop, "/tray?like=SEAT-01&like=SEAT-02:0.5&dislike=SEAT-03")
    positive = [{"sku": "SEAT-01"}, {"sku": "SEAT-02", "weight": 0.5}]
    assert results(page) == recommended(shop, positive=positive, negative=["SEAT-03"])
    assert not {"SEAT-01", "SEAT-02", "SEAT-03"} & set(results(page))
    filtered = read(shop, "/tray?like=SEAT-01&material=oak&diversity=0.3&top_n=3")
    assert results(filtered) == recommended(
        shop, positive=["SEAT-01"], filters={"material": ["oak"]}, diversity=0.3, top_n=3
    )
    assert filtered.options("material")["oak"]
    assert filtered.options("diversity")["0.3"]


def test_weights_are_fields_that_work_without_scripts(shop: FlaskClient) -> None:
    page = read(shop, "/tray?like=SEAT-01&like=SEAT-02:0.7&dislike=SEAT-03:2")
    assert page.options("like") == {
        **{
            f"SEAT-02:{weight}": weight == "0.7" for weight in ("0.25", "0.5", "0.7", "1", "2", "4")
        },
        **{f"SEAT-01:{weight}": weight == "1" for weight in ("0.25", "0.5", "1", "2", "4")},
    }
    assert page.options("dislike")["SEAT-03:2"]
    sent = read(shop, "/tray?like=SEAT-01:1&like=SEAT-02:0.7&like=&dislike=SEAT-03:2&diversity=0.0")
    assert results(sent) == results(page)


def test_every_change_is_a_link(shop: FlaskClient) -> None:
    page = read(shop, "/tray?like=SEAT-01&like=SEAT-02:0.5&dislike=SEAT-03&material=oak")
    for url in (
        "/tray?like=SEAT-02%3A0.5&dislike=SEAT-03&material=oak",
        "/tray?like=SEAT-02%3A0.5&dislike=SEAT-03&dislike=SEAT-01&material=oak",
        "/tray?like=SEAT-01&like=SEAT-02%3A0.5&material=oak",
        "/tray?like=SEAT-01&like=SEAT-02%3A0.5&like=SEAT-03&material=oak",
        "/compare?a=SEAT-01&b=SEAT-02",
    ):
        assert page.all("a", href=url), url
    first = results(page)[0]
    more = f"/tray?like=SEAT-01&like=SEAT-02%3A0.5&like={first}&dislike=SEAT-03&material=oak"
    assert page.all("a", href=more)


def test_a_sku_that_looks_like_one_with_a_weight(shop: FlaskClient) -> None:
    page = read(shop, f"/tray?like={quote(ODD)}&like=A:5:1")
    assert page.words.count("has the id") == 0
    assert page.all("a", href=f"/tray?like={quote(ODD, safe='')}".replace("%20", "+"))
    assert page.all("a", href="/tray?like=A%3A5%3A1")
    assert results(page) == recommended(shop, positive=[ODD, "A:5"])


def test_products_that_left_say_so(shop: FlaskClient, empty_url: str) -> None:
    with psycopg.connect(empty_url) as connection:
        connection.execute("UPDATE items SET removed_at = now() WHERE sku = 'SEAT-02'")
    page = read(shop, "/tray?like=SEAT-01&like=SEAT-02:2&dislike=%3Cb%3E&dislike=NEW")
    assert "has the id SEAT-02, so it doesn’t count" in page.words
    assert "has the id <b>, so" in page.words
    assert "It has no vector yet, so it doesn’t count." in page.words
    assert page.all("a", href="/tray?like=SEAT-01&dislike=%3Cb%3E&dislike=NEW")
    assert page.all("input", type="hidden", name="like", value="SEAT-02:2")
    assert results(page) == recommended(shop, positive=["SEAT-01"])


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("/tray", "Collect products that you like or dislike"),
        ("/tray?dislike=SEAT-01", "Like at least one product"),
        ("/tray?like=GONE", "None of what you like is in the catalog."),
        ("/tray?like=NEW", "No product of the list is known and embedded."),
        ("/tray?like=SEAT-01&material=gold", "No product passes these filters."),
    ],
)
def test_a_tray_without_results_says_why(shop: FlaskClient, url: str, words: str) -> None:
    page = read(shop, url)
    assert words in page.words
    assert results(page) == []
    assert page.all("input", name="like", maxlength="210"), "no way to add a product"


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("/tray?like=SEAT-01:0", "like"),
        (f"/tray?like={'x' * 300}", "like"),
        ("/tray?dislike=%00", "dislike"),
        ("/tray?" + "&".join(f"like={at}" for at in range(101)), "like"),
        ("/tray?like=SEAT-01&top_n=1000", "top_n"),
        ("/tray?like=SEAT-01&colour=red", "colour"),
        ("/tray?like=SEAT-01&diversity=2", "diversity"),
    ],
)
def test_a_mistake_is_named(shop: FlaskClient, url: str, named: str) -> None:
    assert named in read(shop, url, 422).words


def test_an_empty_catalog(empty_url: str, home: Path) -> None:
    with client_of(empty_url, home) as client:
        assert "Nothing is embedded yet" in read(client, "/tray?like=1").words


def test_other_pages_lead_to_the_tray(shop: FlaskClient) -> None:
    page = read(shop, "/items/SEAT-01")
    assert page.all("a", href="/tray?like=SEAT-01")
    assert page.all("a", id="tray-link", href="/tray")
    other = results(page)[0]
    assert page.all("a", href=f"/compare?a=SEAT-01&b={other}".replace(":", "%3A"))
