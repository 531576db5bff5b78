"""Which profile an ingest goes by, and what happens where the database has other attributes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.catalog.apply import apply_profile
from app.catalog.attributes import load_catalog
from app.catalog.profile import DATASET, load_profile
from app.errors import LookalikeError
from tests.ingest.conftest import Shop
from tests.ingest.fakes import SHOP, ListSource, MemoryPhotos, product, shop_profile
from worker.ingest import choose_profile, ingest

FURTHER = '\n[attributes.depth]\ntype = "number"\n'


@pytest.fixture
def bare(bare_url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(bare_url) as connection:
        yield connection


@pytest.fixture
def feed(tmp_path: Path) -> str:
    file = tmp_path / "feed.csv"
    file.write_text("sku,title,image_url,price,category\na,Chair,a.jpg,10,Seats\n")
    return str(file)


def test_the_first_profile_is_applied_by_the_ingest_itself(
    bare: psycopg.Connection[Any],
) -> None:
    assert ingest(bare, ListSource([product("a")]), MemoryPhotos()).added == 1
    bare.commit()
    assert load_catalog(bare).columns == ("material", "seats", "rooms")
    assert bare.execute("SELECT material FROM items").fetchall() == [("oak",)]


def test_a_failed_ingest_declares_nothing(bare: psycopg.Connection[Any]) -> None:
    with pytest.raises(LookalikeError, match="holds no product"):
        ingest(bare, ListSource(), MemoryPhotos())
    bare.rollback()
    assert load_catalog(bare).columns == ()


def test_attributes_that_the_database_lacks_are_refused(shop: Shop) -> None:
    further = shop_profile(SHOP + FURTHER)
    with pytest.raises(
        LookalikeError, match=r"no attribute depth: run `lookalike catalog apply shop.toml` as the"
    ):
        shop.ingest(product("a"), profile=further, update=True)


def test_an_attribute_of_another_type_is_refused(shop: Shop) -> None:
    other = shop_profile(SHOP.replace('"integer"', '"text"'))
    with pytest.raises(LookalikeError, match="seats is integer in the database and text in shop"):
        shop.ingest(product("a"), profile=other)


def test_attributes_that_the_profile_lacks_stay_only_in_an_update(shop: Shop) -> None:
    shop.rows("SELECT 1")
    apply_profile(shop.connection, shop_profile(SHOP + FURTHER))
    shop.connection.commit()
    with pytest.raises(LookalikeError, match="doesn't declare the attribute depth"):
        shop.ingest(product("a"))
    assert shop.ingest(product("a"), update=True).added == 1


def test_the_profile_that_is_named_comes_first(shop: Shop, tmp_path: Path, feed: str) -> None:
    file = tmp_path / "shop.toml"
    file.write_text(SHOP)
    choice = choose_profile(shop.connection, feed, str(file))
    assert choice.profile.name == str(file)
    assert str(file) in choice.note


def test_then_that_of_the_database(shop: Shop, feed: str) -> None:
    choice = choose_profile(shop.connection, feed)
    assert choice.profile.text == SHOP
    assert "the database's own" in choice.note


def test_then_that_of_the_dataset_for_its_folder(
    bare: psycopg.Connection[Any], sample_catalog: Path
) -> None:
    choice = choose_profile(bare, str(sample_catalog))
    assert choice.profile == load_profile(DATASET)
    assert DATASET in choice.note


def test_a_shop_s_profile_is_not_for_the_dataset_s_folder(shop: Shop, sample_catalog: Path) -> None:
    choice = choose_profile(shop.connection, str(sample_catalog))
    assert choice.profile == load_profile(DATASET)


def test_then_what_the_source_shows(bare: psycopg.Connection[Any], feed: str) -> None:
    choice = choose_profile(bare, feed)
    source = choice.profile.source
    assert (source.sku, source.title, source.photo) == ("sku", "title", "image_url")
    assert "sku is 'sku'" in choice.note
    assert "lookalike catalog inspect" in choice.note
    assert "\n" not in choice.note


def test_a_file_of_another_kind_than_the_database_s_profile_is_told_how_to_get_one(
    bare: psycopg.Connection[Any], feed: str
) -> None:
    apply_profile(bare, load_profile(DATASET))
    with pytest.raises(
        LookalikeError,
        match=r"for another format, dataset; write one for .*feed.csv with `lookalike catalog "
        r"inspect --write FILE`, edit it, and run `lookalike catalog apply FILE`",
    ) as raised:
        choose_profile(bare, feed)
    assert "apply " + feed not in str(raised.value)
    assert choose_profile(bare, feed, update=True).profile.source.sku == "sku"
