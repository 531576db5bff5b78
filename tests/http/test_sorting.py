"""Lists of products in an order, and colours shown as such."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from app.http.swatches import COLOURS, is_colour, swatch
from tests.conftest import ROOT, client_of, clone
from tests.http.conftest import refusal
from tests.http.html import read
from tests.http.shops import declare
from tests.support.products import store_product

PRICES = [30, None, 10, 20, 10, None, 9.99]
NAMES = ["pear", "Apple", None, "äpple", "apple", "<b>", "Zebra"]


@pytest.fixture(scope="module")
def shop(server: str, empty_template: str, home: Path) -> Iterator[FlaskClient]:
    """A client over products a to g, some without a price or a name."""
    with clone(server, empty_template) as url:
        with psycopg.connect(url) as connection:
            declare(connection)
            for at, sku in enumerate("abcdefg"):
                store_product(
                    connection,
                    sku,
                    [sku],
                    price=PRICES[at],
                    discounted_price=5 if sku == "a" else None,
                    product_display_name=NAMES[at],
                    created_at=f"2026-01-{1 + at // 2:02} 12:00:00.123456+00",
                )
        with client_of(url, home) as client:
            yield client


def pages(client: FlaskClient, question: str) -> str:
    """All skus of a list, fetched two at a time."""
    skus, cursor = "", ""
    while True:
        body: dict[str, Any] = client.get(f"/api/v1/items?limit=2&{question}{cursor}").get_json()
        skus += "".join(item["sku"] for item in body["items"])
        if body["next_cursor"] is None:
            return skus
        cursor = f"&cursor={body['next_cursor']}"


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("", "abcdefg"),
        ("sort=newest", "gfedcba"),
        ("sort=cheapest", "agcedbf"),  # a is reduced; c and e cost the same
        ("sort=dearest", "decga" + "fb"),
        ("sort=cheapest&price_min=10", "aced"),
        ("sort=name&price_max=30", None),
    ],
)
def test_a_sorted_list_has_every_product_once(
    shop: FlaskClient, sort: str, expected: str | None
) -> None:
    found = pages(shop, sort)
    if expected is None:
        assert found[-1] == "c", "it has no name"
        assert found.index("e") < found.index("a") < found.index("g")
        assert sorted(found) == list("acdeg")
    else:
        assert found == expected


def test_the_grid_is_sorted_too(shop: FlaskClient) -> None:
    page = read(shop, "/?sort=dearest&limit=3")
    assert [str(card["href"])[-1] for card in page.all("a", **{"class": "card"})] == ["d", "e", "c"]
    assert "selected" in page.all("option", value="dearest")[0]
    assert "sort=dearest" in str(page.next)
    page = read(shop, str(page.next))
    assert [str(card["href"])[-1] for card in page.all("a", **{"class": "card"})] == ["g", "a", "f"]
    assert "sort" in read(shop, "/?sort=colour", 422).words


def test_a_cursor_of_another_order_is_refused(shop: FlaskClient) -> None:
    cursor = shop.get("/api/v1/items?sort=cheapest&limit=2").get_json()["next_cursor"]
    for sort in ("newest", "dearest", "name"):
        answer = shop.get(f"/api/v1/items?sort={sort}&cursor={cursor}")
        assert refusal(answer, 422)["parameters"] == ["cursor"]
    key, last_id, question = json.loads(base64.urlsafe_b64decode(cursor + "=="))
    assert (key, type(last_id)) == ("9.99", int)
    for forged in (["cheap", last_id], ["1e999999", last_id], [key, 0], [key, "1"], [1, 2],
                   [["a"], 1], [None], ["\0", 1], [None, 2**63]):  # fmt: skip
        text = json.dumps([*forged, question]).encode()
        answer = shop.get(
            f"/api/v1/items?sort=cheapest&cursor={base64.urlsafe_b64encode(text).decode()}"
        )
        assert refusal(answer, 422)["parameters"] == ["cursor"], forged
    for text in (b"7", b"null", b"[", b"[]", b"\xff", b'{"a": 1}'):
        answer = shop.get(f"/api/v1/items?cursor={base64.urlsafe_b64encode(text).decode()}")
        assert refusal(answer, 422)["parameters"] == ["cursor"], text


@pytest.mark.parametrize(
    ("value", "colour"),
    [
        ("Navy Blue", "navy"), ("Sea Green", "green"), ("Grey Melange", "grey"),
        ("Red/Blue", "red"), ("GRAY", "grey"), ("Blured", None), ("", None),
    ],
)  # fmt: skip
def test_a_colour_is_recognised_by_its_name(value: str, colour: str | None) -> None:
    assert swatch(value) == colour


def test_an_attribute_is_a_colour_by_its_values() -> None:
    assert is_colour(["Red", "Navy Blue", "Assorted"])
    assert not is_colour(["Cotton", "Wool", "Gold"])
    assert not is_colour(["Orange"])


def test_the_style_sheet_shows_each_colour() -> None:
    sheet = (ROOT / "app/http/static/lookalike.css").read_text(encoding="utf-8")
    assert [colour for colour in COLOURS if f".swatch-{colour} " not in sheet] == []
