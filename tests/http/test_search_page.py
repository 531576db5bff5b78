"""The page that searches by a photo, as the server writes it."""

import io
from collections.abc import Iterator
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import numpy as np
import pillow_heif
import psycopg
import pytest
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from app.http import create_app
from app.photos import by_address
from app.settings import Settings
from tests.conftest import client_of
from tests.http.conftest import Product, ask, encoded, ids, upload
from tests.http.html import Page, read
from tests.support.photo_server import PhotoServer

pytestmark = pytest.mark.slow


def send(client: FlaskClient, photo: bytes | None, status: int = 200, **fields: Any) -> Page:
    """Send the page's form, as a browser without scripts does: unfilled fields are empty."""
    image: Any = upload(photo) if photo is not None else upload(b"", "")
    form = {"image": [image, upload(b"", "")], "box": "", "gender": "", "price_min": "", **fields}
    response = client.post("/search", data=form, content_type="multipart/form-data")
    return page_of(response, status)


def page_of(response: TestResponse, status: int) -> Page:
    assert response.status_code == status, response.text
    assert response.mimetype == "text/html"
    page = Page(response.text)
    assert page.inside("h1") == ["Search by photo"]
    return page


def test_every_page_leads_to_the_search_by_photo(reader: FlaskClient, product: Product) -> None:
    for url in ("/", f"/items/{product[0]}", "/search"):
        assert read(reader, url).all("a", href="/search")


def test_the_form_works_by_itself(reader: FlaskClient, product: Product) -> None:
    item_id, photo = product
    page = send(reader, photo)
    assert page.items == ids(ask(reader, photo, top_n=24).get_json())
    assert page.items[0] == item_id
    assert "24 products, most similar first" in page.words
    assert "100.0% similar" in page.words
    camera = page.all("input", capture="environment")
    assert [field["name"] for field in camera] == ["image"]


def test_its_filters_are_those_of_the_other_pages(reader: FlaskClient, product: Product) -> None:
    page = send(reader, product[1], gender="Women", year_min="2012")
    expected = ask(reader, product[1], gender="Women", year_min="2012", top_n=24).get_json()
    assert page.items == ids(expected)
    assert page.options("gender")["Women"]
    assert page.all("input", name="year_min", value="2012", form="by-photo")
    grid = read(reader, "/?gender=Women&year_min=2012")
    assert page.counts("article_type") == grid.counts("article_type")
    assert page.counts("gender") == grid.counts("gender")
    nothing = send(reader, product[1], gender="Martians")
    assert nothing.items == []
    assert "No product passes these filters" in nothing.words
    assert read(reader, "/search?gender=Men").options("gender")["Men"]
    assert "year_min" in read(reader, "/search?year_min=soon", 422).words


def test_a_box_narrows_the_photo(reader: FlaskClient, product: Product) -> None:
    photo, box = product[1], "0.2,0.2,0.8,0.8"
    page = send(reader, photo, box=box)
    assert page.items == ids(ask(reader, photo, box=box, top_n=24).get_json())
    assert send(reader, photo, box="0,0,1,1").items == send(reader, photo).items


def heic(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=90)
    return buffer.getvalue()


def test_a_photo_of_an_iphone_finds_its_product(reader: FlaskClient, product: Product) -> None:
    image = Image.open(io.BytesIO(product[1])).convert("RGB")
    assert send(reader, heic(image)).items[0] == product[0]


NOISE = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("photo", "fields", "status", "words"),
    [
        (None, {}, 422, "Choose a photo first."),
        (b"", {}, 422, "This photo can't be used: the file is empty."),
        (
            b"%PDF-1.7\n" + bytes(100),
            {},
            415,
            "This photo can't be used: not an image in a known format; known are JPEG,",
        ),
        (
            encoded(Image.fromarray(NOISE), "JPEG")[:5000],
            {},
            422,
            "This photo can't be used: can't be decoded: image file is truncated",
        ),
        (
            encoded(Image.new("1", (8000, 8000))),
            {},
            422,
            "8000 x 8000 pixels are more than the 50,000,000 allowed.",
        ),
        (encoded(Image.fromarray(NOISE)), {"box": "0,0,2,2"}, 422, "box: expected four numbers"),
        (encoded(Image.fromarray(NOISE)), {"year_min": "soon"}, 422, "year_min:"),
        (encoded(Image.fromarray(NOISE)), {"colour": "<b>"}, 422, "no such parameter here"),
    ],
    ids=["none", "empty", "PDF", "truncated", "too many pixels", "box", "year", "unknown"],
)
def test_what_is_no_search_gets_a_sentence_and_the_form_again(
    reader: FlaskClient, photo: bytes | None, fields: dict[str, str], status: int, words: str
) -> None:
    page = send(reader, photo, status, **fields)
    assert words in page.words
    assert page.items == []
    assert page.all("input", type="file")
    assert not page.all("b")


@pytest.fixture
def trusting(reader: FlaskClient, catalog_url: str, home: Path) -> Iterator[FlaskClient]:
    """A client of an application that fetches photos from this machine too."""
    settings = Settings(
        _env_file=None, database_url=catalog_url, home=home, allow_private_addresses=True
    )
    app = create_app(settings, encoders=reader.application.extensions["lookalike"].encoders)
    yield app.test_client()
    app.extensions["database"].close()


def test_a_photo_at_an_address(
    trusting: FlaskClient, product: Product, photo_server: PhotoServer
) -> None:
    address = f"{photo_server.url}/images/{product[0]}.jpg"
    page = send(trusting, None, address=f" {address} ")
    assert page.items[0] == product[0]
    assert page.all("input", name="address", value=address)
    (photo_server.folder / "page.html").write_text("<!doctype html><p>no photo", encoding="utf-8")
    photo_server.endless = {"/endless.jpg"}
    photo_server.statuses = {"/gone.jpg": 404}
    for path, words in (
        ("/page.html", "the address gives a web page, not a photo"),
        ("/endless.jpg", "the file has more than the 20,000,000 bytes allowed"),
        ("/gone.jpg", "127.0.0.1 answers 404"),
    ):
        page = send(trusting, None, 422, address=photo_server.url + path)
        assert "This photo can't be used: " in page.words
        assert words in page.words
    both = send(trusting, product[1], 422, address=address)
    assert "Choose one photo, not several." in both.words


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("http://127.0.0.1/a.jpg", "leads to a private or local network"),
        ("http://169.254.169.254/latest", "leads to a private or local network"),
        ("http://[::1]:5432/", "leads to a private or local network"),
        ("http://0x7f.1/", "leads to a private or local network"),
        ("file:///etc/passwd", "not an http or https address"),
        ("s3://bucket/a.jpg", "not an http or https address"),
        ("photo.jpg", "not an http or https address"),
        (f"http://a.example/{'x' * 2000}", "address:"),
    ],
)
def test_addresses_that_are_refused(reader: FlaskClient, address: str, words: str) -> None:
    assert words in send(reader, None, 422, address=address).words


def test_addresses_are_fetched_a_few_at_a_time(
    reader: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_address, "_fetches", BoundedSemaphore(1))
    monkeypatch.setattr(by_address, "PATIENCE", 0.01)
    with by_address._fetches:
        page = send(reader, None, 422, address="http://a.example/a.jpg")
    assert "other photos are being fetched: try again in a moment" in page.words


def test_words_beside_the_photo(reader: FlaskClient, product: Product) -> None:
    """Nothing has learnt words here; tests/words has a catalog that has."""
    page = send(reader, product[1], 422, text="red")
    assert "text: " in page.words
    assert page.all("input", name="text", value="red")
    assert send(reader, product[1], text="").items == send(reader, product[1]).items


def test_each_result_leads_on_with_the_same_filters(reader: FlaskClient, product: Product) -> None:
    page = send(reader, product[1], gender="Women")
    for item_id in page.items:
        assert page.all("a", href=f"/items/{item_id}?gender=Women")
        assert page.all("a", **{"data-photo": f"/api/v1/items/{item_id}/image"})


def test_two_photos_at_once_are_one_too_many(reader: FlaskClient, product: Product) -> None:
    form = {"image": [upload(product[1]), upload(product[1])]}
    page = page_of(reader.post("/search", data=form), 422)
    assert "Choose one photo, not several." in page.words


def test_a_form_of_another_kind_has_no_photo(reader: FlaskClient) -> None:
    for data in ({"image": "a text"}, "image=x", b"\xff\xd8"):
        assert "Choose a photo first" in page_of(reader.post("/search", data=data), 422).words


def test_a_photo_that_is_too_large_gets_a_sentence(reader: FlaskClient) -> None:
    response = reader.post(
        "/search",
        input_stream=io.BytesIO(),
        content_type="multipart/form-data; boundary=x",
        environ_overrides={"CONTENT_LENGTH": "60000000"},
    )
    page = page_of(response, 413)
    assert "This photo is larger than the 20 MB that this server takes." in page.words
    assert page.all("form", **{"data-most-megabytes": "20"})


def test_without_a_model_the_page_says_what_to_run(
    empty_url: str, home: Path, product: Product
) -> None:
    with client_of(empty_url, home) as client:
        assert "Nothing is embedded yet" in read(client, "/search").words
        assert "run lookalike embed" in send(client, product[1], 503).words


def test_an_unreachable_database_gets_a_page_too(
    reader: FlaskClient, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise psycopg.OperationalError("away")

    monkeypatch.setattr("app.http.search_page.similar_to_photo", away)
    response = reader.post("/search", data={"image": upload(product[1])})
    assert response.status_code == 503
    assert "try again in a moment" in Page(response.text).words


def test_pages_run_only_scripts_of_this_server(reader: FlaskClient) -> None:
    page = read(reader, "/search")
    assert [script["src"] for script in page.all("script")] == [
        "/static/suggest.js",
        "/static/tray.js",
        "/static/search.js",
    ]
    assert not [tag for tag, attributes in page.tags if "style" in attributes or tag == "style"]
    assert [script["src"] for script in read(reader, "/").all("script")] == [
        "/static/suggest.js",
        "/static/tray.js",
        "/static/browse.js",
    ]
    with reader.get("/static/search.js") as script:
        assert script.mimetype in ("text/javascript", "application/javascript")
