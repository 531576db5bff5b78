"""Products with several photos: each has a vector, and one that moves takes its vector along."""

from pathlib import Path

import psycopg
import pytest

from app.database import Database
from tests.support.vectors import assert_current, drained, fill, stub_worker, vectors
from tests.support.waiting import execute
from worker.embedding.reuse import reuse_vectors
from worker.embedding.worker import Tally

HASH = "SELECT position, image_sha256 FROM embeddings WHERE item_id = %s ORDER BY position"


@pytest.fixture
def product(catalog_url: str) -> int:
    """A product with three photos, each with a vector; the others are two products' own."""
    ((first,), (second,), (third,)) = execute(
        catalog_url, "SELECT item_id FROM photos ORDER BY item_id LIMIT 3"
    )
    for position, other in ((2, second), (3, third)):
        execute(
            catalog_url,
            "INSERT INTO photos (item_id, position, reference, sha256) "
            "SELECT %s, %s, 'further/' || reference, sha256 || 'x' FROM photos WHERE item_id = %s",
            first,
            position,
            other,
        )
        execute(
            catalog_url,
            "INSERT INTO embeddings (model_id, item_id, position, embedding, image_sha256) "
            "SELECT 1, %s, %s, embedding, image_sha256 || 'x' FROM embeddings WHERE item_id = %s",
            first,
            position,
            other,
        )
    return int(first)


def move(url: str, item_id: int, hashes: list[str]) -> None:
    """Give a product's photos, from the first on, these files, as an ingest does."""
    for position, sha256 in enumerate(hashes, 1):
        execute(
            url,
            "UPDATE photos SET sha256 = %s WHERE item_id = %s AND position = %s",
            sha256,
            item_id,
            position,
        )


def reuse(database: Database) -> int:
    fill(database)
    with database.connection() as connection:
        return reuse_vectors(connection, 1)


def test_each_photo_of_a_product_is_embedded(
    unembedded_database: Database, unembedded_url: str, sample_catalog: Path, photo_count: int
) -> None:
    """Those of a product that isn't in stock too, those of one that was removed not."""
    url = unembedded_url
    execute(
        url,
        "INSERT INTO photos (item_id, position, reference, sha256) "
        "SELECT item_id, 2, (SELECT reference FROM photos WHERE item_id > p.item_id "
        "ORDER BY item_id LIMIT 1), (SELECT sha256 FROM photos WHERE item_id > p.item_id "
        "ORDER BY item_id LIMIT 1) FROM photos AS p ORDER BY item_id LIMIT 10",
    )
    (removed,), (unavailable,) = execute(
        url, "SELECT item_id FROM photos WHERE position = 2 ORDER BY item_id LIMIT 2"
    )
    execute(url, "UPDATE items SET removed_at = now() WHERE item_id = %s", removed)
    execute(url, "UPDATE items SET available = false WHERE item_id = %s", unavailable)
    assert drained(stub_worker(unembedded_database, sample_catalog)) == Tally(photo_count + 8, 0)
    assert unavailable in vectors(url, position=2)
    assert removed not in vectors(url) | vectors(url, position=2)
    assert len(vectors(url, position=2)) == 9
    assert_current(url)


def test_photos_that_change_places_take_their_vectors_along(
    catalog_database: Database, catalog_url: str, product: int
) -> None:
    hashes = [sha256 for _, sha256 in execute(catalog_url, HASH, product)]
    before = {at: vectors(catalog_url, position=at)[product].embedding for at in (1, 2, 3)}
    move(catalog_url, product, [hashes[2], hashes[0], hashes[1]])
    assert reuse(catalog_database) == 3
    after = {at: vectors(catalog_url, position=at)[product].embedding for at in (1, 2, 3)}
    assert [list(after[at]) for at in (1, 2, 3)] == [list(before[at]) for at in (3, 1, 2)]
    assert_current(catalog_url)
    assert execute(catalog_url, "SELECT * FROM embedding_jobs") == []


def test_a_photo_that_another_product_has_is_not_computed(
    catalog_database: Database, catalog_url: str, product: int
) -> None:
    ((other, sha256),) = execute(
        catalog_url, "SELECT item_id, sha256 FROM photos ORDER BY item_id DESC LIMIT 1"
    )
    move(catalog_url, product, [sha256])
    assert reuse(catalog_database) == 1
    found = vectors(catalog_url)
    assert list(found[product].embedding) == list(found[other].embedding)
    assert_current(catalog_url)


def test_two_products_that_swap_their_photos_swap_their_vectors(
    catalog_database: Database, catalog_url: str
) -> None:
    (one, one_hash), (other, other_hash) = execute(
        catalog_url, "SELECT item_id, sha256 FROM photos ORDER BY item_id LIMIT 2"
    )
    before = vectors(catalog_url)
    move(catalog_url, one, [other_hash])
    move(catalog_url, other, [one_hash])
    assert reuse(catalog_database) == 2
    after = vectors(catalog_url)
    assert list(after[one].embedding) == list(before[other].embedding)
    assert list(after[other].embedding) == list(before[one].embedding)


def test_a_job_that_a_worker_has_is_left_to_it(
    catalog_database: Database, catalog_url: str, product: int
) -> None:
    ((sha256,),) = execute(catalog_url, "SELECT sha256 FROM photos ORDER BY item_id DESC LIMIT 1")
    move(catalog_url, product, [sha256])
    fill(catalog_database)
    with psycopg.connect(catalog_url) as worker:
        worker.execute("SELECT FROM embedding_jobs FOR UPDATE")
        assert reuse(catalog_database) == 0
    assert reuse(catalog_database) == 1
