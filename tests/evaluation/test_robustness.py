"""Finding products by disturbed photos of them."""

import json
import shutil
from pathlib import Path

import numpy as np
import psycopg
import pytest

from tests.conftest import Cli
from worker.evaluation.robustness import look_up, variants


def test_the_rank_of_the_own_product_and_the_nearest_others() -> None:
    gallery = np.eye(4, dtype=np.float32)
    photos = np.array([[0.9, 0.8, 0.1, 0], [0.9, 0.8, 0.1, 0]], dtype=np.float32)
    ranks, nearest = look_up(gallery, photos, np.array([0, 2]))
    assert ranks.tolist() == [0, 2]
    assert nearest.tolist() == [[1, 2, 3], [0, 1, 3]]


def test_products_with_the_same_photo_are_found_alike() -> None:
    gallery = np.array([[1, 0], [1, 0], [0, 1]], dtype=np.float32)
    ranks, nearest = look_up(gallery, gallery[:2], np.array([0, 1]))
    assert ranks.tolist() == [0, 0]
    assert nearest.tolist() == [[1, 2], [0, 2]]


@pytest.mark.slow
def test_the_figures_are_complete_repeatable_and_stored(
    catalog_url: str, cli: Cli, photo_count: int
) -> None:
    arguments = ("evaluate", "--robustness", "--sample", "6", "--json")
    done = cli(catalog_url, *arguments)
    assert done.returncode == 0, done.stderr
    (report,) = json.loads(done.stdout)["models"]
    assert (report["gallery"], report["queries"], report["seed"]) == (photo_count, 6, 1)
    found = report["robustness"]
    assert {(name, strength) for name in found for strength in found[name]} == set(variants())
    assert found["undisturbed"]["none"]["R@1"] == 1
    for strengths in found.values():
        for figures in strengths.values():
            assert 0 <= figures["R@1"] <= figures["R@5"] <= 1
            assert 0 <= figures["article_type"]["precision@5"] <= 1
            low, high = figures["intervals"]["R@1"]
            assert low <= figures["R@1"] <= high
    assert json.loads(cli(catalog_url, *arguments).stdout)["models"] == [report]
    other = json.loads(cli(catalog_url, *arguments, "--seed", "2").stdout)["models"][0]
    assert other["robustness"]["together"] != found["together"]
    with psycopg.connect(catalog_url) as connection:
        rows = connection.execute(
            "SELECT queries, figures #>> '{robustness,rotation,strong,R@1}' FROM evaluations"
            " ORDER BY evaluation_id"
        ).fetchall()
    assert len(rows) == 3
    assert rows[0] == rows[1]
    assert float(rows[0][1]) == found["rotation"]["strong"]["R@1"]

    table = cli(catalog_url, "evaluate", "--robustness", "--sample", "2").stdout.splitlines()
    assert table[0].split()[:3] == ["disturbance", "strength", "queries"]
    assert len(table) == 1 + len(variants())


@pytest.mark.slow
def test_photos_that_are_gone_are_left_out_or_told(
    empty_url: str, cli: Cli, sample_catalog: Path, tmp_path: Path
) -> None:
    catalog = tmp_path / "catalog"
    shutil.copytree(sample_catalog, catalog)
    for arguments in (["ingest", str(catalog)], ["models", "add", "compact"], ["embed"]):
        assert cli(empty_url, *arguments).returncode == 0
    photos = sorted((catalog / "images").iterdir())
    for photo in photos[::2]:  # so that some of those left are unseen
        photo.write_bytes(b"no photo")
    some = cli(empty_url, "evaluate", "--robustness", "--json")
    assert some.returncode == 0, some.stderr
    report = json.loads(some.stdout)["models"][0]
    assert 0 < report["queries"] < len(photos) / 2
    assert any("photos can't be read and were left out" in text for text in report["warnings"])
    for photo in photos:
        photo.write_bytes(b"no photo")
    none = cli(empty_url, "evaluate", "--robustness")
    assert none.returncode == 1
    assert none.stderr.splitlines()[-1].startswith("lookalike: none of ")
    shutil.rmtree(catalog)
    gone = cli(empty_url, "evaluate", "--robustness")
    assert gone.returncode == 1
    assert str(catalog) in gone.stderr.splitlines()[-1]
    assert "Traceback" not in gone.stderr
