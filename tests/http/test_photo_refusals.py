"""What is no photo, and what is no question about one: refused with a reason."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from flask.testing import FlaskClient
from PIL import Image

from tests.conftest import client_of
from tests.http.conftest import Product, ask, encoded, refusal, upload

pytestmark = pytest.mark.slow


def chunk(kind: bytes, content: bytes) -> bytes:
    checksum = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + checksum


def giant_png() -> bytes:
    """A file of some bytes that claims 60,000 × 60,000 pixels."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 1000))


NO_PHOTOS: dict[str, tuple[bytes, int, str]] = {
    "text": (b"this is no photo", 415, "not an image"),
    "SVG": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "not an image"),
    "zip": (b"PK\x03\x04" + bytes(100), 415, "not an image"),
    "PDF": (b"%PDF-1.7\n" + bytes(100), 415, "not an image"),
    "empty": (b"", 422, "the file is empty"),
    "bomb": (giant_png(), 422, "60000 x 60000 pixels are more than the 50,000,000 allowed"),
    "cut in its header": (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00", 422, "unreadable image header"),
}


@pytest.mark.parametrize("what", NO_PHOTOS)
def test_what_is_no_photo_is_refused_with_a_reason(reader: FlaskClient, what: str) -> None:
    data, status, reason = NO_PHOTOS[what]
    problem = refusal(ask(reader, data), status)
    assert problem["parameters"] == ["image"]
    assert reason in problem["detail"]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_truncated_photo_is_refused_with_a_reason(reader: FlaskClient, kind: str) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (300, 300, 3), dtype=np.uint8)
    data = encoded(Image.fromarray(noise), kind)
    for size in (60, len(data) // 2, len(data) * 9 // 10):
        problem = refusal(ask(reader, data[:size]), 422)
        assert problem["parameters"] == ["image"]
        assert len(problem["detail"]) > len("image: ")


def test_a_missing_photo_is_named(reader: FlaskClient, product: Product) -> None:
    _, photo = product
    cases: list[dict[str, Any]] = [
        {"data": {"top_n": "3"}, "content_type": "multipart/form-data"},
        {"data": {"image": "a text"}, "content_type": "multipart/form-data"},
        {"data": {"image": upload(b"", "")}},
        {"data": {"image": [upload(photo), upload(photo)]}},
    ]
    for case in cases:
        problem = refusal(reader.post("/api/v1/similar", **case), 422)
        assert problem["parameters"] == ["image"]
    no_forms: list[dict[str, Any]] = [
        {"data": photo, "content_type": "image/jpeg"},
        {"data": b"image=1", "content_type": "application/x-www-form-urlencoded"},
        {"json": {"image": "a text"}},
        {},
    ]
    for case in no_forms:
        detail = refusal(reader.post("/api/v1/similar", **case), 415)["detail"]
        assert detail.startswith("this takes multipart/form-data, ")


@pytest.mark.parametrize(
    "question", ["top_n=0", "top_n=many", "min_similarity=2", "colour=Red", "gender=%00"]
)
def test_a_bad_parameter_is_named(reader: FlaskClient, product: Product, question: str) -> None:
    name, _, value = question.partition("=")
    value = value.replace("%00", "\0")
    in_form = ask(reader, product[1], **{name: value})
    in_url = reader.post(
        "/api/v1/similar", query_string={name: value}, data={"image": upload(product[1])}
    )
    for response in (in_form, in_url):
        problem = refusal(response, 422)
        assert [part.partition(".")[0] for part in problem["parameters"]] == [name]
    assert refusal(ask(reader, product[1], top_n=["1", "2"]), 422)["parameters"] == ["top_n"]
    second_file = {"image": upload(product[1]), "photo": upload(product[1])}
    refused = reader.post("/api/v1/similar", data=second_file)
    assert refusal(refused, 422)["parameters"] == ["photo"]


def test_a_large_upload_is_refused_by_its_length(reader: FlaskClient) -> None:
    response = reader.post(
        "/api/v1/similar",
        input_stream=io.BytesIO(),
        content_type="multipart/form-data; boundary=x",
        environ_overrides={"CONTENT_LENGTH": "20000001"},
    )
    assert "20 MB" in refusal(response, 413)["detail"]


def test_without_a_model_there_is_no_answer(empty_url: str, home: Path, product: Product) -> None:
    with client_of(empty_url, home) as client:
        problem = refusal(ask(client, product[1]), 503)
    assert "run `lookalike embed`" in problem["detail"]


def test_missing_weights_are_named(
    client: FlaskClient, catalog_url: str, home: Path, product: Product
) -> None:
    with psycopg.connect(catalog_url) as connection:
        connection.execute("UPDATE embedding_models SET weights_sha256 = %s", ["ab" * 32])
    detail = refusal(ask(client, product[1]), 503)["detail"]
    assert "ab" * 32 in detail
    assert str(home / "weights") in detail
    assert client.get(f"/api/v1/items/{product[0]}/similar").status_code == 200
