"""What an ingest makes of photos: read once, kept while they can't be read, gone with the list."""

from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import psycopg
import pytest
from PIL import Image

from app.errors import LookalikeError
from app.photos.errors import (
    MissingPhotoError,
    PhotoError,
    PhotoStorageUnavailable,
    UnavailablePhotoError,
)
from tests.conftest import Cli
from tests.ingest.conftest import Shop, embed, vectors
from tests.ingest.fakes import SHOP, ListSource, product, shop_profile
from worker.sources import Batch, Products

DENIED = UnavailablePhotoError("403 Forbidden")
MISSING = MissingPhotoError("404 Not Found")


def test_photos_are_stored_in_the_order_of_the_list(shop: Shop) -> None:
    shop.photos.files = {"a.jpg": "A", "b.jpg": "B", "c.jpg": "C"}
    report = shop.ingest(product("1", "b.jpg", "a.jpg"), product("2"), product("3", "c.jpg"))
    assert shop.photo_rows() == [
        ("1", 1, "b.jpg", "B"),
        ("1", 2, "a.jpg", "A"),
        ("3", 1, "c.jpg", "C"),
    ]
    assert (report.photos, report.with_photo, report.without_photo) == (3, 2, 1)
    assert shop.rows("SELECT width, height, validator FROM photos WHERE reference = 'c.jpg'") == [
        (8, 8, "v:C")
    ]


def test_products_with_and_without_photos_may_alternate(shop: Shop) -> None:
    shop.photos.files = {"b.jpg": "B", "d.jpg": "D"}
    batches = [
        Batch(Products.of([each]), read=1)
        for each in (product("1"), product("2", "b.jpg"), product("3"), product("4", "d.jpg"))
    ]
    report = shop.ingest(source=ListSource(batches=batches))
    assert (report.added, report.with_photo, report.without_photo) == (4, 2, 2)
    assert [row[0] for row in shop.photo_rows()] == ["2", "4"]
    again = shop.ingest(source=ListSource(batches=batches))
    assert (again.unchanged, again.unchanged_photos) == (4, 2)


def test_a_source_that_fails_halfway_changes_nothing(shop: Shop) -> None:
    class Broken(ListSource):
        def batches(self) -> Iterator[Batch]:
            yield from super().batches()
            raise LookalikeError("feed.csv is damaged")

    shop.ingest(product("1"))
    with pytest.raises(LookalikeError, match=r"feed\.csv is damaged"):
        shop.ingest(source=Broken([product("1", title="Another"), product("2")]))
    assert shop.rows("SELECT sku, product_display_name FROM items") == [("1", "A chair")]
    assert shop.ingest(product("1"), product("2")).added == 1


def test_no_unchanged_photo_is_read_again_unless_told_to(shop: Shop) -> None:
    shop.photos.files = {"a.jpg": "A", "b.jpg": "B"}
    products = [product("1", "a.jpg"), product("2", "b.jpg")]
    shop.ingest(*products)
    assert sorted(shop.photos.opened) == ["a.jpg", "b.jpg"]
    report = shop.ingest(*products)
    assert shop.photos.opened == []
    assert (report.photos, report.unchanged_photos, report.unchanged) == (2, 2, 2)
    shop.photos.files["b.jpg"] = "B2"
    report = shop.ingest(*products)
    assert shop.photos.opened == ["b.jpg"]
    assert (report.unchanged_photos, report.changed) == (1, 1)
    report = shop.ingest(*products, rehash=True)
    assert sorted(shop.photos.opened) == ["a.jpg", "b.jpg"]
    assert (report.unchanged_photos, report.unchanged) == (0, 2)


def test_a_changed_photo_keeps_its_vector_until_the_next(shop: Shop) -> None:
    shop.photos.files = {"a.jpg": "A"}
    shop.ingest(product("1", "a.jpg"))
    embed(shop)
    shop.photos.files["a.jpg"] = "A2"
    assert shop.ingest(product("1", "a.jpg")).changed == 1
    assert shop.photo_rows() == [("1", 1, "a.jpg", "A2")]
    assert vectors(shop) == [("1", 1)]
    assert shop.rows("SELECT count(*) FROM embedding_jobs") == [(0,)]


def test_a_new_validator_alone_changes_no_product(shop: Shop) -> None:
    shop.photos.files = {"a.jpg": "A"}
    shop.ingest(product("1", "a.jpg"))
    shop.rows("UPDATE photos SET validator = 'old'")
    ((before,),) = shop.rows("SELECT updated_at FROM items")
    report = shop.ingest(product("1", "a.jpg"))
    assert (report.changed, report.unchanged) == (0, 1)
    assert shop.rows("SELECT validator FROM photos") == [("v:A",)]
    assert shop.rows("SELECT updated_at FROM items") == [(before,)]


@pytest.mark.parametrize("error", [DENIED, MISSING, PhotoError("68,000,000 bytes")])
def test_a_photo_that_can_not_be_read_keeps_what_is_stored(shop: Shop, error: PhotoError) -> None:
    shop.photos.files = {"a.jpg": "A", "b.jpg": "B"}
    products = [product("1", "a.jpg"), product("2", "b.jpg", line=3)]
    shop.ingest(*products)
    embed(shop)
    stored = shop.photo_rows()
    shop.photos.files["b.jpg"] = error
    report = shop.ingest(*products)
    assert (report.unavailable_photos, report.with_photo, report.unchanged) == (1, 2, 2)
    assert shop.photo_rows() == stored
    assert vectors(shop) == [("1", 1), ("2", 1)]
    ((kind, line, reason, raw),) = shop.problems
    assert (kind, line, raw) == ("photo", 3, "b.jpg")
    assert str(error) in reason
    shop.photos.files["b.jpg"] = "B2"
    assert shop.ingest(*products).changed == 1
    assert shop.photo_rows()[1] == ("2", 1, "b.jpg", "B2")


def test_a_new_photo_that_can_not_be_read_leaves_its_place_free(shop: Shop) -> None:
    shop.photos.files = {"a.jpg": DENIED, "b.jpg": "B"}
    report = shop.ingest(product("1", "a.jpg", "b.jpg"))
    assert shop.photo_rows() == [("1", 2, "b.jpg", "B")]
    assert (report.photos, report.unavailable_photos, report.with_photo) == (1, 1, 1)
    shop.photos.files["a.jpg"] = "A"
    shop.ingest(product("1", "a.jpg", "b.jpg"))
    assert shop.photo_rows() == [("1", 1, "a.jpg", "A"), ("1", 2, "b.jpg", "B")]


def test_the_old_photo_stays_while_its_successor_can_not_be_read(shop: Shop) -> None:
    shop.photos.files = {"old.jpg": "A", "new.jpg": DENIED}
    shop.ingest(product("1", "old.jpg"))
    embed(shop)
    shop.ingest(product("1", "new.jpg"))
    assert shop.photo_rows() == [("1", 1, "old.jpg", "A")]
    assert vectors(shop) == [("1", 1)]
    shop.photos.files["new.jpg"] = "B"
    shop.ingest(product("1", "new.jpg"))
    assert shop.photo_rows() == [("1", 1, "new.jpg", "B")]


def test_a_shorter_list_takes_photos_vectors_and_jobs_away(shop: Shop) -> None:
    shop.photos.files = {"a.jpg": "A", "b.jpg": "B", "c.jpg": "C"}
    shop.ingest(product("1", "a.jpg", "b.jpg"), product("2", "c.jpg"))
    embed(shop, pending=True)
    report = shop.ingest(product("1", "a.jpg"), product("2", "c.jpg"))
    assert (report.changed, report.unchanged) == (1, 1)
    assert shop.photo_rows() == [("1", 1, "a.jpg", "A"), ("2", 1, "c.jpg", "C")]
    assert vectors(shop) == [("1", 1), ("2", 1)]
    assert shop.rows("SELECT count(*) FROM embedding_jobs") == [(2,)]


def test_another_order_is_followed_without_reading(shop: Shop) -> None:
    shop.photos.files = {"a.jpg": "A", "b.jpg": "B", "c.jpg": "C"}
    shop.ingest(product("1", "a.jpg", "b.jpg", "c.jpg"))
    shop.ingest(product("1", "c.jpg", "a.jpg"))
    assert shop.photos.opened == []
    assert shop.photo_rows() == [("1", 1, "c.jpg", "C"), ("1", 2, "a.jpg", "A")]


def test_a_removed_product_keeps_its_photos_for_its_return(shop: Shop) -> None:
    shop.photos.files = {"a.jpg": "A", "b.jpg": "B"}
    products = [product("1", "a.jpg"), product("2", "b.jpg")]
    shop.ingest(*products)
    embed(shop)
    shop.ingest(products[0])
    assert len(shop.photo_rows()) == len(vectors(shop)) == 2
    shop.ingest(*products)
    assert shop.photos.opened == []


def test_more_than_half_of_the_photos_do_not_go_unasked(shop: Shop) -> None:
    names = [f"{n}.jpg" for n in range(4)]
    shop.photos.files = dict.fromkeys(names, "A")
    shop.ingest(*[product(str(n + 1), name) for n, name in enumerate(names)])
    stored = shop.photo_rows()
    bare = [product("1", names[0]), *[product(str(n)) for n in (2, 3, 4)]]
    for update in (False, True):
        with pytest.raises(LookalikeError, match="lacks 3 of the 4 photos stored so far"):
            shop.ingest(*bare, update=update)
    assert shop.photo_rows() == stored
    shop.ingest(*bare, allow_removals=True)
    assert len(shop.photo_rows()) == 1


def test_in_the_datasets_folder_a_missing_photo_is_no_photo(shop: Shop) -> None:
    dataset = shop_profile(SHOP.replace('"csv"', '"dataset"'))
    shop.photos.files = {"a.jpg": "A", "b.jpg": "B", "c.jpg": "C"}
    products = [product(name, f"{name}.jpg") for name in "abc"]
    shop.ingest(*products, profile=dataset)
    embed(shop)
    shop.photos.files |= {"a.jpg": MISSING, "b.jpg": DENIED}
    report = shop.ingest(*products, profile=dataset)
    assert [row[0] for row in shop.photo_rows()] == ["b", "c"]
    assert vectors(shop) == [("b", 1), ("c", 1)]
    assert (report.unavailable_photos, report.without_photo) == (1, 1)
    assert [problem.raw for problem in shop.problems] == ["b.jpg"]


def test_a_storage_that_is_not_there_changes_nothing(shop: Shop) -> None:
    shop.photos.files = {"a.jpg": "A", "https://shop.test/b.jpg": "B"}
    shop.ingest(product("1", "a.jpg"))
    stored = shop.photo_rows()
    shop.photos.away = PhotoStorageUnavailable("the folder isn't there")
    with pytest.raises(PhotoStorageUnavailable):
        shop.ingest(product("1", "a.jpg", title="Another"))
    assert shop.photo_rows() == stored
    assert shop.rows("SELECT product_display_name FROM items") == [("A chair",)]
    # URLs need no root.
    shop.ingest(product("1", "https://shop.test/b.jpg"))


def test_a_storage_lost_on_the_way_stops_the_others_soon(shop: Shop) -> None:
    names = [f"{n}.jpg" for n in range(2000)]
    shop.photos.files = dict.fromkeys(names, "A")
    shop.photos.files[names[3]] = PhotoStorageUnavailable("gone")
    with pytest.raises(PhotoStorageUnavailable):
        shop.ingest(*[product(name, name) for name in names])
    assert len(shop.photos.opened) < 2000
    assert shop.rows("SELECT count(*) FROM items") == [(0,)]


def test_paths_below_another_root_are_read_again(shop: Shop) -> None:
    shop.photos.files = {"a.jpg": "A", "https://shop.test/b.jpg": "B"}
    products = [product("1", *shop.photos.files)]
    shop.ingest(*products, root="/one")
    shop.ingest(*products, root="/one")
    assert shop.photos.opened == []
    shop.ingest(*products, root="/two")
    assert shop.photos.opened == ["a.jpg"]


def test_a_source_that_says_nothing_of_photos_leaves_them_alone(shop: Shop) -> None:
    shop.photos.files = {"a.jpg": "A"}
    shop.ingest(product("1", "a.jpg"), root="/one")
    without = shop_profile(SHOP.replace('photo = "image"\n', ""))
    report = shop.ingest(product("1", title="Another"), profile=without, root="/elsewhere")
    assert (report.changed, report.with_photo, report.without_photo) == (1, 0, 0)
    assert shop.photo_rows() == [("1", 1, "a.jpg", "A")]
    assert shop.rows("SELECT root FROM catalogs") == [("/one",)]


def test_many_photos_go_through_in_slices(shop: Shop) -> None:
    names = [f"{n}.jpg" for n in range(5000)]
    shop.photos.files = {name: name for name in names}
    source = ListSource([product(name, name) for name in names])
    assert shop.ingest(source=source).photos == 5000
    report = shop.ingest(source=source)
    assert (report.unchanged_photos, report.unchanged) == (5000, 5000)


def test_a_photo_that_goes_waits_for_the_worker_that_embeds_it(shop: Shop) -> None:
    shop.photos.files = {"a.jpg": "A", "b.jpg": "B"}
    shop.ingest(product("1", "a.jpg", "b.jpg"))
    embed(shop, pending=True)
    shop.rows("DELETE FROM embeddings")
    with psycopg.connect(shop.url) as worker:
        # As a worker does: lock the job, write the vector, finish the job, commit.
        worker.execute("SELECT FROM embedding_jobs WHERE position = 2 FOR UPDATE")
        going = Thread(target=shop.ingest, args=[product("1", "a.jpg")])
        going.start()
        with psycopg.connect(shop.url, autocommit=True) as watcher:
            waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted"
            while watcher.execute(waiting).fetchone() == (0,):
                assert going.is_alive()
        worker.execute(
            "INSERT INTO embeddings (model_id, item_id, position, embedding, image_sha256) "
            "SELECT model_id, item_id, position, '[1,0,0]', image_sha256 FROM embedding_jobs"
        )
        worker.execute("DELETE FROM embedding_jobs")
        worker.commit()
        going.join()
    assert shop.photo_rows() == [("1", 1, "a.jpg", "A")]
    assert vectors(shop) == [("1", 1)]


def test_damaged_exif_is_nothing_to_warn_of(empty_url: str, tmp_path: Path, cli: Cli) -> None:
    exif = b"Exif\0\0MM\0*" + b"\xff" * 600
    Image.new("RGB", (64, 64), "red").save(tmp_path / "a.jpg", exif=exif)
    (tmp_path / "products.csv").write_text("sku,title,photo\n1,Chair,a.jpg\n")
    done = cli(empty_url, "ingest", "--update", str(tmp_path / "products.csv"))
    assert "1 photo, 0 of them unchanged" in done.stdout
    assert "Warning" not in done.stderr
