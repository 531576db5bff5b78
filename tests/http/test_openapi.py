"""The OpenAPI document: valid, and fit for generating clients from it."""

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator


@pytest.fixture
def document(reader: FlaskClient) -> dict[str, Any]:
    return dict(reader.get("/openapi.json").get_json())


def test_it_is_valid(document: dict[str, Any]) -> None:
    assert [str(error) for error in OpenAPIV31SpecValidator(document).iter_errors()] == []


def test_operations_have_names(document: dict[str, Any]) -> None:
    names = [
        operation["operationId"]
        for path in document["paths"].values()
        for operation in path.values()
    ]
    assert len(names) == len(set(names))
    assert all(re.fullmatch("[a-z]+(_[a-z]+)*", name) for name in names)
    assert {"similar_items", "similar_batch", "recommend", "list_items"} < set(names)


def test_no_parameter_of_a_url_is_null(document: dict[str, Any]) -> None:
    for path in document["paths"].values():
        for operation in path.values():
            for parameter in operation["parameters"]:
                assert "null" not in str(parameter["schema"]), parameter


def test_it_says_what_the_server_checks(document: dict[str, Any]) -> None:
    asked = document["components"]["schemas"]["RecommendationRequest"]
    assert asked["required"] == ["positive"]
    assert asked["properties"]["positive"]["minItems"] == 1
    cap = re.compile(asked["properties"]["max_per"]["items"]["pattern"])
    assert cap.search("article_type:2")
    assert not cap.search("article_type")
    assert not cap.search("item_id:2")
    image = document["paths"]["/api/v1/items/{item}/image"]["get"]["responses"]["200"]["content"]
    assert {"image/jpeg", "image/png", "image/webp"} < set(image)


@pytest.mark.parametrize(
    ("path", "asked"),
    [("/api/v1/recommendations", "positive"), ("/api/v1/similar/batch", "items")],
)
def test_every_optional_filter_may_be_its_default(
    reader: FlaskClient,
    document: dict[str, Any],
    product: tuple[int, bytes],
    path: str,
    asked: str,
) -> None:
    filters = document["components"]["schemas"]["Filters"]["properties"]
    assert {"gender", "year_min", "available", "price_max", "brand_name"} < set(filters)
    defaults = {name: schema["default"] for name, schema in filters.items()}
    response = reader.post(path, json={asked: [product[0]], "filters": defaults})
    assert response.status_code == 200, response.text
    assert response.get_json() == reader.post(path, json={asked: [product[0]]}).get_json()
