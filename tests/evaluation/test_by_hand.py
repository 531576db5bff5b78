"""`lookalike evaluate` against the same figures, computed from the database in plain Python."""

import json
import math
import shutil
from operator import mul
from pathlib import Path
from typing import Any, NamedTuple

import psycopg
import pytest
from pgvector.psycopg import register_vector

from app.encoders.registry import get_backbone
from app.encoders.training_record import fingerprints, record_training, training_record
from app.encoders.weights import default_file
from tests.conftest import Cli
from tests.support.vectors import add_double, copy_vectors

pytestmark = pytest.mark.slow

SEVERAL = 6
"""How many products get a second photo."""


class Row(NamedTuple):
    """A product of the database."""

    item_id: int
    sku: str
    name: str | None
    vector: list[float]
    labels: dict[str, str | None]


@pytest.fixture
def marked_url(catalog_url: str, cli: Cli, tmp_path: Path) -> str:
    """A database whose model `marked` was trained on the products with an even item_id, it says."""
    file = tmp_path / "marked.weights.h5"
    shutil.copyfile(default_file(get_backbone("compact")), file)
    with psycopg.connect(catalog_url) as connection:
        learnt = connection.execute(
            "SELECT sku, product_display_name FROM items WHERE item_id % 2 = 0"
        ).fetchall()
    record_training(file, fingerprints(*zip(*learnt, strict=True)), 0.5)
    added = cli(catalog_url, "models", "add", "compact", "--as", "marked", "--weights", file)
    assert added.returncode == 0, added.stderr
    copy_vectors(catalog_url, "marked")
    with psycopg.connect(catalog_url) as connection:
        # Second photos: half of them of the product's own looks, half of those of another product.
        connection.execute(
            "WITH several AS (SELECT item_id, row_number() OVER (ORDER BY item_id) AS n"
            " FROM photos WHERE position = 1)"
            " INSERT INTO embeddings (item_id, model_id, position, embedding, image_sha256)"
            " SELECT own.item_id, e.model_id, 2, e.embedding, 'x'"
            " FROM several AS own JOIN several AS other ON other.n = own.n + 10 * (own.n %% 2)"
            " JOIN embeddings AS e ON e.item_id = other.item_id WHERE own.n <= %s",
            [SEVERAL],
        )
    return catalog_url


def read(url: str) -> tuple[list[Row], list[tuple[int, list[float]]]]:
    """Read the products of `marked` with their labels, and the second photos."""
    names = ["article_type", "base_colour", "gender"]
    with psycopg.connect(url) as connection:
        register_vector(connection)
        found = connection.execute(
            "SELECT e.item_id, i.sku, i.product_display_name, e.embedding, e.position, "
            f"{', '.join(names)} FROM embeddings AS e JOIN items AS i USING (item_id)"
            " JOIN embedding_models AS m USING (model_id) WHERE m.name = 'marked'"
            " ORDER BY e.item_id, e.position"
        ).fetchall()
    rows, second = [], []
    for item_id, sku, name, vector, position, *labels in found:
        if position == 1:
            own = dict(zip(names, labels, strict=True))
            rows.append(Row(item_id, sku, name, vector.to_list(), own))
        else:
            second.append((item_id, vector.to_list()))
    return rows, second


def cosine(one: list[float], other: list[float]) -> float:
    lengths = math.sqrt(sum(map(mul, one, one)) * sum(map(mul, other, other)))
    return float(sum(map(mul, one, other)) / lengths)


def five_nearest(rows: list[Row]) -> dict[int, list[Row]]:
    """The five products most similar to each, by item_id."""
    nearest = {}
    for query in rows:
        others = [row for row in rows if row.item_id != query.item_id]
        others.sort(key=lambda row: -cosine(query.vector, row.vector))
        nearest[query.item_id] = others[:5]
    return nearest


def precision_at_5(nearest: dict[int, list[Row]], queries: list[Row], labels: list[str]) -> float:
    """The mean share of a query's five nearest that share all of the labels."""
    shares = []
    for query in queries:
        wanted = [query.labels[label] for label in labels]
        if all(wanted):
            found = nearest[query.item_id]
            shares.append(sum([row.labels[label] for label in labels] == wanted for row in found))
    return sum(shares) / len(shares) / 5


def found_by_another_photo(rows: list[Row], second: list[tuple[int, list[float]]], k: int) -> float:
    """The share of photos, averaged by product, whose product is among the first k by another."""
    photos = [(row.item_id, row.vector) for row in rows] + second
    by_product: dict[int, list[bool]] = {}
    for place, (product, vector) in enumerate(photos):
        if product not in dict(second):
            continue
        best: dict[int, float] = {}
        for other, (owner, its) in enumerate(photos):
            if other != place:
                best[owner] = max(best.get(owner, -2), cosine(vector, its))
        above = sum(value > best[product] + 1e-9 for value in best.values())
        by_product.setdefault(product, []).append(above < k)
    return sum(sum(hits) / len(hits) for hits in by_product.values()) / len(by_product)


def test_every_kind_of_figure_agrees(marked_url: str, cli: Cli) -> None:
    rows, second = read(marked_url)
    assert len(second) == SEVERAL
    nearest = five_nearest(rows)
    unseen = [row for row in rows if row.item_id % 2]
    done = cli(marked_url, "evaluate", "--model", "marked", "--json")
    assert done.returncode == 0, done.stderr
    (report,) = json.loads(done.stdout)["models"]

    assert report["gallery"] == report["queries"] == len(rows)
    assert report["trained_on"] == len(rows) - len(unseen)
    assert report["unseen"]["queries"] == len(unseen)
    for queries, part in ((rows, report), (unseen, report["unseen"])):
        for name, labels in (
            ("article_type", ["article_type"]),
            ("gender", ["gender"]),
            ("article_type+base_colour", ["article_type", "base_colour"]),
        ):
            expected = precision_at_5(nearest, queries, labels)
            assert part[name]["precision@5"] == pytest.approx(expected, abs=1e-6), name
            low, high = part["intervals"][name]["precision@5"]
            assert low < expected < high
    for k in (1, 10):
        expected = found_by_another_photo(rows, second, k)
        assert 0 < report["other_photo"][f"R@{k}"] == pytest.approx(expected, abs=1e-6)
    assert report["other_photo"]["R@1"] < 1
    (warning,) = report["warnings"]
    assert f"marked was trained on {report['trained_on']:,} of these {len(rows):,}" in warning
    assert warning in done.stderr

    table = cli(marked_url, "evaluate", "--model", "marked").stdout.splitlines()
    assert table[0].split() == ["marked", "marked", "unseen"]


def test_two_models_are_compared_with_the_same_queries(marked_url: str, cli: Cli) -> None:
    with psycopg.connect(marked_url) as connection:
        # The first model lacks some products, and has the vector of the next product for others.
        connection.execute("DELETE FROM embeddings WHERE model_id = 1 AND item_id % 7 = 0")
        connection.execute(
            "UPDATE embeddings AS e SET embedding = o.embedding FROM embeddings AS o"
            " WHERE e.model_id = 1 AND o.model_id = 2 AND e.position = 1 AND o.position = 1"
            " AND o.item_id ="
            " (SELECT min(x.item_id) FROM embeddings AS x WHERE x.item_id > e.item_id)"
        )
    done = cli(marked_url, "evaluate", "--compare", "compact", "marked", "--json")
    assert done.returncode == 0, done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    rows, _ = read(marked_url)
    kept = [row for row in rows if row.item_id % 7]
    assert report["gallery"] == report["queries"] == len(kept)
    figure = report["article_type"]["precision@5"]
    expected = precision_at_5(five_nearest(kept), kept, ["article_type"])
    assert figure["marked"] == pytest.approx(expected, abs=1e-6)
    assert figure["difference"] == pytest.approx(figure["marked"] - figure["compact"], abs=2e-6)
    low, high = figure["interval"]
    assert 0 < low < figure["difference"] < high
    assert figure["beyond_chance"]
    bundled = training_record(default_file(get_backbone("compact")))
    assert bundled is not None
    learnt = bundled.has_seen(fingerprints([row.sku for row in kept], [row.name for row in kept]))
    unseen = sum(row.item_id % 2 and not seen for row, seen in zip(kept, learnt, strict=True))
    assert report["unseen"]["queries"] == unseen

    lines = cli(marked_url, "evaluate", "--compare", "compact", "marked").stdout.splitlines()
    assert lines[0].split() == ["queries", "compact", "marked", "difference", "beyond", "chance"]
    assert {line.split()[-1] for line in lines[1:]} <= {"yes", "no"}


def test_a_model_doesnt_differ_from_its_double(catalog_url: str, cli: Cli) -> None:
    add_double(catalog_url, "again")
    done = cli(catalog_url, "evaluate", "--compare", "compact", "again", "--json")
    figure = json.loads(done.stdout)["article_type"]["precision@5"]
    assert (figure["difference"], figure["interval"]) == (0, [0, 0])
    assert not figure["beyond_chance"]
    for arguments, code, message in (
        (["compact", "nobody"], 1, "there is no model called 'nobody'"),
        (["compact", "compact"], 1, "--compare needs two models, and both are compact"),
        (["compact", "again", "--robustness"], 2, "--compare names its models"),
    ):
        refused = cli(catalog_url, "evaluate", "--compare", *arguments)
        assert refused.returncode == code
        assert message in refused.stderr.splitlines()[-1]


@pytest.fixture
def five_url(catalog_url: str) -> str:
    """A database of five photos, all of one gender, and of seasons that are all different."""
    with psycopg.connect(catalog_url) as connection:
        connection.execute(
            "DELETE FROM items WHERE item_id NOT IN"
            " (SELECT item_id FROM photos ORDER BY item_id LIMIT 5)"
        )
        connection.execute(
            "DELETE FROM embeddings WHERE item_id NOT IN (SELECT item_id FROM items)"
        )
        connection.execute("UPDATE items SET gender = 'Women', season = sku, usage = NULL")
    return catalog_url


def test_a_catalog_that_says_nothing_is_told_so(five_url: str, cli: Cli) -> None:
    done = cli(five_url, "evaluate", "--json")
    assert done.returncode == 0, done.stderr
    (report,) = json.loads(done.stdout)["models"]
    assert report["queries"] == 5
    assert report["gender"]["precision@5"] == 4 / 5
    assert report["season"]["precision@5"] == 0
    assert report["usage"]["precision@5"] is None
    for text in (
        "5 products are too few to fill a list of 10",
        "every product has the gender 'Women'",
        "no two products have the same season",
        "no product has a value of usage",
    ):
        assert text in done.stderr
