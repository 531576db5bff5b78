"""A product's photo over HTTP, from a storage that is reached by a URL itself."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.http import create_app
from app.settings import Settings
from tests.http.conftest import refusal
from tests.support.photo_server import PhotoServer, in_memory


@pytest.fixture
def distant(catalog_url: str, home: Path, photo_server: PhotoServer) -> Iterator[FlaskClient]:
    """A client of an application whose photos are on that photo_server."""
    yield from client_with(catalog_url, home, photo_server.url)


def client_with(url: str, home: Path, images: str) -> Iterator[FlaskClient]:
    app = create_app(Settings(_env_file=None, database_url=url, home=home, images=images))
    yield app.test_client()
    app.extensions["database"].close()


def test_the_photo_is_handed_on(distant: FlaskClient, product: tuple[int, bytes]) -> None:
    item_id, photo = product
    path = f"/api/v1/items/{item_id}/image"
    answer = distant.get(path)
    assert (answer.status_code, answer.data) == (200, photo)
    assert answer.content_type == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.cache_control.max_age == 3600
    assert distant.get(path, headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_failures_are_problems(
    distant: FlaskClient, product: tuple[int, bytes], photo_server: PhotoServer
) -> None:
    path = f"/api/v1/items/{product[0]}/image"

    def detail(status: int) -> Any:
        return refusal(distant.get(path), status)["detail"]

    file = f"/images/{product[0]}.jpg"
    photo_server.statuses = {file: 404}
    assert detail(404) == f"the photo of product {product[0]} is not in the storage of the photos"
    photo_server.statuses = {file: 403}
    assert f"the photo of product {product[0]} can't be read: 127.0.0.1 answers 403" in detail(503)
    photo_server.statuses = {file: 500}
    assert "answers 500" in detail(503)
    photo_server.statuses = {}
    photo_server.stop()
    assert f"the photos at {photo_server.url} can't be reached" in detail(503)
    photo_server.start()
    assert distant.get(path).status_code == 200


def test_photos_in_memory(
    catalog_url: str, home: Path, sample_catalog: Path, product: tuple[int, bytes]
) -> None:
    with in_memory(sample_catalog, "http") as url:
        for client in client_with(catalog_url, home, url):
            answer = client.get(f"/api/v1/items/{product[0]}/image")
            assert (answer.status_code, answer.data) == (200, product[1])


def test_a_missing_package_is_told(
    catalog_url: str, home: Path, product: tuple[int, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    for client in client_with(catalog_url, home, "s3://bucket"):
        answer = client.get(f"/api/v1/items/{product[0]}/image")
        assert "pip install 'lookalike[s3]'" in refusal(answer, 503)["detail"]
