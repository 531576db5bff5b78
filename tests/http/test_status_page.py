"""The page that shows how far the models have come."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from flask.testing import FlaskClient
from psycopg.types.json import Jsonb

from tests.analysts.conftest import as_role
from tests.conftest import client_of
from tests.http.html import read
from tests.http.shops import furnish
from tests.support.products import store_product

REASON = "it's <b>damaged</b>"


@pytest.fixture
def shop(empty_url: str) -> str:
    """URI of a shop with an embedded catalog, a pending and three failed photos."""
    with psycopg.connect(empty_url) as connection:
        furnish(connection)
        connection.execute("UPDATE catalogs SET ingested_at = '2026-11-01 10:00+00'")
        for sku, state, error in (
            ("WAIT", "pending", None),
            ("BAD-1", "failed", REASON),
            ("BAD-2", "failed", REASON),
            ("BAD-3", "failed", "the file is empty"),
        ):
            item_id = store_product(connection, sku, [f"{sku}.jpg"])
            connection.execute(
                "INSERT INTO embedding_jobs (model_id, item_id, position, state, last_error, "
                "image_sha256, retry_after) VALUES (1, %s, 1, %s, %s, %s, 'infinity')",
                [item_id, state, error, f"{sku}.jpg"],
            )
    return empty_url


@pytest.fixture
def client(shop: str, home: Path) -> Iterator[FlaskClient]:
    """A client of the API in its own role, which may write nothing."""
    with client_of(as_role(shop, "lookalike_api"), home) as found:
        yield found


def test_progress_queue_and_index(client: FlaskClient) -> None:
    page = read(client, "/status")
    assert "75.0%: 12 of 16 photos embedded" in page.words
    assert page.all("progress", max="100", value="75.0")
    assert "1: 0 due, 1 with a worker or waiting for a retry" in page.words
    assert "Missing: it is built once nothing is pending" in page.words
    assert "made_up active" in page.words
    assert "2026-11-01 10:00 UTC" in page.words
    assert client.get("/status").headers["Cache-Control"] == "no-store"
    assert read(client, "/").all("a", href="/status")


def test_failed_photos_with_reasons_and_the_way_to_try_again(client: FlaskClient) -> None:
    page = read(client, "/status")
    assert "3 in all" in page.words
    assert "2 " + REASON in page.words
    assert """lookalike jobs retry --reason 'it'"'"'s <b>damaged</b>'""" in page.inside("code")
    assert "lookalike jobs retry --reason 'the file is empty'" in page.inside("code")
    assert not page.all("b")
    for sku in ("BAD-1", "BAD-2", "BAD-3"):
        assert page.all("a", href=f"/items/{sku}")
    assert "Only by command" in page.words


def test_the_quality_of_the_last_evaluation(client: FlaskClient, shop: str) -> None:
    assert "Not measured yet" in read(client, "/status").words
    own = {"material": {"precision@5": 0.5}, "intervals": {"material": {"precision@5": [0.4, 0.6]}}}
    unseen = {
        "queries": 7,
        "material": {"precision@5": 0.625},
        "material+form": {"precision@5": None},
    }
    stored: list[dict[str, object]] = [
        own,
        {**own, "recall@10": 0.987, "unseen": unseen},
        {"robustness": {}},
    ]
    with psycopg.connect(shop) as connection:
        for figures in stored:
            connection.execute(
                "INSERT INTO evaluations (model_id, evaluated_at, gallery, queries, figures) "
                "SELECT 1, now() + count(*) * interval '1 s', 12, 12, %s FROM evaluations",
                [Jsonb(figures)],
            )
    words = read(client, "/status").words
    assert "Material 62.5%" in words
    assert "recall@10 of the index 98.7%" in words
    assert "precision@5 of 7 products that the model wasn’t trained on" in words


def test_an_empty_database_says_what_to_run(empty_url: str, home: Path) -> None:
    with client_of(empty_url, home) as client:
        page = read(client, "/status")
    assert "run lookalike ingest SOURCE" in page.words
    assert "run lookalike embed" in page.words
    assert "None." in page.words


def test_an_unknown_parameter_is_named(client: FlaskClient) -> None:
    assert "refresh" in read(client, "/status?refresh=1", 422).words
