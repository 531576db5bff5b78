"""Uploads, and an application that tests which change nothing can share."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from tests.conftest import client_of, clone

Product = tuple[int, bytes]
"""A product's id, and its photo."""


@pytest.fixture(scope="session")
def reader_url(server: str, catalog_template: str) -> Iterator[str]:
    """URI of a database with the sample catalog, for tests that change nothing."""
    with clone(server, catalog_template) as url:
        yield url


@pytest.fixture(scope="session")
def reader(reader_url: str, home: Path) -> Iterator[FlaskClient]:
    """A client of one application over `reader_url`, its encoder loaded once."""
    with client_of(reader_url, home) as found:
        yield found


@pytest.fixture(scope="session")
def product(reader: FlaskClient, sample_catalog: Path) -> Product:
    """A product of the sample catalog that has a vector, and its photo."""
    item_id = next(
        item["item_id"]
        for item in reader.get("/api/v1/items").get_json()["items"]
        if item["image_url"]
    )
    return item_id, (sample_catalog / "images" / f"{item_id}.jpg").read_bytes()


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    """The bytes of a file of that kind."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def upload(data: bytes, name: str = "photo.jpg") -> tuple[io.BytesIO, str]:
    """A file as a form's field."""
    return io.BytesIO(data), name


def ask(client: FlaskClient, photo: bytes | None, **parameters: Any) -> TestResponse:
    """Ask for what is similar to a photo, the parameters as the form's fields."""
    fields = dict(parameters)
    if photo is not None:
        fields["image"] = upload(photo)
    return client.post("/api/v1/similar", data=fields, content_type="multipart/form-data")


def ids(body: dict[str, Any]) -> list[int]:
    """The products that an answer holds, in its order."""
    return [result["item_id"] for result in body["results"]]


def refusal(response: TestResponse, status: int) -> dict[str, Any]:
    """The problem that a request was answered with."""
    assert response.status_code == status, response.text
    assert response.content_type == "application/problem+json"
    body = response.get_json()
    assert body["status"] == status
    return dict(body)
