"""What an ingest makes of products: keys, values, differences, removals."""

from decimal import Decimal
from threading import Thread

import psycopg
import pytest

from app.errors import LookalikeError
from tests.ingest.conftest import Shop
from tests.ingest.fakes import SHOP, ListSource, product, shop_profile
from worker.ingest import Problem
from worker.sources import BadValue, Batch, Products, Reject

VERSIONS = "SELECT sku, ctid::text, xmin::text, xmax::text FROM items ORDER BY sku"


def test_every_value_reaches_its_column(shop: Shop) -> None:
    shop.ingest(
        product("TS-100", price="19.90", sale_price=15, seats=2, rooms=["Hall", "Bed, room"]),
        product("7", title=None, brand=None, price=None, material=None, seats=None),
    )
    assert shop.rows(
        "SELECT sku, product_display_name, brand_name, price, discounted_price, available, "
        "material, seats, rooms FROM items ORDER BY sku DESC"
    ) == [
        (
            *("TS-100", "A chair", "Ora", Decimal("19.90"), Decimal(15), True),
            *("oak", 2, ["Hall", "Bed, room"]),
        ),
        ("7", None, None, None, None, True, None, None, None),
    ]


@pytest.mark.parametrize(
    ("sku", "is_key"),
    [
        ("1", True),
        ("15970", True),
        ("9" * 15, True),
        ("1" + "0" * 15, False),
        ("0", False),
        ("007", False),
        ("-1", False),
        ("1.0", False),
        ("٣", False),
        ("TS-100/RED 🙂%2F", False),
    ],
)
def test_a_number_is_the_key_itself_and_anything_else_gets_one(
    shop: Shop, sku: str, is_key: bool
) -> None:
    shop.ingest(product(sku))
    ((item_id,),) = shop.rows("SELECT item_id FROM items")
    assert (item_id == int(sku)) if is_key else (item_id > 10**15)


def test_keys_stay_whatever_happens_to_a_product(shop: Shop) -> None:
    shop.ingest(product("a"), product("b"), product("c"))
    keys = shop.rows("SELECT sku, item_id FROM items ORDER BY sku")
    shop.ingest(product("a", title="Another"), product("b"))
    shop.ingest(product("d"), product("c"), product("b"), product("a"))
    assert shop.rows("SELECT sku, item_id FROM items WHERE sku < 'd' ORDER BY sku") == keys


def test_what_says_nothing_of_its_stock_is_available(shop: Shop) -> None:
    shop.ingest(product("a"), product("b", available=False), product("c", available=True))
    assert shop.rows("SELECT available FROM items ORDER BY sku") == [(True,), (False,), (True,)]
    ((share,),) = shop.rows("SELECT available FROM catalogs")
    assert share == pytest.approx(2 / 3)


def test_differences_are_counted_and_nothing_else_is_written(shop: Shop) -> None:
    chairs = [product(f"chair {n}", seats=n) for n in range(10)]
    first = shop.ingest(*chairs)
    assert (first.added, first.changed, first.unchanged, first.removed) == (10, 0, 0, 0)
    before = shop.rows(VERSIONS)
    again = shop.ingest(*chairs)
    assert (again.added, again.changed, again.unchanged, again.removed) == (0, 0, 10, 0)
    chairs[3] = chairs[3]._replace(attributes=("oak", 3, ["Hall"]))
    third = shop.ingest(*chairs[1:], product("new"))
    assert (third.added, third.changed, third.unchanged, third.removed) == (1, 1, 8, 1)
    # A row's version shows every write, and its xmax every lock.
    after = {row[0]: row for row in shop.rows(VERSIONS)}
    touched = {old[0] for old in before if old != after[old[0]]}
    assert touched == {"chair 0", "chair 3"}


def test_a_removed_product_keeps_its_row_and_may_return(shop: Shop) -> None:
    shop.ingest(product("a"), product("b"), product("c"))
    shop.ingest(product("a"), product("b"))
    assert shop.rows("SELECT sku FROM items WHERE removed_at IS NOT NULL") == [("c",)]
    assert shop.ingest(product("a"), product("b")).removed == 0
    assert shop.ingest(product("a"), product("b"), product("c")).changed == 1
    assert shop.rows("SELECT sku FROM items WHERE removed_at IS NOT NULL") == []


def test_half_of_a_catalog_may_go_and_more_has_to_be_allowed(shop: Shop) -> None:
    chairs = [product(str(n)) for n in range(1, 11)]
    shop.ingest(*chairs)
    assert shop.ingest(*chairs[:5]).removed == 5
    shop.ingest(*chairs)
    with pytest.raises(LookalikeError, match=r"feed\.csv lacks 6 of the 10 products stored"):
        shop.ingest(*chairs[:4])
    assert shop.rows("SELECT count(*) FROM items WHERE removed_at IS NULL") == [(10,)]
    assert shop.ingest(*chairs[:4], allow_removals=True).removed == 6


def test_rejects_and_bad_values_are_counted_and_told(shop: Shop) -> None:
    batch = Batch(
        Products.of([product("a", price=None), product("b")]),
        [Reject(4, "the sku is empty", ",x")],
        [BadValue(2, "a", "price", "'NaN' is not a number", "NaN")],
        read=3,
        repaired=1,
    )
    report = shop.ingest(
        source=ListSource(batches=[batch, Batch(Products.of([product("c")]), read=1)])
    )
    assert (report.read, report.stored, report.rejected) == (4, 3, 1)
    assert report.repaired == 1
    assert report.bad_values == {"price": 1}
    assert shop.problems == [
        Problem("row", 4, "the sku is empty", ",x"),
        Problem("value", 2, "price: 'NaN' is not a number", "NaN"),
    ]


def test_progress_adds_up_to_the_rows(shop: Shop) -> None:
    seen: list[int] = []
    many = Products.of([product(str(n)) for n in range(1, 4501)])
    batches = [
        Batch(many, read=4501, rejects=[Reject(1, "bad", "")]),
        Batch(Products.of([product("x")]), read=1),
    ]
    shop.ingest(source=ListSource(batches=batches), on_progress=seen.append)
    assert sum(seen) == 4502
    assert len(seen) > 3


@pytest.mark.parametrize(
    ("batch", "complaint"),
    [
        (Batch(Products.of([]), read=0), "feed.csv holds no product"),
        (
            Batch(Products.of([]), [Reject(2, "no sku", "")], read=1),
            "feed.csv has 1 row, and none is a product",
        ),
    ],
)
def test_a_source_without_a_product_changes_nothing(
    shop: Shop, batch: Batch, complaint: str
) -> None:
    shop.ingest(product("a"))
    with pytest.raises(LookalikeError, match=complaint):
        shop.ingest(source=ListSource(batches=[batch]), allow_removals=True)
    assert shop.rows("SELECT count(*) FROM items WHERE removed_at IS NULL") == [(1,)]


def test_two_ingests_wait_for_each_other(shop: Shop) -> None:
    waited: list[bool] = []
    with psycopg.connect(shop.url) as other:
        other.execute("SELECT pg_advisory_xact_lock(hashtext('lookalike ingest'))")
        waiting = Thread(
            target=shop.ingest,
            args=[product("a")],
            kwargs={"on_wait": lambda: waited.append(True) or other.commit()},  # type: ignore[func-returns-value]
        )
        waiting.start()
        waiting.join()
    assert waited == [True]
    assert shop.rows("SELECT sku FROM items") == [("a",)]


def test_what_the_profile_does_not_map_stays(shop: Shop) -> None:
    shop.ingest(product("a", brand="Ora", available=False), product("b"))
    text = SHOP.replace('brand = "brand"\n', "").replace('available = "stock"\n', "")
    without = shop_profile(text)
    report = shop.ingest(
        product("a", brand=None, price=11), product("b", brand=None), profile=without
    )
    assert (report.changed, report.unchanged) == (1, 1)
    assert shop.rows("SELECT brand_name, available, price FROM items WHERE sku = 'a'") == [
        ("Ora", False, Decimal(11))
    ]


def test_the_ingest_is_noted(shop: Shop) -> None:
    shop.ingest(product("a"), root="/srv/photos")
    ((root, first),) = shop.rows("SELECT root, ingested_at FROM catalogs")
    assert root == "/srv/photos"
    shop.ingest(product("a"))
    ((root, second),) = shop.rows("SELECT root, ingested_at FROM catalogs")
    assert root == "/srv/photos"
    assert second > first
