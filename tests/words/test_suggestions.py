"""Suggestions as one types, over HTTP."""

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.http.conftest import refusal

PATH = "/api/v1/suggestions"


def suggested(client: FlaskClient, q: str, **asked: Any) -> list[tuple[str, str]]:
    response = client.get(PATH, query_string={"q": q, **asked})
    assert response.status_code == 200, response.text
    return [(each["text"], each["kind"]) for each in response.get_json()["suggestions"]]


def test_values_come_before_names(shopper: FlaskClient) -> None:
    first, *names = suggested(shopper, "red")
    assert first == ("red", "base_colour")
    assert sorted(names) == [
        (f"red {kind}", "name") for kind in ("dress", "handbag", "sandal", "shirt", "watch")
    ]
    assert ("Northpeak", "brand_name") in suggested(shopper, "NORTH")


def test_any_word_of_a_value_may_be_typed(shopper: FlaskClient) -> None:
    assert suggested(shopper, "blu")[0] == ("navy blue", "base_colour")


def test_the_last_word_is_completed(shopper: FlaskClient) -> None:
    found = suggested(shopper, "cheap  dre")
    assert found == [("cheap dress", "article_type")]


def test_as_many_as_asked_for(shopper: FlaskClient) -> None:
    assert suggested(shopper, "red", limit=3) == suggested(shopper, "red")[:3]


@pytest.mark.parametrize("q", ["%", "_", "\\", "%red", "nothing like it", "'; DROP TABLE items"])
def test_nothing_is_a_wildcard(shopper: FlaskClient, q: str) -> None:
    assert suggested(shopper, q) == []


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ("q=", "q: expected words"),
        ("", "q"),
        ("q=a&limit=0", "limit"),
        ("q=a&colour=red", "colour"),
    ],
)
def test_a_bad_question_is_named(shopper: FlaskClient, asked: str, reason: str) -> None:
    assert reason in refusal(shopper.get(f"{PATH}?{asked}"), 422)["detail"]
