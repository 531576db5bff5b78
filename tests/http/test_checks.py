"""What every request is checked for: parameters, the body's type, ranges, names, sizes."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from app.settings import Settings
from tests.http.conftest import Product, refusal

RECOMMENDATIONS = "/api/v1/recommendations"


@pytest.mark.parametrize(
    "path",
    ["/healthz", "/readyz", "/api/v1/stats", "/api/v1/models", "/api/v1/duplicates",
     "/api/v1/items", "/api/v1/items/{}", "/api/v1/items/{}/image", "/api/v1/items/{}/similar",
     "/api/v1/suggestions"],
)  # fmt: skip
def test_an_unknown_parameter_is_refused_everywhere(
    reader: FlaskClient, product: Product, path: str
) -> None:
    given = {"q": "a"} if path.endswith("suggestions") else {}
    response = reader.get(path.format(product[0]), query_string={**given, "colour": "red"})
    assert refusal(response, 422)["parameters"] == ["colour"]


def test_nor_does_one_pass_beside_a_body(reader: FlaskClient, product: Product) -> None:
    body = {"positive": [product[0]]}
    assert refusal(reader.post(f"{RECOMMENDATIONS}?top_n=3", json=body), 422)["parameters"] == [
        "top_n"
    ]
    assert reader.post(RECOMMENDATIONS, json=body).status_code == 200


@pytest.mark.parametrize("question", ["items/{}/similar?top_n=2&top_n=3", "items?limit=1&limit=2"])
def test_a_parameter_given_twice_is_refused(
    reader: FlaskClient, product: Product, question: str
) -> None:
    refusal(reader.get(f"/api/v1/{question.format(product[0])}"), 422)


@pytest.mark.parametrize("question", ["items", "models", "duplicates", "search?q=red"])
def test_an_empty_cursor_is_refused(reader: FlaskClient, question: str) -> None:
    mark = "&" if "?" in question else "?"
    response = reader.get(f"/api/v1/{question}{mark}cursor=")
    assert refusal(response, 422)["parameters"] == ["cursor"]


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", None])
def test_what_any_web_page_may_post_is_no_json(
    reader: FlaskClient, product: Product, content_type: str | None
) -> None:
    data = json.dumps({"positive": [product[0]]})
    response = reader.post(RECOMMENDATIONS, data=data, content_type=content_type)
    problem = refusal(response, 415)
    assert "application/json or multipart/form-data" in problem["detail"]
    assert response.headers["Accept-Post"] == "application/json, multipart/form-data"


def test_ranges_of_a_photo(reader: FlaskClient, product: Product) -> None:
    item, photo = product
    path = f"/api/v1/items/{item}/image"
    part = reader.get(path, buffered=True, headers={"Range": "bytes=0-9"})
    assert (part.status_code, part.data) == (206, photo[:10])
    beyond = reader.get(path, buffered=True, headers={"Range": f"bytes={len(photo)}-"})
    refusal(beyond, 416)
    assert beyond.headers["Content-Range"] == f"bytes */{len(photo)}"
    for unknown in ("parrots=0-9", "nonsense"):
        whole = reader.get(path, buffered=True, headers={"Range": unknown})
        assert (whole.status_code, whole.data) == (200, photo)


LONG: dict[str, dict[str, Any]] = {
    "unknown names": {f"name{number}": 1 for number in range(50_000)},
    "a long name": {"name" * 200_000: 1},
    "a long value": {"positive": ["a" * 900_000]},
    "a long list": {"positive": [{"weight": "a"}] * 50_000},
    "a long filter": {"positive": [1], "filters": {"a" * 900_000: 1}},
}


@pytest.mark.parametrize("what", LONG)
def test_a_problem_is_short_however_long_the_request(reader: FlaskClient, what: str) -> None:
    response = reader.post(RECOMMENDATIONS, json=LONG[what])
    refusal(response, 422)
    assert len(response.data) < 3000


def test_a_server_on_loopback_answers_by_local_names_alone(reader: FlaskClient) -> None:
    for name in ("localhost", "127.0.0.1:8000", "[::1]:8000"):
        assert reader.get("/healthz", headers={"Host": name}).status_code == 200
    for path in ("/healthz", "/"):
        response = reader.get(path, headers={"Host": "rebound.example"})
        assert "LOOKALIKE_HOSTS" in refusal(response, 400)["detail"]


@pytest.mark.parametrize(
    ("listening_on", "settings", "expected"),
    [
        ("127.0.0.1", {}, ["localhost", "127.0.0.1", "[::1]", "127.0.0.1"]),
        ("127.0.0.1", {"trusted_proxies": 1}, None),
        ("0.0.0.0", {}, None),  # noqa: S104
        ("0.0.0.0", {"hosts": "shop.example, .shop.example"}, ["shop.example", ".shop.example"]),  # noqa: S104
    ],
)
def test_names_of_a_server(
    listening_on: str, settings: dict[str, Any], expected: list[str] | None
) -> None:
    assert Settings(_env_file=None, **settings).host_names(listening_on) == expected
