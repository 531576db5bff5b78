"""The web pages, as the server writes them."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from tests.conftest import client_of
from tests.http.html import asked, read
from tests.support.products import store_photos, store_product

PICTURED = "EXISTS (SELECT FROM photos AS p WHERE p.item_id = i.item_id)"
OWN_SCRIPTS = {"/static/suggest.js", "/static/tray.js", "/static/browse.js", "/static/item.js"}
HOSTILE = """<script>alert(1)</script>"><img src=x onerror='alert(2)'>"""


@pytest.fixture
def rows(reader_url: str) -> Iterator[psycopg.Connection[Any]]:
    """What `reader` shows."""
    with psycopg.connect(reader_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def own_rows(catalog_url: str) -> Iterator[psycopg.Connection[Any]]:
    """What `client` shows, for tests that change it."""
    with psycopg.connect(catalog_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def empty_client(empty_url: str, home: Path) -> Iterator[FlaskClient]:
    with client_of(empty_url, home) as found:
        yield found


def ids(rows: psycopg.Connection[Any], where: str, *values: object) -> list[int]:
    statement = f"SELECT item_id FROM items AS i WHERE {where} ORDER BY item_id"
    return [item_id for (item_id,) in rows.execute(statement.encode(), values)]


def common_value(rows: psycopg.Connection[Any], column: str, skip: int = 0) -> str:
    found = rows.execute(
        f"SELECT {column} FROM items AS i WHERE {PICTURED} "
        f"GROUP BY 1 ORDER BY count(*) DESC, 1 OFFSET {skip} LIMIT 1".encode()
    ).fetchone()
    assert found is not None
    return str(found[0])


def test_the_grid_pages_through_every_product_with_a_photo(
    reader: FlaskClient, rows: psycopg.Connection[Any]
) -> None:
    url: str | None = "/?limit=50"
    seen: list[int] = []
    pages = 0
    while url:
        page = read(reader, url)
        seen += page.items
        pages += 1
        url = page.next
    assert seen == ids(rows, PICTURED)
    assert pages == -(-len(seen) // 50)
    assert pages > 1
    assert page.all("a", href="/?limit=50"), "no way back to the first page"


def test_a_card_has_a_photo_with_an_alt_text_and_a_size(
    reader: FlaskClient, rows: psycopg.Connection[Any]
) -> None:
    page = read(reader, "/")
    photos = [tag for tag in page.all("img") if str(tag["src"]).startswith("/api/")]
    assert len(photos) == len(page.items) == 48
    for item_id, photo in zip(page.items, photos, strict=True):
        name = rows.execute(
            "SELECT product_display_name FROM items WHERE item_id = %s", [item_id]
        ).fetchone()
        assert name == (photo["alt"],)
        assert str(photo["src"]).startswith(f"/api/v1/items/{item_id}/image?width=240&v=")
        assert photo["width"]
        assert photo["height"]
    assert photos[-1]["loading"] == "lazy"
    with reader.get(str(photos[0]["src"])) as response:
        assert response.mimetype == "image/jpeg"


def test_words_and_filters_narrow_the_grid(
    reader: FlaskClient, rows: psycopg.Connection[Any]
) -> None:
    kind = common_value(rows, "article_type")
    colour = common_value(rows, "base_colour")
    both = f"{PICTURED} AND article_type = %s AND base_colour = %s"
    page = read(reader, f"/?article_type={kind}&base_colour={colour}&limit=100")
    assert page.items == ids(rows, both, kind, colour)
    assert page.options("article_type")[kind]
    assert page.options("base_colour")[colour]
    assert sum(page.options("base_colour").values()) == 1

    word = "Women"
    page = read(reader, f"/?q={word}&limit=100")
    assert page.items == ids(rows, f"{PICTURED} AND product_display_name ~ %s", rf"\m{word}\M")
    assert page.all("input", name="q", value=word)


def test_a_repeated_filter_means_any_of_these_and_stays_in_the_form(
    reader: FlaskClient, rows: psycopg.Connection[Any]
) -> None:
    one, other = common_value(rows, "base_colour"), common_value(rows, "base_colour", skip=1)
    page = read(reader, f"/?base_colour={one}&base_colour={other}&limit=100")
    expected = ids(rows, f"{PICTURED} AND base_colour IN (%s, %s)", one, other)
    assert page.items == expected[:100]
    assert [value for value, chosen in page.options("base_colour").items() if chosen] == sorted(
        [one, other]
    )
    without = [asked(link["href"]) for link in page.all("a") if "limit" in asked(link["href"])]
    assert {"limit": ["100"], "base_colour": [other]} in without
    assert {"limit": ["100"], "base_colour": [one]} in without


def test_a_field_counts_what_each_of_its_values_would_find(
    reader: FlaskClient, rows: psycopg.Connection[Any]
) -> None:
    colour = common_value(rows, "base_colour")
    page = read(reader, f"/?base_colour={colour}")
    for column, condition in [("article_type", "base_colour = %s"), ("base_colour", "%s <> ''")]:
        counted = rows.execute(
            f"SELECT {column}, count(*) FROM items AS i WHERE {PICTURED} "
            f"AND {condition} AND {column} IS NOT NULL GROUP BY 1".encode(),
            [colour],
        ).fetchall()
        assert page.counts(column) == dict(counted)


def test_a_value_that_no_product_has_finds_nothing_and_can_be_taken_back(
    reader: FlaskClient,
) -> None:
    page = read(reader, "/?gender=Martians&year_min=2000")
    assert page.items == []
    assert "Nothing found" in page.words
    assert page.options("gender")["Martians"]
    assert page.all("a", href="/?year_min=2000")


def test_fields_left_empty_say_nothing(reader: FlaskClient) -> None:
    blank = "/?q=&gender=&master_category=&article_type=&year_min=&price_max=&cursor="
    assert read(reader, blank).items == read(reader, "/").items


def test_what_the_form_does_not_show_is_carried_along(reader: FlaskClient) -> None:
    page = read(reader, "/?available=false&available=true&limit=12")
    hidden = [(tag["name"], tag["value"]) for tag in page.all("input", type="hidden")]
    assert hidden == [("available", "false"), ("available", "true"), ("limit", "12")]


def test_a_product_shows_what_is_known_of_it(
    client: FlaskClient, own_rows: psycopg.Connection[Any]
) -> None:
    (item_id, *_) = ids(own_rows, PICTURED)
    own_rows.execute(
        "UPDATE items SET brand_name = 'Acme & Sons', price = 2299, discounted_price = 1609.20"
        " WHERE item_id = %s",
        [item_id],
    )
    page = read(client, f"/items/{item_id}")
    for text in ("Acme & Sons", "2,299", "1,609.20", "30% off", str(item_id)):
        assert text in page.words
    api = client.get(f"/api/v1/items/{item_id}").json
    assert api is not None
    assert page.inside("h1") == [api["product_display_name"]]
    for name in ("gender", "master_category", "sub_category", "article_type", "base_colour"):
        (link,) = [
            tag
            for tag in page.all("a")
            if str(tag["href"]).startswith("/?") and asked(tag["href"]) == {name: [api[name]]}
        ]
        assert item_id in read(client, f"{link['href']}&limit=100").items


def test_a_product_shows_the_same_similar_items_as_the_api(
    reader: FlaskClient, rows: psycopg.Connection[Any]
) -> None:
    (item_id, *_) = ids(rows, PICTURED)
    base = f"/api/v1/items/{item_id}/similar?top_n=12"
    for url, api_url in [
        ("", "&exclude_duplicates=true"),
        ("?gender=Men", "&exclude_duplicates=true&gender=Men"),
        ("?exclude_duplicates=false&diversity=0.5", "&diversity=0.5"),
    ]:
        url, api_url = f"/items/{item_id}{url}", f"{base}{api_url}"
        page, api = read(reader, url), reader.get(api_url).json
        assert api is not None
        assert page.items == [similar["item_id"] for similar in api["results"]]
        assert len(page.items) == 12
        similarities = [f"{100 * similar['similarity']:.1f}% similar" for similar in api["results"]]
        assert [text for text in page.inside("span") if text.endswith("similar")] == similarities


def test_filters_are_a_click_away(client: FlaskClient, own_rows: psycopg.Connection[Any]) -> None:
    (item_id, *_) = ids(own_rows, PICTURED)
    own_rows.execute("UPDATE items SET price = 100 + item_id % 10, brand_name = 'Acme'")
    own_rows.execute("UPDATE items SET price = 105.5 WHERE item_id = %s", [item_id])
    product = client.get(f"/api/v1/items/{item_id}").get_json()

    page = read(client, f"/items/{item_id}?diversity=0.3")
    links = [str(tag["href"]) for tag in page.all("a") if f"/items/{item_id}?" in str(tag["href"])]
    for label, name in [("type", "article_type"), ("gender", "gender"), ("brand", "brand_name")]:
        assert f"Same {label}: {product[name]}" in page.inside("a")
        (link,) = [link for link in links if asked(link).get(name) == [product[name]]]
        assert asked(link)["diversity"] == ["0.3"]
        shown = read(client, link)
        assert f"Same {label}: {product[name]}" not in shown.inside("a"), "it is in use"
        for similar in shown.items:
            assert client.get(f"/api/v1/items/{similar}").get_json()[name] == product[name]
    assert "Same category" not in page.words, "the finest category says more"

    (cheaper,) = [link for link in links if "price_max" in asked(link)]
    assert asked(cheaper)["price_max"] == ["105.49"]
    assert read(client, cheaper).items
    (other,) = [link for link in links if "other" in asked(link)]
    assert asked(other)["other"] == ["base_colour"]
    page = read(client, other)
    assert "Colour: another" in page.words
    colours = {
        client.get(f"/api/v1/items/{similar}").get_json()["base_colour"] for similar in page.items
    }
    assert colours
    assert product["base_colour"] not in colours
    refused = read(client, f"/items/{item_id}?other=price", 422)
    assert "expected one of gender, master_category" in refused.words


def test_why_and_the_same_elsewhere(client: FlaskClient, own_rows: psycopg.Connection[Any]) -> None:
    (item_id, *_) = ids(own_rows, PICTURED)
    own_rows.execute("UPDATE items SET sku = 'it''s a \"sku\"' WHERE item_id = %s", [item_id])
    url = f"/items/{item_id}?gender=Men&exclude_duplicates=false"
    page = read(client, url)
    assert "Why these?" in page.inside("a")
    assert "The percentage is" not in page.words
    page = read(client, f"{url}&explain=true")
    assert "The percentage is the cosine" in page.words
    assert "Gender: Men" in page.words
    curl, sql = [text for text in page.inside("code") if "similar" in text]
    _, _, address = shlex.split(curl)
    answer = client.get(address.removeprefix("http://localhost")).get_json()
    assert [each["item_id"] for each in answer["results"]] == page.items
    found = own_rows.execute(sql.encode()).fetchall()
    assert [sku for sku, *_ in found] == [each["sku"] for each in answer["results"]]


def test_more_similar_items_are_a_click_away(
    reader: FlaskClient, rows: psycopg.Connection[Any]
) -> None:
    (item_id, *_) = ids(rows, PICTURED)
    page = read(reader, f"/items/{item_id}?year_min=2000")
    (more,) = [tag["href"] for tag in page.all("a") if "top_n" in asked(tag["href"])]
    assert asked(more) == {"year_min": ["2000"], "top_n": ["48"]}
    assert read(reader, str(more)).items[:12] == page.items


def test_a_product_without_similar_items_says_why(
    client: FlaskClient, own_rows: psycopg.Connection[Any]
) -> None:
    bare = ids(own_rows, f"NOT {PICTURED}")[0]
    pending, failed = ids(own_rows, PICTURED)[:2]
    own_rows.execute("DELETE FROM embeddings WHERE item_id IN (%s, %s)", [pending, failed])
    own_rows.execute(
        "INSERT INTO embedding_jobs"
        " (model_id, item_id, position, state, last_error, image_sha256)"
        " SELECT 1, item_id, position, 'failed', 'a <b>truncated</b> file', sha256"
        " FROM photos WHERE item_id = %s",
        [failed],
    )
    for item_id, reason in [
        (bare, f"Product {bare} has no photo"),
        (pending, f"Product {pending} is not embedded by compact yet: run lookalike embed"),
        (failed, f"The photo of product {failed} can't be embedded: a <b>truncated</b> file."),
    ]:
        page = read(client, f"/items/{item_id}")
        assert reason in page.words
        assert page.items == []
    assert "No photo" in read(client, f"/items/{bare}").words


def test_a_hostile_name_is_text(client: FlaskClient, own_rows: psycopg.Connection[Any]) -> None:
    (item_id, *_) = ids(own_rows, PICTURED)
    own_rows.execute(
        "UPDATE items SET product_display_name = %s, brand_name = %s, base_colour = %s"
        " WHERE item_id = %s",
        [HOSTILE, HOSTILE, HOSTILE, item_id],
    )
    similar = read(client, f"/items/{item_id}").items[0]
    urls = [
        "/",
        f"/items/{item_id}",
        f"/items/{similar}?top_n=48",
        f"/?usage={HOSTILE}&q={HOSTILE}",
    ]
    for url in urls:
        page = read(client, url)
        assert HOSTILE in page.words
        assert {script["src"] for script in page.all("script")} <= OWN_SCRIPTS
        assert not page.all("img", src="x")
    refused = read(client, f"/?colour={HOSTILE}", 422)
    assert {script["src"] for script in refused.all("script")} <= OWN_SCRIPTS


def test_an_empty_shop_says_what_to_run(empty_client: FlaskClient, empty_url: str) -> None:
    assert "Run lookalike ingest SOURCE" in read(empty_client, "/").words
    with psycopg.connect(empty_url, autocommit=True) as connection:
        store_product(connection, "1")
        page = read(empty_client, "/")
        assert "No photos yet" in page.words
        assert "its profile names the column with the photos" in page.words
        store_photos(connection, 1, ["images/1.jpg"])
    page = read(empty_client, "/")
    assert page.items == [1]
    assert page.inside("h1") == ["1 product"]
    assert "Nothing is embedded yet" in page.words
    assert "run lookalike embed" in page.words
    page = read(empty_client, "/items/1")
    assert page.inside("h1") == ["Product 1"]
    assert "No embedding model is active yet: run lookalike embed" in page.words


def test_the_notice_goes_once_something_is_embedded(reader: FlaskClient) -> None:
    assert "Nothing is embedded yet" not in read(reader, "/").words


def test_a_product_that_left_the_catalog_has_no_page(
    client: FlaskClient, own_rows: psycopg.Connection[Any]
) -> None:
    (item_id, *_) = ids(own_rows, PICTURED)
    own_rows.execute("UPDATE items SET removed_at = now() WHERE item_id = %s", [item_id])
    read(client, f"/items/{item_id}", 404)
    assert item_id not in read(client, "/").items
