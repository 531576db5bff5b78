"""Statements are prepared where no pooler is in between, and only those that ask for it."""

from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.catalog.apply import apply_profile
from app.catalog.attributes import load_catalog
from app.catalog.profile import parse_profile
from app.database import Database, open_database
from app.items.keys import ItemKey
from app.search.nearest import search_connection
from app.search.options import SearchOptions
from app.search.similar import similar_items
from app.settings import Settings
from tests.conftest import settings_for
from tests.support.pgbouncer import pooler
from tests.support.products import store_model, store_product, unit_vectors

PREPARED = "SELECT count(*) FROM pg_prepared_statements"


@pytest.fixture
def shop(empty_url: str) -> str:
    """URI of a database with three products."""
    with psycopg.connect(empty_url) as connection:
        store_model(connection, 4)
        for sku, vector in zip("abc", unit_vectors(3, 4), strict=True):
            store_product(connection, sku, [sku], [vector], year=2020)
    return empty_url


def one_connection(url: str, home: Path) -> Settings:
    return settings_for(url, home).model_copy(update={"pool_size": 1})


def search(database: Database, **options: Any) -> list[Any]:
    """Ask a question of one statement, and return the results."""
    with database.connection() as connection:
        catalog = load_catalog(connection)
    with search_connection(database, one_statement=True) as connection:
        found = similar_items(
            connection, ItemKey.from_text("a"), SearchOptions.read(catalog, options)
        )
        return found.results


def prepared(database: Database) -> int:
    with database.connection(autocommit=True) as connection:
        row = connection.execute(PREPARED).fetchone()
    assert row is not None
    return int(row[0])


def test_a_search_is_prepared_and_nothing_else(shop: str, home: Path) -> None:
    with open_database(one_connection(shop, home)) as database:
        for _ in range(10):
            assert len(search(database)) == 2
        assert prepared(database) == 1
        for _ in range(10):
            with database.connection() as connection:
                connection.execute("SELECT %s::integer", [1])
        assert prepared(database) == 1


def test_nothing_is_prepared_behind_a_pooler(shop: str, home: Path) -> None:
    with (
        pooler(shop, pool_size=1) as pooled,
        open_database(settings := settings_for(pooled, home)) as database,
    ):
        for ef_search in (None, 50):
            for _ in range(3):
                assert len(search(database)) == 2
            database.settings = settings.model_copy(update={"hnsw_ef_search": ef_search})
        assert len(search(database)) == 2
        assert prepared(database) == 0


def test_a_column_that_changes_its_type_is_read_anew(shop: str, home: Path) -> None:
    profile = """
        [source]
        format = "csv"
        sku = "sku"
        [attributes.year]
        type = "text"
        label = "Year"
    """
    with open_database(one_connection(shop, home)) as database:
        for _ in range(7):
            assert search(database)[0].value("year") == 2020
        with database.connection() as connection:
            apply_profile(connection, parse_profile(profile, "test"), drop=True)
        for _ in range(7):
            assert search(database)[0].value("year") is None


def test_a_connection_is_as_it_is_asked_for(shop: str, home: Path) -> None:
    with open_database(one_connection(shop, home)) as database:
        for autocommit in (True, False, True, False):
            with database.connection(autocommit=autocommit) as connection:
                connection.execute("SELECT set_config('lookalike.ef_search', '77', true)")
                row = connection.execute("SELECT current_setting('lookalike.ef_search')").fetchone()
            assert row == ("" if autocommit else "77",)
        with database.connection(autocommit=True) as connection, pytest.raises(psycopg.Error):
            connection.execute("SELECT 1/0")
        assert len(search(database)) == 2
