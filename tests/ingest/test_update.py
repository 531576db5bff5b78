"""`--update`: only the products in the source, and only what it says of them."""

from decimal import Decimal
from pathlib import Path

import psycopg
import pytest

from app.errors import LookalikeError
from tests.conftest import Cli
from tests.http.shops import declare
from tests.ingest.conftest import Shop
from tests.ingest.fakes import STOCK, product, shop_profile, stock

ROW = (
    "SELECT product_display_name, brand_name, price, discounted_price, available, material, seats, "
    "removed_at IS NULL FROM items ORDER BY sku"
)


@pytest.fixture
def chairs(shop: Shop) -> Shop:
    shop.photos.files = {"a.jpg": "A", "b.jpg": "B"}
    shop.ingest(
        product("a", "a.jpg", sale_price=5, available=False),
        product("b", "b.jpg"),
        product("c", title="A stool"),
        root="/one",
    )
    return shop


def test_products_that_the_source_lacks_stay(chairs: Shop) -> None:
    report = chairs.ingest(product("b", "b.jpg", price=12), product("d"), update=True)
    assert (report.added, report.changed, report.unchanged, report.removed) == (1, 1, 0, 0)
    assert chairs.rows("SELECT count(*) FROM items WHERE removed_at IS NULL") == [(4,)]
    assert len(chairs.photo_rows()) == 2


def test_a_feed_of_prices_and_stock_changes_nothing_else(chairs: Shop) -> None:
    photos = chairs.photo_rows()
    report = chairs.ingest(
        stock("a", 9), stock("b", 10, False), profile=shop_profile(STOCK), update=True
    )
    assert (report.changed, report.with_photo, report.without_photo) == (2, 0, 0)
    assert chairs.rows(ROW) == [
        ("A chair", "Ora", Decimal(9), Decimal(5), True, "oak", 1, True),
        ("A chair", "Ora", Decimal(10), None, False, "oak", 1, True),
        ("A stool", "Ora", Decimal(10), None, True, "oak", 1, True),
    ]
    assert chairs.photo_rows() == photos
    assert chairs.rows("SELECT root FROM catalogs") == [("/one",)]
    again = chairs.ingest(
        stock("a", "9.00"), stock("b", 10, False), profile=shop_profile(STOCK), update=True
    )
    assert (again.changed, again.unchanged) == (0, 2)


def test_columns_that_the_file_lacks_stay(chairs: Shop) -> None:
    report = chairs.ingest(
        product("a", title=None, brand=None, price=7, material=None, seats=4),
        update=True,
        absent=frozenset({"title", "brand", "sale_price", "stock", "image", "material"}),
    )
    assert report.changed == 1
    assert chairs.rows(ROW)[0] == (
        *("A chair", "Ora", Decimal(7), Decimal(5), False),
        *("oak", 4, True),
    )
    assert len(chairs.photo_rows()) == 2


def test_a_new_product_of_an_update_gets_the_defaults(chairs: Shop) -> None:
    chairs.ingest(stock("new", 3), profile=shop_profile(STOCK), update=True)
    assert chairs.rows(
        "SELECT product_display_name, price, available, material FROM items WHERE sku = 'new'"
    ) == [(None, Decimal(3), True, None)]


def test_a_removed_product_in_an_update_is_listed_again(chairs: Shop) -> None:
    chairs.ingest(product("a", "a.jpg"), product("b", "b.jpg"))
    chairs.ingest(stock("c", 10), profile=shop_profile(STOCK), update=True)
    assert chairs.rows(ROW)[2][-1] is True


def test_a_snapshot_has_to_speak_of_every_attribute(chairs: Shop) -> None:
    with pytest.raises(LookalikeError, match="declare the attribute material"):
        chairs.ingest(stock("a", 9), profile=shop_profile(STOCK))


def test_no_photo_vector_or_index_is_written(chairs: Shop) -> None:
    many = [product(f"p{n}") for n in range(2000)]
    chairs.ingest(*many, product("a", "a.jpg"), product("b", "b.jpg"), product("c"))
    # A fifth of each page is free, as after VACUUM FULL: that is room for one row in five.
    before = statistics(chairs)
    part = [stock(f"p{n}", 11) for n in range(0, 2000, 10)]
    assert chairs.ingest(*part, profile=shop_profile(STOCK), update=True).changed == 200
    after = statistics(chairs)
    assert after["items"][0] - before["items"][0] == 200
    assert after["items"][1] - before["items"][1] == 200
    for table in ("photos", "embeddings", "embedding_jobs"):
        assert after.get(table) == before.get(table)


def statistics(shop: Shop) -> dict[str, tuple[int, int]]:
    """Updated rows by table, and how many of those without touching an index."""
    shop.rows("SELECT pg_stat_force_next_flush()")
    return {
        table: (updated, hot)
        for table, updated, hot in shop.rows(
            "SELECT relname, n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables"
        )
    }


EMPTY = {
    "shop.csv": b"sku,stock\n",
    "shop.jsonl": b"[]",
    "feed.xml": b"<rss><channel/></rss>",
    "shopify.csv": b"Handle,Image Src,Variant Price\n",
}


@pytest.mark.parametrize("name", EMPTY)
def test_a_file_without_rows_updates_nothing(
    empty_url: str, cli: Cli, tmp_path: Path, name: str
) -> None:
    kind = {"feed.xml": "google-merchant", "shopify.csv": "shopify", "shop.jsonl": "jsonl"}
    sku = {"feed.xml": "id", "shopify.csv": "Handle"}.get(name, "sku")
    (tmp_path / "shop.toml").write_text(
        f'[source]\nformat = "{kind.get(name, "csv")}"\nsku = "{sku}"\n'
    )
    (tmp_path / name).write_bytes(EMPTY[name])
    with psycopg.connect(empty_url) as connection:
        declare(connection, (tmp_path / "shop.toml").read_text())
    said = (tmp_path / name, "--profile", tmp_path / "shop.toml")
    done = cli(empty_url, "ingest", *said, "--update")
    assert (done.returncode, done.stdout) == (0, "nothing to update: no row was read\n"), done
    refused = cli(empty_url, "ingest", *said)
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1] == f"lookalike: {tmp_path / name} holds no product"


def test_an_update_of_nothing_changes_nothing(chairs: Shop) -> None:
    report = chairs.ingest(update=True)
    assert (report.read, report.changed, report.removed) == (0, 0, 0)
    assert chairs.rows("SELECT count(*) FROM items WHERE removed_at IS NULL") == [(3,)]
    with pytest.raises(LookalikeError, match="holds no product"):
        chairs.ingest()
