"""Similar items of many products in one request."""

from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from tests.http.conftest import refusal
from tests.support.products import store_product

PATH = "/api/v1/similar/batch"


def some_ids(client: FlaskClient, count: int) -> list[int]:
    page = client.get(f"/api/v1/items?limit={count}").get_json()
    return [item["item_id"] for item in page["items"] if item["image_url"]]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"top_n": 3, "filters": {"gender": ["Men"]}},
        {"top_n": 100, "min_similarity": 0.5},
        {"photos": "all"},
        {"top_n": 4, "exclude_duplicates": True, "diversity": 0.3, "max_per": ["gender:2"]},
    ],
)
def test_each_answer_is_that_of_the_product_alone(
    reader: FlaskClient, options: dict[str, Any]
) -> None:
    items = [*some_ids(reader, 12)[::-1], *map(str, some_ids(reader, 3))]
    answers = reader.post(PATH, json={"items": items, **options}).get_json()["answers"]
    assert [answer["item"] for answer in answers] == items
    parameters = {name: value for name, value in options.items() if name != "filters"}
    parameters |= options.get("filters", {})
    for answer in answers:
        alone = reader.get(f"/api/v1/items/{answer['item']}/similar", query_string=parameters)
        assert answer["problem"] is None
        assert answer["similar"] == alone.get_json()


def test_explanations_come_where_they_are_asked_for(reader: FlaskClient) -> None:
    body = reader.post(PATH, json={"items": some_ids(reader, 3), "explain": True}).get_json()
    assert all(answer["similar"]["explain"]["candidates"] for answer in body["answers"])


def test_a_product_that_cant_be_searched_for_spoils_no_other(
    client: FlaskClient, catalog_url: str
) -> None:
    known, removed, *_ = some_ids(client, 10)
    with psycopg.connect(catalog_url) as connection:
        connection.execute("UPDATE items SET removed_at = now() WHERE item_id = %s", [removed])
        bare = store_product(connection, "bare")
        store_product(connection, "new", ["new.jpg"])
    items = [removed, known, "no such", bare, "new", known]
    answers = client.post(PATH, json={"items": items}).get_json()["answers"]
    problems = [answer["problem"] and answer["problem"]["status"] for answer in answers]
    assert problems == [404, None, 404, 409, 409, None]
    for answer in answers:
        alone = client.get(f"/api/v1/items/{answer['item']}/similar")
        if answer["problem"] is None:
            assert answer["similar"] == alone.get_json()
        else:
            assert answer["similar"] is None
            assert alone.status_code == answer["problem"]["status"]
            assert alone.get_json()["detail"] == answer["problem"]["detail"]


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({}, "items"),
        ({"items": []}, "items"),
        ({"items": 5}, "items"),
        ({"items": [*range(1, 102)]}, "items"),
        ({"items": [5, True]}, "items.1"),
        ({"items": [5.5]}, "items.0"),
        ({"items": [None]}, "items.0"),
        ({"items": [0]}, "items.0"),
        ({"items": [2**63]}, "items.0"),
        ({"items": [""]}, "items.0"),
        ({"items": ["\0"]}, "items.0"),
        ({"items": ["x" * 201]}, "items.0"),
        ({"items": [{"sku": "5"}]}, "items.0"),
        ({"items": [5], "top_n": 101}, "top_n"),
        ({"items": [5], "top_n": 0}, "top_n"),
        ({"items": [5], "photos": "none"}, "photos"),
        ({"items": [5], "filters": {"colour": "Red"}}, "filters.colour"),
        ({"items": [5], "gender": "Men"}, "gender"),
        ({"items": [5], "limit": 5}, "limit"),
        ([5], "body"),
    ],
)
def test_a_bad_request_is_named(reader: FlaskClient, asked: Any, name: str) -> None:
    problem = refusal(reader.post(PATH, json=asked), 422)
    assert problem["parameters"] == [name]
    assert name in problem["detail"]


def test_without_a_model_nothing_is_answered(client: FlaskClient, catalog_url: str) -> None:
    (known, *_) = some_ids(client, 5)
    with psycopg.connect(catalog_url) as connection:
        connection.execute("UPDATE embedding_models SET active = false")
    assert "lookalike embed" in refusal(client.post(PATH, json={"items": [known]}), 503)["detail"]
