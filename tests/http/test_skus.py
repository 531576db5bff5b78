"""Skus are any text: in paths, bodies and commands, beside the numbers of the database."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from flask.testing import FlaskClient

from tests.conftest import Cli, client_of, clone
from tests.http.conftest import refusal
from tests.http.html import Page, read
from tests.support.products import store_model, store_product, unit_vectors

ODD = [
    "TS-100-RED",
    "a b",
    " edge ",
    "a/b",
    "a//b",
    "/start",
    "end/",
    "100%",
    "a%2Fb",
    "?q=1&r#x",
    "ends in/image",
    "ends in/similar",
    "image",
    "similar",
    "..",
    ".",
    "../up",
    "⌚ naïve 日本",
    "1e3",
    "007",
    "-5",
    "1000000000000000000000",
    "x" * 200,
    "semi;colon,comma+plus",
    'quo"te<b>',
]
NUMBER = "10001"
"""A sku that is a number is its product's item_id too."""


@pytest.fixture(scope="module")
def odd_url(server: str, empty_template: str) -> Iterator[str]:
    """URI of a database with products of odd skus, and photos that don't exist."""
    with clone(server, empty_template) as url:
        with psycopg.connect(url) as connection:
            store_model(connection, 32)
            vectors = unit_vectors(len(ODD) + 1, 32)
            for sku, vector in zip([*ODD, NUMBER], vectors, strict=True):
                store_product(connection, sku, [f"{len(sku)}.jpg"], [vector])
        yield url


@pytest.fixture(scope="module")
def shop(odd_url: str, home: Path) -> Iterator[FlaskClient]:
    with client_of(odd_url, home) as found:
        yield found


@pytest.fixture(scope="module")
def numbers(odd_url: str) -> dict[str, int]:
    """sku → item_id."""
    with psycopg.connect(odd_url) as connection:
        return dict(connection.execute("SELECT sku, item_id FROM items").fetchall())


@pytest.fixture(scope="module")
def pages(shop: FlaskClient) -> list[Page]:
    """The pages of products that the grid links to."""
    cards = read(shop, "/?limit=100").all("a", **{"class": "card"})
    return [read(shop, str(card["href"])) for card in cards]


@pytest.mark.parametrize("sku", ODD)
def test_an_address_leads_to_its_product(
    shop: FlaskClient, numbers: dict[str, int], pages: list[Page], sku: str
) -> None:
    """Every link that an answer or a page gives works, whatever the sku holds."""
    every = shop.get("/api/v1/items?limit=100").get_json()["items"]
    (listed,) = [item for item in every if item["sku"] == sku]
    image = listed["image_url"]
    assert image.startswith("/api/v1/items/")
    problem = refusal(shop.get(image), 503)  # its product is known, and its photo looked for
    assert "no catalog has been ingested" in problem["detail"]
    api = image.removesuffix("/image")
    detail = shop.get(api).get_json()
    assert (detail["sku"], detail["item_id"]) == (sku, numbers[sku])
    answer = shop.get(f"{api}/similar?top_n=3").get_json()
    assert answer["query"]["sku"] == sku
    assert answer["query"]["item_id"] == numbers[sku]
    assert len(answer["results"]) == 3
    assert any(page.inside("h1") == [" ".join(f"Product {sku}".split())] for page in pages) or any(
        f"Product {sku}" in page.words or sku.strip() in page.words for page in pages
    )


AMBIGUOUS = (".", "..", "ends in/image", "ends in/similar")
"""Skus whose path is another thing's: the addresses in answers name the item_id."""


@pytest.mark.parametrize("sku", [sku for sku in ODD if sku not in AMBIGUOUS])
def test_a_quoted_sku_is_a_path(shop: FlaskClient, sku: str) -> None:
    assert shop.get(f"/api/v1/items/{quote(sku, safe='')}").get_json()["sku"] == sku


def test_the_item_id_will_do_where_no_sku_is_meant(
    shop: FlaskClient, numbers: dict[str, int]
) -> None:
    for sku in ("TS-100-RED", NUMBER):
        assert shop.get(f"/api/v1/items/{numbers[sku]}").get_json()["sku"] == sku
    for wrong in ("010001", "+10001", "10001.0", "1_0001", "TS-100", "ts-100-red"):
        problem = refusal(shop.get(f"/api/v1/items/{wrong}"), 404)
        assert wrong in problem["detail"]


def test_a_sku_counts_before_an_item_id(empty_url: str, home: Path) -> None:
    with psycopg.connect(empty_url) as connection:
        item_id = store_product(connection, "first")
        store_product(connection, str(item_id))
    with client_of(empty_url, home) as client:
        assert client.get(f"/api/v1/items/{item_id}").get_json()["sku"] == str(item_id)


def test_a_text_in_json_is_a_sku_and_a_number_an_item_id(
    shop: FlaskClient, numbers: dict[str, int]
) -> None:
    one, two = numbers["TS-100-RED"], numbers["a/b"]

    def answer(*positive: object, negative: object = ()) -> dict[str, object]:
        body = {"positive": positive, "negative": negative, "top_n": 30}
        return dict(shop.post("/api/v1/recommendations", json=body).get_json())

    by_sku = answer("TS-100-RED", {"sku": "a/b", "weight": 2})
    by_number = answer(one, {"item_id": two, "weight": 2})
    assert by_sku == by_number
    assert by_sku["query"]["positive"] == [  # type: ignore[index]
        {"item_id": one, "sku": "TS-100-RED", "weight": 1.0},
        {"item_id": two, "sku": "a/b", "weight": 2.0},
    ]
    assert by_sku["unknown_ids"] == []
    unknown = answer("TS-100-RED", str(one), "nothing", 5, {"sku": "x"}, negative=["nothing", 5])
    assert unknown["unknown_ids"] == [str(one), "nothing", 5, "x"]
    assert answer(NUMBER)["results"] == answer(int(NUMBER))["results"]


def test_the_command_line_takes_skus(odd_url: str, cli: Cli, numbers: dict[str, int]) -> None:
    for argument in ("a/b", "⌚ naïve 日本", numbers["a/b"]):
        done = cli(odd_url, "similar", argument, "--top-n", 2)
        assert done.returncode == 0, done.stderr
        assert len(done.stdout.splitlines()) == 3
    done = cli(odd_url, "similar", "nothing")
    assert (done.returncode, done.stderr) == (1, "lookalike: no product has the id nothing\n")
