"""Near-identical pairs: all of them, each once, page by page, and as a view."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest
from flask.testing import FlaskClient
from numpy.typing import NDArray

from app.database import Database
from app.models import EmbeddingModel, ensure_index
from app.search.duplicates import PageBudget, list_duplicates
from app.search.variety import DUPLICATE_DISTANCE
from tests.conftest import client_of, settings_for
from tests.http.conftest import refusal
from tests.support.products import Vectors, store_model, store_product, unit_vectors

DIMENSIONS = 64
FIRST_ID = 101
PATH = "/api/v1/duplicates"

Pairs = dict[tuple[int, int], bool]


def turned(vector: NDArray[np.float32], distance: float, seed: int = 0) -> NDArray[np.float32]:
    """A unit vector at a cosine distance from another."""
    other = np.random.default_rng(seed).normal(size=DIMENSIONS)
    other -= other @ vector * vector
    other /= np.linalg.norm(other)
    cosine = 1 - distance
    return np.asarray(cosine * vector + np.sqrt(1 - cosine**2) * other, dtype=np.float32)


def vectors_of(count: int) -> Vectors:
    """Unit vectors none of which is near another."""
    return unit_vectors(count, DIMENSIONS)


def fill(database: Database, vectors: Vectors, files: list[str]) -> EmbeddingModel:
    """Store products from `FIRST_ID` on, with a vector and a file each."""
    with database.connection() as connection:
        model = store_model(connection, DIMENSIONS)
    with database.connection() as connection:
        store(connection, FIRST_ID, vectors, files)
    return model


def store(
    connection: psycopg.Connection[Any], first: int, vectors: Vectors, files: list[str]
) -> None:
    for at, (vector, file) in enumerate(zip(vectors, files, strict=True)):
        store_product(connection, str(first + at), [file], [vector])


@pytest.fixture
def pairs(empty_database: Database) -> Pairs:
    """A catalog of 60 products, and its pairs: whether they are the same file."""
    vectors = vectors_of(60)
    files = [f"file {at}" for at in range(60)]
    vectors[40] = turned(vectors[5], 0.004)
    vectors[41] = turned(vectors[5], 0.003, seed=1)
    for copy in (20, 21, 50):
        vectors[copy], files[copy] = vectors[20], files[20]
    vectors[59] = turned(vectors[20], 0.002)
    fill(empty_database, vectors, files)
    found = {
        (FIRST_ID + a, FIRST_ID + b): files[a] == files[b]
        for a in range(60)
        for b in range(a + 1, 60)
        if vectors[a] @ vectors[b] >= 1 - DUPLICATE_DISTANCE
    }
    assert len(found) == 3 + 3 + 3
    return found


@pytest.fixture
def shop(empty_url: str, home: Path) -> Iterator[FlaskClient]:
    """A client of the application over the test's database."""
    with client_of(empty_url, home) as found:
        yield found


def page(client: FlaskClient, **question: Any) -> tuple[list[dict[str, Any]], str | None]:
    response = client.get(PATH, query_string=question)
    assert response.status_code == 200, response.text
    body = response.get_json()
    assert set(body) == {"pairs", "next_cursor"}
    return body["pairs"], body["next_cursor"]


def pages(client: FlaskClient, limit: int) -> Iterator[list[dict[str, Any]]]:
    cursor: dict[str, str] = {}
    while True:
        found, following = page(client, limit=limit, **cursor)
        yield found
        if following is None:
            return
        cursor = {"cursor": following}


def budgeted(database: Database, limit: int, budget: PageBudget) -> Iterator[list[tuple[int, int]]]:
    cursor: str | None = None
    while True:
        with database.connection() as connection:
            found = list_duplicates(connection, limit, cursor, budget=budget)
        yield [(pair.item_id, pair.duplicate_id) for pair in found.pairs]
        cursor = found.next_cursor
        if cursor is None:
            return


def keys(found: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return [(pair["item_id"], pair["duplicate_id"]) for pair in found]


def test_all_pairs_each_once(shop: FlaskClient, pairs: Pairs) -> None:
    found, following = page(shop)
    assert following is None
    assert keys(found) == sorted(pairs)
    for pair, key in zip(found, sorted(pairs), strict=True):
        assert (pair["sku"], pair["duplicate_sku"]) == (str(key[0]), str(key[1]))
        assert pair["same_file"] is pairs[key]
        assert pair["distance"] == 0 if pair["same_file"] else 0 < pair["distance"] <= 0.01


def test_pages_cover_every_pair_once_however_small_they_are(
    empty_database: Database, pairs: Pairs
) -> None:
    for share, limit in product([1, 7, 300], [1, 2, 4, 100]):
        found = list(budgeted(empty_database, limit, PageBudget(products=share, batch=3)))
        assert [key for part in found for key in part] == sorted(pairs), (share, limit)
        assert all(len(part) <= limit for part in found)
        assert len(found) >= 60 / share


def test_without_an_index_a_page_compares_few(empty_database: Database, pairs: Pairs) -> None:
    found = list(budgeted(empty_database, 100, PageBudget(vectors=60 * 9)))
    assert len(found) == 6  # of 10 products each
    assert [key for part in found for key in part] == sorted(pairs)


def test_pages_stay_whole_while_products_come_and_go(
    shop: FlaskClient, pairs: Pairs, empty_database: Database
) -> None:
    first, cursor = page(shop, limit=4)
    assert keys(first) == sorted(pairs)[:4]
    _, passed = keys(first)[-1]
    with empty_database.connection() as connection:
        connection.execute("UPDATE items SET removed_at = now() WHERE item_id = %s", [passed])
        store(connection, 11, vectors_of(3)[2:], ["file 20"])
    assert cursor is not None
    rest, _ = page(shop, limit=100, cursor=cursor)
    assert keys(rest) == [key for key in sorted(pairs)[4:] if passed not in key]


@pytest.mark.slow
def test_the_index_finds_what_comparing_all_does(
    shop: FlaskClient, empty_url: str, home: Path, empty_database: Database
) -> None:
    vectors = vectors_of(1500)
    for at in range(700, 800):
        vectors[at] = turned(vectors[at - 600], 0.005)
    files = [f"file {at}" for at in range(1500)]
    # So many of one file that its near duplicate is none of the 20 nearest.
    for at in range(900, 922):
        vectors[at], files[at] = vectors[900], files[900]
    vectors[1400] = turned(vectors[900], 0.008)
    model = fill(empty_database, vectors, files)
    assert ensure_index(empty_database, model, settings_for(empty_url, home))
    with empty_database.connection() as connection:
        assert connection.execute("SELECT index_is_worthwhile()").fetchone() == (True,)
    expected = {(FIRST_ID + at, FIRST_ID + at + 600) for at in range(100, 200)}
    expected |= {(FIRST_ID + a, FIRST_ID + b) for a in range(900, 922) for b in range(a + 1, 922)}
    expected |= {(FIRST_ID + a, FIRST_ID + 1400) for a in range(900, 922)}
    found = [key for part in pages(shop, 100) for key in keys(part)]
    assert found == sorted(set(found))
    assert set(found) <= expected
    assert len(found) >= 0.99 * len(expected)


def test_one_distance_for_the_view_and_for_leaving_duplicates_out(
    shop: FlaskClient, empty_database: Database
) -> None:
    vectors = vectors_of(10)
    vectors[1] = turned(vectors[0], 0.95 * DUPLICATE_DISTANCE)
    vectors[2] = turned(vectors[0], 1.05 * DUPLICATE_DISTANCE)
    fill(empty_database, vectors, [f"file {at}" for at in range(10)])
    near = {FIRST_ID + 1, FIRST_ID + 2}
    similar = shop.get(f"/api/v1/items/{FIRST_ID}/similar?exclude_duplicates=true").get_json()
    left_out = near - {result["item_id"] for result in similar["results"]}
    found, _ = page(shop)
    of_first = {pair["duplicate_id"] for pair in found if pair["item_id"] == FIRST_ID}
    assert left_out == of_first == {FIRST_ID + 1}


def test_the_view_answers_analysts(pairs: Pairs, empty_url: str) -> None:
    item_id = min(pairs)[0]
    with psycopg.connect(empty_url) as connection:
        connection.execute("SET ROLE lookalike_analyst")
        rows = connection.execute(
            "SELECT item_id, duplicate_id, same_file FROM duplicate_items"
        ).fetchall()
        assert {(one, other): same for one, other, same in rows} == pairs
        assert len(rows) == len(pairs)
        of_one = connection.execute(
            "SELECT duplicate_id FROM duplicate_items WHERE item_id = %s ORDER BY 1", [item_id]
        ).fetchall()
        assert [(item_id, other) for (other,) in of_one] == [
            key for key in sorted(pairs) if key[0] == item_id
        ]


def test_products_without_a_vector_still_share_a_file(
    shop: FlaskClient, pairs: Pairs, empty_database: Database
) -> None:
    with empty_database.connection() as connection:
        connection.execute("DELETE FROM embeddings")
    found, _ = page(shop)
    assert keys(found) == [key for key in sorted(pairs) if pairs[key]]


def test_without_a_model_there_is_no_answer(shop: FlaskClient) -> None:
    assert "lookalike embed" in refusal(shop.get(PATH), 503)["detail"]


@pytest.mark.parametrize(
    "question",
    ["limit=0", "limit=101", "limit=all", "cursor=forged", "cursor=", "cursor=MS4x", "gender=Men"],
)
def test_a_bad_question_is_named(reader: FlaskClient, question: str) -> None:
    problem = refusal(reader.get(f"{PATH}?{question}"), 422)
    assert problem["parameters"] == [question.partition("=")[0]]


@pytest.mark.usefixtures("pairs")
def test_cursors_of_other_lists_are_refused(reader: FlaskClient, shop: FlaskClient) -> None:
    _, ours = page(shop, limit=1)
    theirs = reader.get("/api/v1/items?limit=1").get_json()["next_cursor"]
    for path, cursor in ((PATH, theirs), ("/api/v1/items", ours)):
        response = shop.get(path, query_string={"cursor": cursor})
        assert refusal(response, 422)["parameters"] == ["cursor"]
