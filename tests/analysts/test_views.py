"""The overviews, counted once more from the catalog's files and the vectors."""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pytest

from tests.conftest import clone

Connection = psycopg.Connection[Any]


def searches(connection: Connection, query: str) -> int:
    """How many times a query searches."""
    row = connection.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}".encode()).fetchone()
    assert row is not None

    def loops(plan: dict[str, Any]) -> Iterator[int]:
        if plan.get("Function Name") == "similar_items":
            yield int(plan["Actual Loops"])
        for child in plan.get("Plans", []):
            yield from loops(child)

    return sum(loops(row[0][0]["Plan"]))


def test_brand_neighbours_are_of_other_brands(drawn: Connection) -> None:
    nearest = drawn.execute(
        "SELECT s.ordinality, s.item_id, s.brand_name "
        "FROM similar_items(10001, 20) WITH ORDINALITY AS s ORDER BY s.ordinality"
    ).fetchall()
    ((brand,),) = drawn.execute("SELECT brand_name FROM items WHERE item_id = 10001").fetchall()
    expected = [row for row in nearest if row[2] not in (brand, None)]
    found = drawn.execute(
        "SELECT place, neighbour_id, neighbour_brand_name FROM brand_neighbours "
        "WHERE item_id = 10001 ORDER BY place"
    ).fetchall()
    assert found == expected
    assert 0 < len(found) < 20


def test_colour_cohesion_is_what_the_vectors_say(drawn: Connection) -> None:
    rows = drawn.execute(
        "SELECT i.base_colour, e.embedding FROM item_embeddings AS e "
        "JOIN items AS i USING (item_id)"
    ).fetchall()
    colours = np.array([colour for colour, _ in rows])
    vectors = np.stack([embedding.to_numpy() for _, embedding in rows]).astype(np.float32)
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -np.inf)
    nearest = np.argsort(-similarity, axis=1)[:, :5]
    share = (colours[nearest] == colours[:, None]).mean(axis=1)
    found = {row[0]: row[1:] for row in drawn.execute("SELECT * FROM colour_cohesion").fetchall()}
    assert found.keys() == set(colours)
    whole = [colour for colour, (products, asked, *_) in found.items() if products == asked]
    assert len(whole) > 5
    for colour, (products, asked, _, chance) in found.items():
        assert products == (colours == colour).sum()
        assert asked == min(products, 20)
        assert float(chance) == pytest.approx(100 * (products - 1) / (len(rows) - 1), abs=0.05)
    for colour in whole:
        assert float(found[colour][2]) == pytest.approx(
            100 * share[colours == colour].mean(), abs=0.06
        )


def test_type_cohesion_is_label_cohesion(drawn: Connection) -> None:
    types = drawn.execute("SELECT * FROM type_cohesion ORDER BY article_type").fetchall()
    again = drawn.execute("SELECT * FROM label_cohesion('article_type') ORDER BY value").fetchall()
    assert types == again
    assert len(types) > 10


def test_label_cohesion_asks_as_many_as_it_is_told(drawn: Connection) -> None:
    rows = drawn.execute("SELECT asked FROM label_cohesion('season', 3, 1)").fetchall()
    assert rows == [(3,)] * 4


@pytest.mark.parametrize(
    ("query", "most"),
    [
        ("SELECT * FROM brand_neighbours WHERE item_id = 10001", 1),
        ("SELECT * FROM brand_neighbours WHERE article_type = 'Jeans'", 12),
        ("SELECT * FROM colour_cohesion WHERE base_colour = 'Red'", 20),
        ("SELECT * FROM type_cohesion WHERE article_type = 'Jeans'", 12),
    ],
)
def test_a_condition_saves_searches(drawn: Connection, query: str, most: int) -> None:
    assert 1 <= searches(drawn, query) <= most


def test_category_coverage_counts_files(drawn: Connection, drawn_catalog: Path) -> None:
    with (drawn_catalog / "styles.csv").open(encoding="utf-8") as file:
        products = [
            (row["masterCategory"], row["subCategory"], row["articleType"], row["id"])
            for row in csv.DictReader(file)
        ]
    items = Counter(tuple(place) for *place, _ in products)
    photos = Counter(
        tuple(place)
        for *place, item_id in products
        if (drawn_catalog / "images" / f"{item_id}.jpg").exists()
    )
    found = drawn.execute("SELECT * FROM category_coverage").fetchall()
    assert {row[:3]: row[3] for row in found} == dict(items)
    assert {row[:3]: row[4] for row in found} == dict(photos)
    assert {row[:3]: row[5] for row in found} == dict(photos)
    for *_, count, _, embedded, percent in found:
        assert float(percent) == pytest.approx(100 * embedded / count, abs=0.05)


def test_coverage_follows_the_catalog(server: str, drawn_template: str) -> None:
    coverage = (
        "SELECT items, with_photo, embedded, percent FROM category_coverage "
        "WHERE article_type = 'Jeans'"
    )
    with clone(server, drawn_template) as url, psycopg.connect(url) as connection:
        jeans = "(SELECT item_id FROM items WHERE article_type = 'Jeans' ORDER BY item_id LIMIT %s)"
        connection.execute(f"UPDATE items SET removed_at = now() WHERE item_id IN {jeans}", [2])
        connection.execute(f"DELETE FROM embeddings WHERE item_id IN {jeans}", [7])
        ((items, with_photo, embedded, percent),) = connection.execute(coverage).fetchall()
    assert (items, with_photo, embedded, percent) == (10, 10, 5, 50)
