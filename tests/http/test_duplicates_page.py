"""The page of near-identical pairs, and their CSV."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from flask.testing import FlaskClient

from app.http import duplicates_page
from tests.conftest import client_of
from tests.http.conftest import refusal
from tests.http.html import Page, read
from tests.http.test_duplicates import DIMENSIONS, turned, vectors_of
from tests.support.products import store_model, store_product

NAME = '=1+1 <script>, "quoted" \U0001f9e6'


@pytest.fixture
def shop(empty_url: str, home: Path) -> Iterator[FlaskClient]:
    """A client over 40 products: 10 and 30 are one file, 5 and 25 at 0.004, 7 and 27 at 0.04."""
    vectors = vectors_of(40)
    files = [f"file {at}" for at in range(40)]
    vectors[30], files[30] = vectors[10], files[10]
    vectors[25] = turned(vectors[5], 0.004)
    vectors[27] = turned(vectors[7], 0.04)
    with psycopg.connect(empty_url) as connection:
        store_model(connection, DIMENSIONS)
    with psycopg.connect(empty_url) as connection:
        for at, (vector, file) in enumerate(zip(vectors, files, strict=True)):
            store_product(
                connection, f"P-{at}", [file], [vector], product_display_name=f"{NAME} {at}"
            )
    with client_of(empty_url, home) as client:
        yield client


def pairs(page: Page) -> list[str]:
    """Where the links to the comparisons lead."""
    return [
        str(link["href"]) for link in page.all("a") if str(link["href"]).startswith("/compare?")
    ]


def exported(client: FlaskClient, query: str = "") -> list[dict[str, str]]:
    response = client.get(f"/duplicates.csv{query}")
    assert response.status_code == 200, response.text
    assert response.mimetype == "text/csv"
    assert "attachment" in response.headers["Content-Disposition"]
    return list(csv.DictReader(io.StringIO(response.text)))


def test_pairs_with_the_way_to_compare_them(shop: FlaskClient) -> None:
    page = read(shop, "/duplicates")
    assert pairs(page) == ["/compare?a=P-5&b=P-25", "/compare?a=P-10&b=P-30"]
    assert "99.60% similar" in page.words
    assert "Same file" in page.words
    assert "The whole catalog is looked through" in page.words
    assert f"{NAME} 10" in page.words
    assert not page.inside("script")
    assert page.next is None


def test_a_threshold_finds_more_or_fewer(shop: FlaskClient) -> None:
    page = read(shop, "/duplicates?min_similarity=0.95")
    assert "/compare?a=P-7&b=P-27" in pairs(page)
    assert page.options("min_similarity")["0.95"]
    assert page.all("a", href="/duplicates.csv?min_similarity=0.95")
    assert pairs(read(shop, "/duplicates?min_similarity=1")) == ["/compare?a=P-10&b=P-30"]


def test_pages_have_every_pair_once(shop: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    url: str | None = "/duplicates?limit=1&min_similarity=0.95"
    seen: list[str] = []
    while url:
        page = read(shop, url)
        seen += pairs(page)
        url = page.next
    assert seen == pairs(read(shop, "/duplicates?min_similarity=0.95"))
    # With no time to look on, a page may have none, and leads on all the same.
    monkeypatch.setattr(duplicates_page, "SECONDS", 0.0)
    assert len(pairs(read(shop, "/duplicates?min_similarity=0.95"))) == 3


def test_the_csv_has_all_pairs_with_names(
    shop: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = exported(shop)
    assert [(row["sku"], row["duplicate_sku"]) for row in rows] == [
        ("P-5", "P-25"),
        ("P-10", "P-30"),
    ]
    assert rows[0]["name"] == f"{NAME} 5"
    assert float(rows[0]["similarity"]) == pytest.approx(0.996, abs=0.0005)
    assert [row["same_file"] for row in rows] == ["false", "true"]
    assert len(exported(shop, "?min_similarity=0.95")) == 3
    monkeypatch.setattr(duplicates_page, "CSV_PAIRS", 1)
    assert exported(shop) == rows


def test_the_csv_breaks_off_where_the_model_changes(
    shop: FlaskClient, empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates_page, "CSV_PAIRS", 1)
    response = shop.get("/duplicates.csv", buffered=False)
    parts = response.iter_encoded()
    assert next(parts).startswith(b"sku,name,")
    with psycopg.connect(empty_url) as connection:
        connection.execute("UPDATE embedding_models SET name = 'another'")
    with pytest.raises(Exception, match="another model became active"):
        next(parts)


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("min_similarity=0.5", "min_similarity"),
        ("min_similarity=nan", "min_similarity"),
        ("min_similarity=all", "min_similarity"),
        ("gender=Men", "gender"),
    ],
)
def test_a_mistake_is_named(shop: FlaskClient, query: str, named: str) -> None:
    assert named in read(shop, f"/duplicates?{query}", 422).words
    assert named in read(shop, f"/duplicates.csv?{query}", 422).words
    assert refusal(shop.get(f"/api/v1/duplicates?{query}"), 422)["parameters"] == [named]


def test_a_cursor_belongs_to_its_threshold(shop: FlaskClient) -> None:
    following = read(shop, "/duplicates?limit=1").next
    assert following is not None
    assert read(shop, following).items == []
    read(shop, f"{following}&min_similarity=0.95", 422)


def test_a_catalog_without_duplicates_and_one_without_a_model(empty_url: str, home: Path) -> None:
    with client_of(empty_url, home) as client:
        assert "No embedding model is active yet" in read(client, "/duplicates").words
        assert "lookalike embed" in read(client, "/duplicates.csv", 503).words
        with psycopg.connect(empty_url) as connection:
            store_model(connection, DIMENSIONS)
        assert "No two photos in the catalog are so similar" in read(client, "/duplicates").words
        assert exported(client) == []
