"""The neighbours of every product: what the API's exact search answers, stored as a whole."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import pyarrow.parquet as pq
import pytest

from app.catalog.attributes import load_catalog
from app.database import Database
from app.errors import LookalikeError
from app.items.keys import ItemKey
from app.search.answers import SimilarItems
from app.search.options import SearchOptions
from app.search.similar import similar_to_each
from tests.conftest import Cli
from tests.search.conftest import FIRST_ID, Gallery
from tests.support.products import store_model, store_product, unit_vectors
from worker.neighbours import exact, run
from worker.neighbours.exact import Neighbours, Photos, find_neighbours
from worker.neighbours.run import store_neighbours

STORED = "SELECT item_id, rank, neighbour_id, similarity FROM neighbours ORDER BY item_id, rank"

Rows = list[tuple[Any, ...]]


def stored(connection: psycopg.Connection[Any]) -> Rows:
    return connection.execute(STORED).fetchall()


def answered(connection: psycopg.Connection[Any], item_ids: list[int], top_n: int) -> Rows:
    """What the API answers for each product, as rows of `neighbours`."""
    options = SearchOptions.read(load_catalog(connection), {"top_n": top_n})
    answers = similar_to_each(connection, [ItemKey.from_json(i) for i in item_ids], options)
    rows: Rows = []
    for item_id, answer in zip(item_ids, answers, strict=True):
        assert isinstance(answer, SimilarItems)
        assert answer.search == "exact"
        rows += [
            (item_id, rank, found.item_id, pytest.approx(found.similarity, abs=1e-6))
            for rank, found in enumerate(answer.results, 1)
        ]
    return rows


@pytest.fixture
def shop(empty_database: Database) -> Database:
    """Products with one to three photos, two with the same vectors, and all that is special."""
    vectors = unit_vectors(120, 8)
    with empty_database.connection() as connection:
        store_model(connection, 8)
        for at in range(40):
            count = 1 + at % 3
            names = [f"{at}-{number}.jpg" for number in range(count)]
            store_product(connection, f"s{at}", names, list(vectors[3 * at : 3 * at + count]))
        store_product(connection, "twin a", ["a.jpg"], [vectors[0]])
        store_product(connection, "twin b", ["b.jpg"], [vectors[0]])
        store_product(connection, "sold out", ["c.jpg"], [vectors[1]], available=False)
        store_product(connection, "pending", ["d.jpg"])
        store_product(connection, "without a photo")
        removed = store_product(connection, "removed", ["e.jpg"], [vectors[2]])
        connection.execute("UPDATE items SET removed_at = now() WHERE item_id = %s", [removed])
    return empty_database


def test_they_are_what_the_api_answers(
    shop: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "neighbours.parquet"
    with shop.connection() as connection:
        ids = [i for (i,) in connection.execute("SELECT item_id FROM item_embeddings ORDER BY 1")]
        expected = answered(connection, ids, 7)
    for floats, groups in ((2**24, 1024), (2000, 4)):  # in one block, and in many
        monkeypatch.setattr(exact, "BLOCK_FLOATS", floats)
        monkeypatch.setattr(exact, "GROUPS", groups)
        assert store_neighbours(shop, None, 7, file, into_table=True) == ("made_up", 43, 43 * 7)
        with shop.connection() as connection:
            assert stored(connection) == expected
            skus = dict(connection.execute("SELECT item_id, sku FROM items").fetchall())
            rows = stored(connection)
        for row, written in zip(rows, pq.read_table(file).to_pylist(), strict=True):
            assert written == {
                "model": "made_up",
                "item_id": row[0],
                "sku": skus[row[0]],
                "rank": row[1],
                "neighbour_id": row[2],
                "neighbour_sku": skus[row[2]],
                "similarity": row[3],
            }


def test_sql_alone_stores_the_same(shop: Database) -> None:
    store_neighbours(shop, None, 5, None, into_table=True)
    with shop.connection() as connection:
        by_command = stored(connection)
        assert connection.execute("SELECT refresh_neighbours(5)").fetchone() == (len(by_command),)
        by_sql = stored(connection)
    assert [row[:3] for row in by_sql] == [row[:3] for row in by_command]
    np.testing.assert_allclose([r[3] for r in by_sql], [r[3] for r in by_command], atol=1e-6)


def test_more_than_there_are_is_all_there_are(shop: Database) -> None:
    _, products, found = store_neighbours(shop, None, 1000, None, into_table=True)
    assert (products, found) == (43, 42 * 41 + 42)  # what is sold out finds others only


def test_they_are_exact_where_an_index_would_be_asked(gallery: Gallery) -> None:
    count = len(gallery.ids)
    everything = np.ones(count, bool)
    photos = Photos(gallery.ids, everything, everything, gallery.embeddings)
    blocks = list(find_neighbours(photos, 20))
    found = np.concatenate([block.neighbour_ids for block in blocks]).reshape(count, 20)
    vectors = gallery.embeddings.astype(np.float64)
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -2)
    # To twelve digits, since the twins' products with a vector may differ in the last one.
    nearest = np.argsort(-similarity.round(12), axis=1, kind="stable")[:, :20]
    assert (found == gallery.ids[nearest]).all()
    assert found[11][:4].tolist() == [FIRST_ID + 10, *range(FIRST_ID + 12, FIRST_ID + 15)]


def test_a_run_that_fails_leaves_what_was_there(
    shop: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "neighbours.parquet"
    store_neighbours(shop, None, 3, file, into_table=True)
    before, content = len(pq.read_table(file)), file.read_bytes()

    def fail(photos: Photos, k: int) -> Iterator[Neighbours]:
        yield from find_neighbours(photos, k)
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "find_neighbours", fail)
    with pytest.raises(KeyboardInterrupt):
        store_neighbours(shop, None, 9, file, into_table=True)
    assert file.read_bytes() == content
    assert list(tmp_path.iterdir()) == [file]
    with shop.connection() as connection:
        assert len(stored(connection)) == before


def test_what_a_kill_left_is_written_over(shop: Database, tmp_path: Path) -> None:
    (tmp_path / "neighbours.parquet.part").write_bytes(b"half")
    file = tmp_path / "neighbours.parquet"
    store_neighbours(shop, None, 3, file, into_table=False)
    assert list(tmp_path.iterdir()) == [file]


def test_other_models_keep_their_neighbours(shop: Database) -> None:
    with shop.connection() as connection:
        other = store_model(connection, 4, "other")
        connection.execute("INSERT INTO neighbours VALUES (1, 2, 0.5, %s, 1)", [other.model_id])
    store_neighbours(shop, None, 3, None, into_table=True)
    with shop.connection() as connection:
        connection.execute("SELECT refresh_neighbours(3)")
        assert (1, 1, 2, 0.5) in stored(connection)
    with pytest.raises(LookalikeError, match="other has no vectors yet"):
        store_neighbours(shop, "other", 3, None, into_table=True)


def test_the_command(shop: Database, cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "n.parquet"
    done = cli(shop.url, "neighbours", "--top-n", "2", "--output", str(file), "--into-table")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "made_up: 86 neighbours of 43 products\n"
    assert len(pq.read_table(file)) == 86
    for arguments, text in (
        ([], "--into-table"),
        (["--output", str(tmp_path / "n.csv")], ".parquet"),
        (["--into-table", "--top-n", "0"], "--top-n"),
    ):
        refused = cli(shop.url, "neighbours", *arguments)
        assert refused.returncode == 2
        assert text in refused.stderr
    missing = cli(shop.url, "neighbours", "--output", str(tmp_path / "no" / "n.parquet"))
    assert missing.returncode == 1
    assert missing.stderr.startswith("lookalike: ")
    assert "Traceback" not in missing.stderr
