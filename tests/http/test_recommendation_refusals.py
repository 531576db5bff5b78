"""Questions for recommendations that can't be answered: each is told what is wrong."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.http.conftest import refusal, upload

PATH = "/api/v1/recommendations"
JSON = "application/json"


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({}, "positive"),
        ({"positive": []}, "positive"),
        ({"positive": [], "negative": [10]}, "positive"),
        ({"positive": [99], "negative": [98]}, "positive"),
        ({"positive": 5}, "positive"),
        ({"positive": ["no such sku"]}, "positive"),
        ({"positive": [""]}, "positive.0.sku"),
        ({"positive": ["x" * 201]}, "positive.0.sku"),
        ({"positive": ["\0"]}, "positive.0.sku"),
        ({"positive": [5.5]}, "positive.0.item_id"),
        ({"positive": [None]}, "positive.0.item_id"),
        ({"positive": [{"sku": 5}]}, "positive.0.sku"),
        ({"positive": [{"item_id": "5"}]}, "positive.0.item_id"),
        ({"positive": [True]}, "positive.0.item_id"),
        ({"positive": [0]}, "positive.0.item_id"),
        ({"positive": [2**63]}, "positive.0.item_id"),
        ({"positive": [{"weight": 2}]}, "positive.0"),
        ({"positive": [{"sku": "5", "item_id": 5}]}, "positive.0"),
        ({"positive": [{"item_id": 5, "weight": 0}]}, "positive.0.weight"),
        ({"positive": [{"item_id": 5, "weight": -1}]}, "positive.0.weight"),
        ({"positive": [{"item_id": 5, "weight": "2"}]}, "positive.0.weight"),
        ({"positive": [{"item_id": 5, "weight": float("nan")}]}, "positive.0.weight"),
        ({"positive": [{"item_id": 5, "weight": float("inf")}]}, "positive.0.weight"),
        ({"positive": [{"item_id": 5, "wieght": 1}]}, "positive.0.wieght"),
        ({"positive": [5], "negative": [[]]}, "negative.0.item_id"),
        ({"positive": [*range(1, 102)]}, "positive"),
        ({"positive": [5], "negative": [*range(1, 102)]}, "negative"),
        ({"positive": [5], "top_n": 0}, "top_n"),
        ({"positive": [5], "filters": {"colour": "Red"}}, "filters.colour"),
        ({"positive": [5], "filters": {"year_min": "soon"}}, "filters.year_min"),
        ({"positive": [5], "gender": "Men"}, "gender"),
        ({"positive": [5], "limit": 5}, "limit"),
        ([5], "body"),
        ("5", "body"),
        (None, "body"),
    ],
)
def test_a_bad_question_is_named(reader: FlaskClient, asked: Any, name: str) -> None:
    problem = refusal(reader.post(PATH, data=json.dumps(asked), content_type=JSON), 422)
    assert problem["parameters"] == [name]
    assert name in problem["detail"]


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"positive": [1,]}'])
def test_what_is_no_json_is_told(reader: FlaskClient, text: bytes) -> None:
    problem = refusal(reader.post(PATH, data=text, content_type=JSON), 422)
    assert "expected JSON" in problem["detail"]


def test_a_long_text_is_refused(reader: FlaskClient) -> None:
    question = json.dumps({"positive": [5], "note": "x" * 1_000_000})
    response = reader.post(PATH, data=question, content_type=JSON)
    assert "1 MB" in refusal(response, 413)["detail"]
    form = f'--x\r\nContent-Disposition: form-data; name="request"\r\n\r\n{question}\r\n--x--\r\n'
    kind = "multipart/form-data; boundary=x"
    refusal(reader.post(PATH, data=form, content_type=kind), 413)


@pytest.mark.slow
def test_bad_photos_and_forms_are_named(reader: FlaskClient, product: tuple[int, bytes]) -> None:
    _, photo = product
    half = {"positive_image": upload(photo), "negative_image": upload(photo[:99])}
    cases: list[tuple[dict[str, Any], int, str]] = [
        ({"positive_image": upload(b"text")}, 415, "positive_image"),
        (half, 422, "negative_image"),
        ({"negative_image": upload(photo)}, 422, "positive"),
        ({"positive_image": "text"}, 422, "positive_image.0"),
        ({"positive_image": [upload(photo) for _ in range(11)]}, 422, "positive_image"),
        ({"image": upload(photo)}, 422, "image"),
        ({"positive_image": upload(photo), "request": "{"}, 422, "request"),
        ({"positive_image": upload(photo), "request": '{"top_n": 0}'}, 422, "top_n"),
    ]  # fmt: skip
    for form, status, name in cases:
        response = reader.post(PATH, data=form, content_type="multipart/form-data")
        assert refusal(response, status)["parameters"] == [name]
