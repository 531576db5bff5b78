"""`lookalike evaluate`, run for real over a small catalog."""

import json

import psycopg
import pytest

from app.catalog.attributes import Catalog
from app.catalog.profile import DATASET, load_profile
from app.database import Database
from tests.conftest import Cli
from tests.support.vectors import add_double
from worker.evaluation.run import chosen_models, evaluate

pytestmark = pytest.mark.slow


def test_json_has_every_figure_and_is_recorded(
    catalog_url: str, cli: Cli, photo_count: int
) -> None:
    done = cli(catalog_url, "evaluate", "--json")
    assert done.returncode == 0, done.stderr
    (report,) = json.loads(done.stdout)["models"]
    assert report["name"] == "compact"
    assert report["gallery"] == report["queries"] == photo_count
    assert report["recall@10"] > 0.9
    assert 0 < report["ndcg@10"] < 1
    for label in Catalog(0, load_profile(DATASET).attributes).labels:
        assert set(report[label]) == {"precision@5", "precision@10", "map@10"}
        for name, figure in report[label].items():
            low, high = report["intervals"][label][name]
            assert 0 < low <= figure <= high <= 1
    with psycopg.connect(catalog_url) as connection:
        row = connection.execute("SELECT gallery, queries, figures FROM evaluations").fetchone()
    assert row is not None
    gallery, queries, figures = row
    assert (gallery, queries) == (photo_count, photo_count)
    assert figures["article_type"] == report["article_type"]


def test_table_has_a_column_a_model(catalog_url: str, cli: Cli) -> None:
    add_double(catalog_url, "again")
    done = cli(catalog_url, "evaluate", "--model", "again", "--model", "compact")
    assert done.returncode == 0, done.stderr
    header, *lines = done.stdout.splitlines()
    columns = [column for column in header.split("  ") if column]
    assert [name.strip() for name in columns if "unseen" not in name] == ["again", "compact"]
    precision = next(line for line in lines if line.startswith("article_type precision@5"))
    cells = precision.split()[2:]
    assert cells[: len(cells) // 2] == cells[len(cells) // 2 :]
    assert cells[1].startswith("±")


def test_a_sample_asks_fewer_of_the_whole_gallery(
    catalog_database: Database, photo_count: int
) -> None:
    (model,) = chosen_models(catalog_database, [])
    first, second = (evaluate(catalog_database, model, 20) for _ in range(2))
    assert first["queries"] == 20
    assert first["gallery"] == photo_count
    assert first == second


def test_an_empty_model_and_an_unknown_one_are_one_line(empty_url: str, cli: Cli) -> None:
    none = cli(empty_url, "evaluate")
    assert none.returncode == 1
    assert "no model is registered yet" in none.stderr
    assert cli(empty_url, "models", "add", "compact").returncode == 0
    empty = cli(empty_url, "evaluate")
    assert empty.returncode == 1
    assert "0 products have a vector of compact" in empty.stderr
    unknown = cli(empty_url, "evaluate", "--model", "nobody")
    assert unknown.returncode == 1
    assert "there is no model called 'nobody'" in unknown.stderr


def test_an_option_without_effect_is_wrong_usage(empty_url: str, cli: Cli) -> None:
    seeded = cli(empty_url, "evaluate", "--seed", 3)
    assert seeded.returncode == 2
    assert "--seed has no effect here: only --robustness uses it" in seeded.stderr
