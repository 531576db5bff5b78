"""A product's thumbnails over HTTP."""

import hashlib
import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from app.http import create_app
from app.settings import Settings
from tests.conftest import clone
from tests.http.conftest import Product, encoded, refusal
from tests.http.html import read
from tests.support.photo_server import PhotoServer

BROWSER = {"Accept": "image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"}


@pytest.fixture
def catalog(sample_catalog: Path, tmp_path: Path) -> Path:
    """A copy of the catalog's photos, which a test may change."""
    shutil.copytree(sample_catalog / "images", tmp_path / "catalog" / "images")
    return tmp_path / "catalog"


@pytest.fixture
def shop(catalog_url: str, tmp_path: Path, catalog: Path) -> Iterator[FlaskClient]:
    """A client of an application with a home of its own."""
    yield from client_with(catalog_url, tmp_path / "home", str(catalog))


def client_with(url: str, home: Path, images: str) -> Iterator[FlaskClient]:
    app = create_app(Settings(_env_file=None, database_url=url, home=home, images=images))
    yield app.test_client()
    app.extensions["database"].close()


def opened(response: TestResponse) -> Image.Image:
    assert response.status_code == 200, response.text
    return Image.open(io.BytesIO(response.data))


def kept(home: Path) -> int:
    return sum(path.is_file() for path in (home / "thumbnails").rglob("*"))


def test_who_accepts_webp_gets_it_and_others_jpeg(
    shop: FlaskClient, product: Product, tmp_path: Path
) -> None:
    path = f"/api/v1/items/{product[0]}/image?width=120"
    for headers, kind in ((BROWSER, "webp"), ({}, "jpeg"), ({"Accept": "*/*"}, "jpeg"),
                          ({"Accept": "image/webp;q=0"}, "jpeg")):  # fmt: skip
        response = shop.get(path, headers=headers)
        assert opened(response).format == kind.upper()
        assert opened(response).width == 120
        assert response.content_type == f"image/{kind}"
        assert response.vary.as_set() == {"accept"}
    assert kept(tmp_path / "home") == 2


def test_browsers_keep_an_address_with_the_version_for_ever(
    shop: FlaskClient, product: Product
) -> None:
    item_id, photo = product
    sha256 = hashlib.sha256(photo).hexdigest()
    for query, immutable in (
        (f"width=240&v={sha256[:16]}", True), (f"v={sha256}", True),
        ("width=240", False), (f"width=240&v={sha256[:3]}", False),
        (f"width=240&v={'0' * 16}", False), ("v=", False),
    ):  # fmt: skip
        control = shop.get(f"/api/v1/items/{item_id}/image?{query}", buffered=True).cache_control
        assert control.public
        assert bool(control.immutable) == immutable, query
        assert control.max_age == (31_536_000 if immutable else 3600)


def test_an_unchanged_photo_is_not_sent_again(shop: FlaskClient, product: Product) -> None:
    for query in ("", "?width=240", "?width=480"):
        path = f"/api/v1/items/{product[0]}/image{query}"
        first = shop.get(path, headers=BROWSER, buffered=True)
        etag = first.headers["ETag"]
        assert etag.startswith('"'), "a strong one"
        again = shop.get(path, headers={**BROWSER, "If-None-Match": etag}, buffered=True)
        assert (again.status_code, again.data) == (304, b"")
        assert again.headers["Cache-Control"] == first.headers["Cache-Control"]
        assert again.vary == first.vary
        if query:
            jpeg = shop.get(path, headers={"If-None-Match": etag})
            assert jpeg.status_code == 200, "another format is another file"


def test_a_part_of_a_file_can_be_asked_for(shop: FlaskClient, product: Product) -> None:
    item_id, photo = product
    whole = shop.get(f"/api/v1/items/{item_id}/image?width=240").data
    for query, data in (("", photo), ("?width=240", whole)):
        path = f"/api/v1/items/{item_id}/image{query}"
        part = shop.get(path, headers={"Range": "bytes=10-19"}, buffered=True)
        assert (part.status_code, part.data) == (206, data[10:20])
        assert part.headers["Content-Range"] == f"bytes 10-19/{len(data)}"


@pytest.mark.parametrize("query", ["width=100", "width=0", "width=240.5", "width=big", "size=2"])
def test_other_widths_are_refused(shop: FlaskClient, product: Product, query: str) -> None:
    body = refusal(shop.get(f"/api/v1/items/{product[0]}/image?{query}"), 422)
    assert body["parameters"] == [query.partition("=")[0]]
    if query.startswith("width"):
        assert "120, 240, 480, 960 or 1920" in body["detail"]


def test_a_changed_file_is_never_shown_as_the_old_version(
    shop: FlaskClient, product: Product, catalog: Path
) -> None:
    item_id, photo = product
    versioned = f"/api/v1/items/{item_id}/image?width=240&v={hashlib.sha256(photo).hexdigest()}"
    (catalog / "images" / f"{item_id}.jpg").write_bytes(
        encoded(Image.new("RGB", (300, 300), (0, 200, 0)), "JPEG")
    )
    response = shop.get(versioned)
    red, green, _ = opened(response).convert("RGB").getpixel((100, 100))  # type: ignore[misc]
    assert green > red + 100
    assert not response.cache_control.immutable
    (catalog / "images" / f"{item_id}.jpg").write_bytes(photo)
    response = shop.get(versioned)
    assert response.cache_control.immutable
    assert opened(response).size == (224, 224)


def test_a_photo_that_cannot_be_shown_is_a_problem(
    shop: FlaskClient, product: Product, catalog: Path
) -> None:
    path = f"/api/v1/items/{product[0]}/image?width=240"
    file = catalog / "images" / f"{product[0]}.jpg"
    file.write_bytes(product[1][:3000])
    assert "can't be shown: can't be decoded" in refusal(shop.get(path), 404)["detail"]
    file.write_bytes(b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>")
    assert "not an image in a known format" in refusal(shop.get(path), 404)["detail"]
    original = path.partition("?")[0]
    assert shop.get(original).status_code == 404
    file.write_bytes(product[1])
    policy = shop.get(original, buffered=True).headers["Content-Security-Policy"]
    assert policy == "default-src 'none'; sandbox"
    file.write_bytes(product[1] + b"another file")
    file.unlink()
    assert "is not in the storage" in refusal(shop.get(path), 404)["detail"]


def test_a_distant_photo_is_fetched_once(
    catalog_url: str, tmp_path: Path, photo_server: PhotoServer, product: Product
) -> None:
    for client in client_with(catalog_url, tmp_path / "home", photo_server.url):
        path = f"/api/v1/items/{product[0]}/image?width=240"
        first = client.get(path, headers=BROWSER)
        assert opened(first).format == "WEBP"
        photo_server.stop()
        assert client.get(path, headers=BROWSER).data == first.data


def test_an_address_that_a_feed_wrote_is_no_place_to_send_visitors(
    catalog_url: str, tmp_path: Path, photo_server: PhotoServer, product: Product
) -> None:
    address = f"{photo_server.url}/images/{product[0]}.jpg"
    with psycopg.connect(catalog_url) as connection:
        connection.execute(
            "UPDATE photos SET reference = %s WHERE item_id = %s", [address, product[0]]
        )
    for client in client_with(catalog_url, tmp_path / "home", str(tmp_path)):
        for query in ("", "?width=240"):
            response = client.get(f"/api/v1/items/{product[0]}/image{query}")
            assert "Location" not in response.headers
            # An address of a private network, which only the operator may allow.
            assert "private or local network" in refusal(response, 503)["detail"]


def test_pages_show_thumbnails_alone(reader: FlaskClient, product: Product) -> None:
    version = hashlib.sha256(product[1]).hexdigest()[:16]
    for url, widths in (("/", [240, 480]), (f"/items/{product[0]}", [480, 960])):
        images = [tag for tag in read(reader, url).all("img") if "/api/" in str(tag["src"])]
        shown = next(tag for tag in images if f"/{product[0]}/" in str(tag["src"]))
        base = f"/api/v1/items/{product[0]}/image?width="
        assert shown["srcset"] == ", ".join(f"{base}{w}&v={version} {w}w" for w in widths)
        assert shown["sizes"]
        for tag in images:
            assert "width=" in str(tag["src"])
            assert "&v=" in str(tag["src"])
            assert reader.get(str(tag["src"])).cache_control.immutable


@pytest.mark.parametrize("kind", ["HEIC", "CMYK"])
def test_what_browsers_cannot_show_they_get_as_something_else(
    server: str, catalog_template: str, tmp_path: Path, catalog: Path, product: Product, kind: str
) -> None:
    import pillow_heif

    file = catalog / "images" / f"{product[0]}.jpg"
    picture = Image.open(io.BytesIO(product[1]))
    if kind == "HEIC":
        pillow_heif.from_pillow(picture).save(file, format="HEIF", quality=90)
    else:
        file.write_bytes(encoded(picture.convert("CMYK"), "TIFF"))
    with clone(server, catalog_template) as url:
        for client in client_with(url, tmp_path / "home", str(catalog)):
            path = f"/api/v1/items/{product[0]}/image?width=240"
            assert opened(client.get(path, headers=BROWSER)).mode == "RGB"
            assert opened(client.get(path)).format == "JPEG"
