"""The search by words over HTTP, on the pages and on the command line."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from flask.testing import FlaskClient

from tests.conftest import Cli, client_of
from tests.http.conftest import refusal
from tests.support.words import numbers

PATH = "/api/v1/search"


def skus(body: dict[str, Any]) -> list[str]:
    return [result["sku"] for result in body["results"]]


def answer(client: FlaskClient, **asked: Any) -> dict[str, Any]:
    response = client.get(PATH, query_string=asked)
    assert response.status_code == 200, response.text
    return dict(response.get_json())


def test_sql_http_and_the_command_line_agree(
    shopper: FlaskClient, shop: psycopg.Connection[Any], shop_url: str, cli: Cli
) -> None:
    body = answer(shopper, q="yellow handbag", top_n=12)
    rows = shop.execute("SELECT sku, search FROM search_items('yellow handbag', 12)").fetchall()
    assert [(found["sku"], found["found"]) for found in body["results"]] == rows
    done = cli(shop_url, "search", "yellow", "handbag", "--top-n", 12, "--json")
    assert done.returncode == 0, done.stderr
    printed = json.loads(done.stdout)
    assert printed["results"] == body["results"]
    table = cli(shop_url, "search", "yellow", "handbag", "--top-n", 1)
    assert table.stdout.splitlines()[0].split("  ")[0] == "sku"
    assert skus(body)[0] in table.stdout
    assert table.stderr == ""


def test_an_answer_says_what_found_each_product(shopper: FlaskClient) -> None:
    body = answer(shopper, q="red dress", top_n=9)
    assert body["query"] == {"q": "red dress", "top_n": 9, "filters": {}}
    assert (body["model"], body["by_look"], body["returned"]) == ("made_up", True, 9)
    first, last = body["results"][0], body["results"][8]
    assert (first["found"], first["text_rank"], first["look_rank"]) == ("both", 1, 1)
    assert (last["found"], last["text_rank"], last["look_rank"]) == ("look", None, 9)
    assert first["similarity"] == pytest.approx(1 - first["distance"])
    assert first["image_url"].endswith("/image")
    assert "explain" not in body


def test_pages_are_the_whole_list_in_parts(shopper: FlaskClient) -> None:
    whole = skus(answer(shopper, q="green", top_n=1000))
    assert len(whole) == len(set(whole)) == 160
    parts, cursor = [], None
    while True:
        page = answer(shopper, q="green", top_n=33, **({"cursor": cursor} if cursor else {}))
        parts += skus(page)
        cursor = page["next_cursor"]
        if cursor is None:
            break
    assert parts == whole


def test_a_cursor_of_another_text_is_refused(shopper: FlaskClient) -> None:
    cursor = answer(shopper, q="green", top_n=5)["next_cursor"]
    for asked in ({"q": "red", "cursor": cursor}, {"q": "red", "cursor": "!"}):
        problem = refusal(shopper.get(PATH, query_string=asked), 422)
        assert problem["parameters"] == ["cursor"]


def test_as_many_as_match_a_filter_come_back(shopper: FlaskClient) -> None:
    body = answer(shopper, q="red dress", top_n=100, article_type="watch", brand_name="Velmora")
    assert body["returned"] == 16
    assert {kind for _, kind in numbers(skus(body))} == {3}
    assert body["next_cursor"] is None


def test_explain_tells_how_the_words_were_read(shopper: FlaskClient) -> None:
    explained = answer(shopper, q="rde dress qqzzxx", explain="true")["explain"]
    assert explained["words"] == [
        {"word": "rde", "read_as": "red", "known": "spelling"},
        {"word": "dress", "read_as": "dress", "known": "word"},
        {"word": "qqzzxx", "read_as": "qqzzxx", "known": None},
    ]
    assert explained["look"] == "red dress"
    assert explained["text"] == "'rde' & 'dress' & 'qqzzxx'"
    assert explained["sql_milliseconds"] > 0


@pytest.mark.parametrize(
    ("asked", "name"),
    [
        ({}, "q"),
        ({"q": ""}, "q"),
        ({"q": "  \t"}, "q"),
        ({"q": "x" * 10_000}, "q"),
        ({"q": "red\0dress"}, "q"),
        ({"q": ["red", "dress"]}, "q"),
        ({"q": "red", "top_n": 0}, "top_n"),
        ({"q": "red", "top_n": 1001}, "top_n"),
        ({"q": "red", "colour": "red"}, "colour"),
        ({"q": "red", "year_min": "soon"}, "year_min"),
    ],
)
def test_a_bad_question_is_named(shopper: FlaskClient, asked: dict[str, Any], name: str) -> None:
    problem = refusal(shopper.get(PATH, query_string=asked), 422)
    assert problem["parameters"] == [name]
    assert name in problem["detail"]


@pytest.mark.parametrize(
    "text",
    ["👗👗", "qqzzxx wwvv", "'; DROP TABLE items; --", "& | ! <-> :*", '"((" -- \\', "أحمر فستان"],
)
def test_only_unknown_words_are_searched_for_in_names_alone(
    shopper: FlaskClient, text: str
) -> None:
    body = answer(shopper, q=text, explain="true")
    assert (body["by_look"], body["results"], body["next_cursor"]) == (False, [], None)
    assert body["explain"]["look"] == "made_up knows none of these words"


def test_a_model_without_word_vectors_says_how_to_get_them(
    client: FlaskClient, catalog_url: str, cli: Cli
) -> None:
    body = answer(client, q="women", explain="true", top_n=3)
    assert body["by_look"] is False
    assert {result["found"] for result in body["results"]} == {"words"}
    assert body["explain"]["look"] == (
        "compact has no word vectors yet: run `lookalike train words`"
    )
    done = cli(catalog_url, "search", "women")
    assert done.returncode == 0
    assert "by names and brands alone: compact has no word vectors" in done.stderr
    problem = refusal(
        client.post("/api/v1/recommendations", json={"positive": [{"text": "red"}]}), 422
    )
    assert problem["detail"].endswith("run `lookalike train words`")


def test_without_a_model_names_are_searched(empty_url: str, home: Path) -> None:
    with client_of(empty_url, home) as client:
        body = answer(client, q="red", explain="true")
    assert (body["model"], body["results"]) == (None, [])
    assert body["explain"]["look"].startswith("no embedding model is active yet")


def test_like_this_but_of_another_colour(shopper: FlaskClient) -> None:
    asked = {
        "positive": ["S-1", {"text": "navy blue", "weight": 2}],
        "negative": [{"text": "red"}],
        "top_n": 8,
    }
    response = shopper.post("/api/v1/recommendations", json=asked)
    assert response.status_code == 200, response.text
    body = response.get_json()
    assert {colour for colour, _ in numbers(skus(body))} == {1}
    assert body["query"]["positive"][1] == {"text": "navy blue", "weight": 2.0}
    only_words = shopper.post("/api/v1/recommendations", json={"positive": [{"text": "red dress"}]})
    assert set(numbers(skus(only_words.get_json()))) == {(0, 0)}


@pytest.mark.parametrize(
    ("example", "name"),
    [
        ({"text": ""}, "positive.0.text"),
        ({"text": None}, "positive.0.text"),
        ({"text": 5}, "positive.0.text"),
        ({"text": "x" * 201}, "positive.0.text"),
        ({"text": "red", "sku": "S-1"}, "positive.0"),
        ({"text": "red", "weight": 0}, "positive.0.weight"),
        ({"text": "qqzzxx"}, "positive"),
    ],
)
def test_a_bad_text_among_examples_is_named(
    shopper: FlaskClient, example: dict[str, Any], name: str
) -> None:
    response = shopper.post("/api/v1/recommendations", json={"positive": [example]})
    assert refusal(response, 422)["parameters"] == [name]


def test_the_pages_search_box_finds_by_look_and_says_why(shopper: FlaskClient) -> None:
    page = shopper.get("/", query_string={"q": "red dress", "limit": 9}).text
    assert page.count("Name and look") == 8
    assert page.count("Looks like it") == 1
    assert "Products for “red dress”" in page
    assert "cursor=" in page
    nothing = shopper.get("/", query_string={"q": "qqzzxx"}).text
    assert "Nothing found" in nothing


def test_the_openapi_document_has_the_search(shopper: FlaskClient) -> None:
    found = shopper.get("/openapi.json").get_json()["paths"][PATH]["get"]
    assert {"q", "top_n", "cursor", "explain"} < {field["name"] for field in found["parameters"]}
