"""A catalog that has nothing to do with fashion, attributes of every type, and one without any."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from tests.conftest import Cli, client_of, clone
from tests.http.conftest import refusal
from tests.http.html import asked, read
from tests.http.shops import declare, furnish
from tests.support.products import store_model, store_product, unit_vectors


@pytest.fixture(scope="module")
def furniture_url(server: str, empty_template: str) -> Iterator[str]:
    """URI of a database with a shop of furniture."""
    with clone(server, empty_template) as url:
        with psycopg.connect(url) as connection:
            furnish(connection)
        yield url


@pytest.fixture(scope="module")
def shop(furniture_url: str, home: Path) -> Iterator[FlaskClient]:
    """A client of the application over the furniture."""
    with client_of(furniture_url, home) as found:
        yield found


def skus(client: FlaskClient, question: str) -> list[str]:
    response = client.get(f"/api/v1/items?limit=100&{question}")
    assert response.status_code == 200, response.text
    return [item["sku"] for item in response.get_json()["items"]]


def numbered(*numbers: int) -> list[str]:
    return [f"SEAT-{number:02}" for number in numbers]


def test_a_product_has_the_declared_attributes_with_their_types(shop: FlaskClient) -> None:
    item = shop.get("/api/v1/items/SEAT-03").get_json()
    assert {name: item[name] for name in ("material", "form", "seats", "weight")} == {
        "material": "oak", "form": "square", "seats": 3, "weight": 3.5,
    }  # fmt: skip
    assert (item["foldable"], item["organic"]) == (True, False)
    assert (item["released"], item["rooms"]) == ("2026-04-15", ["kitchen", "garden"])
    assert item["story"] == "Made in year 3"
    assert (item["available"], item["price"]) == (True, 103.0)
    assert "gender" not in item
    listed = shop.get("/api/v1/items?limit=100").get_json()["items"][3]
    (similar,) = [
        result
        for result in shop.get("/api/v1/items/SEAT-00/similar?top_n=20").get_json()["results"]
        if result["sku"] == "SEAT-03"
    ]
    for other in (listed, similar):
        assert (
            other.items()
            >= {
                name: item[name]
                for name in ("item_id", "sku", "weight", "rooms", "released", "story")
            }.items()
        )


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("material=oak", numbered(0, 3, 6, 9)),
        ("material=oak&material=steel", numbered(0, 1, 3, 4, 6, 7, 9, 10)),
        ("form=round&material=oak", numbered(0, 6)),
        ("seats_min=2", numbered(2, 3, 6, 7, 10, 11)),
        ("seats_min=2&seats_max=2", numbered(2, 6, 10)),
        ("weight_max=2.5", numbered(0, 1, 2)),
        ("foldable=true", numbered(0, 3, 6, 9)),
        ("foldable=false&foldable=true", numbered(0, 1, 3, 4, 6, 7, 9, 10)),
        ("organic=no", numbered(1, 3, 5, 7, 9, 11)),
        ("released_min=2026-11-01", numbered(10, 11)),
        ("released_min=2026-02-15&released_max=2026-03-14", numbered(1)),
        ("rooms=hall", numbered(1, 4, 7, 10)),
        ("rooms=garden&rooms=hall&form=square", numbered(1, 3, 7, 9)),
        ("brand_name=Oak %26 Sons&price_min=108", numbered(9, 11)),
        ("material=marble", []),
    ],
)
def test_filters_of_every_type(shop: FlaskClient, question: str, expected: list[str]) -> None:
    assert skus(shop, question) == expected
    similar = shop.get(f"/api/v1/items/SEAT-00/similar?top_n=100&{question}").get_json()
    found = {result["sku"] for result in similar["results"]}
    assert found == set(expected) - {"SEAT-00"}
    cards = read(shop, f"/?{question}").all("a", **{"class": "card"})
    assert [card["href"] for card in cards] == [f"/items/{sku}" for sku in expected]


@pytest.mark.parametrize(
    "question",
    ["seats_min=two", "seats_min=1.5", "weight_max=heavy", "weight_max=nan", "foldable=maybe",
     "released_min=yesterday", "released_max=2026-02-30", "rooms=%00", "gender=Men",
     "story=Made", "seats=2", "material_min=1"],
)  # fmt: skip
def test_wrong_filters_are_named_with_the_known(shop: FlaskClient, question: str) -> None:
    name = question.partition("=")[0]
    for path in ("/api/v1/items", "/api/v1/items/SEAT-00/similar"):
        problem = refusal(shop.get(f"{path}?{question}"), 422)
        assert [part.partition(".")[0] for part in problem["parameters"]] == [name]
        if name in ("gender", "story", "seats", "material_min"):
            assert "material, form, seats_min, seats_max, weight_min" in problem["detail"]
    assert name in read(shop, f"/?{question}", 422).words


def test_filters_in_a_body_have_json_types(shop: FlaskClient) -> None:
    def ask(**filters: Any) -> Any:
        body = {"positive": ["SEAT-00"], "filters": filters, "top_n": 100}
        return shop.post("/api/v1/recommendations", json=body)

    chosen = {"seats_min": 2, "weight_max": 7.5, "foldable": [True, False], "rooms": "hall"}
    answer = ask(**chosen).get_json()
    assert [result["sku"] for result in answer["results"]] == ["SEAT-07"]
    assert answer["query"]["filters"] == {**chosen, "rooms": ["hall"]}
    assert ask(released_min="2026-12-01").get_json()["returned"] == 1
    assert refusal(ask(seats_min="two"), 422)["parameters"] == ["filters.seats_min"]
    detail = refusal(ask(gender="Men"), 422)["detail"]
    assert "material, form, seats_min" in detail


def test_caps_are_those_of_the_catalog(shop: FlaskClient) -> None:
    base = "/api/v1/items/SEAT-00/similar?top_n=12"
    results = shop.get(f"{base}&max_per=material:1&max_per=foldable:2").get_json()["results"]
    materials = [result["material"] for result in results]
    assert sorted(map(str, materials)) == ["None", "oak", "steel"]
    for cap in ("gender:2", "rooms:1", "seats:1"):
        detail = refusal(shop.get(f"{base}&max_per={cap}"), 422)["detail"]
        assert "one of material, form, foldable, organic, brand_name" in detail


def test_the_page_offers_what_is_declared(shop: FlaskClient) -> None:
    page = read(shop, "/?form=round&seats_min=1&released_max=2026-12-31")
    assert page.inside("legend") == [
        "Material", "Foldable", "Organic", "Rooms",
        "Seats", "Weight in kg", "In the shop since", "Price",
    ]  # fmt: skip
    assert page.counts("material") == {"oak": 1, "steel": 1}
    assert page.counts("foldable") == {"true": 1, "false": 1}
    assert page.counts("organic") == {"true": 3}
    assert page.counts("rooms") == {"garden": 1, "hall": 1, "kitchen": 1}
    assert {"Yes", "No"} <= set(page.inside("span"))
    assert page.all("input", name="released_max", type="date", value="2026-12-31")
    assert page.all("input", name="seats_min", type="number", step="1", value="1")
    assert page.all("input", name="form", type="hidden", value="round")
    for chip in ("Shape: round", "Seats from: 1", "In the shop since to: 2026-12-31"):
        assert chip in page.words
    assert page.all("a", href="/?form=round&released_max=2026-12-31")


def test_a_card_shows_what_the_profile_says(shop: FlaskClient) -> None:
    assert "oak · 3 · Foldable" in read(shop, "/").inside("span")


def test_the_page_of_a_product_lists_what_is_known(shop: FlaskClient) -> None:
    page = read(shop, "/items/SEAT-03")
    assert page.inside("dt") == [
        "Brand", "Material", "Shape", "Seats", "Weight in kg", "Foldable", "Organic",
        "In the shop since", "Rooms", "Story", "Id",
    ]  # fmt: skip
    for text in ("oak", "3.5", "Yes", "No", "2026-04-15", "kitchen", "garden", "SEAT-03"):
        assert text in page.words
    for link in page.all("a"):
        if asked(link["href"]) and not {"top_n", "available"} & asked(link["href"]).keys():
            assert "/items/SEAT-03" in [
                card["href"] for card in read(shop, str(link["href"])).all("a")
            ]
    assert page.inside("dt").count("Story") == 1
    bare = read(shop, "/items/SEAT-02").inside("dt")
    assert not {"Brand", "Material", "Rooms", "Foldable"} & set(bare)


def test_the_openapi_document_follows_the_declaration(shop: FlaskClient) -> None:
    document = shop.get("/openapi.json").get_json()
    listing = document["paths"]["/api/v1/items"]["get"]["parameters"]
    named = {parameter["name"]: parameter for parameter in listing}
    assert named.keys() >= {
        "q", "limit", "cursor", "material", "seats_min", "released_max", "rooms", "available",
    }  # fmt: skip
    assert not named.keys() & {"gender", "story", "seats"}
    schemas = document["components"]["schemas"]
    for name in ("Item", "ItemDetail", "SimilarItem"):
        properties = schemas[name]["properties"]
        assert properties["rooms"]["anyOf"][0] == {"items": {"type": "string"}, "type": "array"}
        assert properties["released"]["anyOf"][0]["format"] == "date"
        assert properties["weight"]["title"] == "Weight in kg"
        assert "gender" not in properties
    form = schemas["PhotoForm"]["properties"]
    assert form.keys() >= {"image", "top_n", "material", "weight_max"}
    assert "material" in schemas["Filters"]["properties"]


def test_the_command_line_shows_the_cards_attributes(furniture_url: str, cli: Cli) -> None:
    done = cli(furniture_url, "similar", "SEAT-01", "--top-n", 3)
    assert done.returncode == 0, done.stderr
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["sku", "similarity", "material", "seats", "foldable", "name"]
    assert len(rows) == 3
    assert all(row.startswith("SEAT-") for row in rows)


@pytest.fixture
def plain_shop(empty_url: str, home: Path) -> Iterator[FlaskClient]:
    """A client of the application over products without a single attribute."""
    with psycopg.connect(empty_url) as connection:
        declare(connection, '[source]\nformat = "csv"\nsku = "id"\n')
        store_model(connection, 8)
        for sku, vector in zip("abc", unit_vectors(3, 8), strict=True):
            store_product(connection, sku, [sku], [vector], brand_name="B")
    with client_of(empty_url, home) as found:
        yield found


def test_a_catalog_needs_no_attributes(plain_shop: FlaskClient) -> None:
    assert skus(plain_shop, "brand_name=B") == ["a", "b", "c"]
    page = read(plain_shop, "/?brand_name=B")
    assert page.inside("h1") == ["3 products"]
    assert page.inside("legend") == ["Brand", "Price"]
    assert read(plain_shop, "/items/a").inside("dt") == ["Brand", "Id"]
    capped = plain_shop.get("/api/v1/items/a/similar?max_per=brand_name:1").get_json()
    assert capped["returned"] == 1
    problem = refusal(plain_shop.get("/api/v1/items?colour=Red"), 422)
    assert problem["detail"].endswith("brand_name, price_min, price_max, available")
    assert plain_shop.get("/openapi.json").status_code == 200


def test_what_is_not_available_is_shown_when_asked_for(
    plain_shop: FlaskClient, empty_url: str
) -> None:
    with psycopg.connect(empty_url) as connection:
        connection.execute("UPDATE items SET available = false WHERE sku = 'b'")
    assert skus(plain_shop, "") == ["a", "c"]
    assert skus(plain_shop, "available=false") == ["b"]
    assert skus(plain_shop, "available=true&available=false") == ["a", "b", "c"]
    similar = "/api/v1/items/a/similar"
    assert [r["sku"] for r in plain_shop.get(similar).get_json()["results"]] == ["c"]
    every = plain_shop.get(f"{similar}?available=true&available=false").get_json()["results"]
    assert {result["sku"]: result["available"] for result in every} == {"b": False, "c": True}
    gone = plain_shop.get("/api/v1/items/b").get_json()
    assert gone["available"] is False
    assert plain_shop.get("/api/v1/items/b/similar").get_json()["returned"] == 2
    assert "In stock No" in read(plain_shop, "/items/b").words


def test_attributes_in_other_scripts(empty_url: str, home: Path) -> None:
    with psycopg.connect(empty_url) as connection:
        declare(
            connection,
            '[source]\nformat = "csv"\nsku = "id"\n'
            '[attributes."素材"]\ntype = "text"\nfilter = true\nfacet = true\ncategory = true\n'
            '[attributes."вес"]\ntype = "number"\nfilter = true\n',
        )
        store_model(connection, 8)
        for number, vector in enumerate(unit_vectors(4, 8)):
            values = {"素材": "麻" if number % 2 else "綿", "вес": number}
            store_product(connection, f"S-{number}", [f"{number}"], [vector], **values)
        assert connection.execute("SELECT sku FROM items WHERE 素材 = '麻' AND вес > 1").fetchall()
    with client_of(empty_url, home) as client:
        assert skus(client, "素材=麻") == ["S-1", "S-3"]
        assert skus(client, "вес_min=1&вес_max=2") == ["S-1", "S-2"]
        found = client.get("/api/v1/items/S-0/similar?max_per=素材:1").get_json()
        assert {item["素材"] for item in found["results"]} == {"麻", "綿"}
        page = read(client, "/?素材=麻&вес_min=1")
        assert page.inside("h1") == ["2 products"]
        assert page.all("input", name="вес_min", type="number", value="1")
        parameters = client.get("/openapi.json").get_json()["paths"]["/api/v1/items"]["get"]
        assert {"素材", "вес_max"} <= {each["name"] for each in parameters["parameters"]}
