"""A shop's own table, by a query."""

import sqlite3
from datetime import date
from decimal import Decimal
from pathlib import Path

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.errors import LookalikeError
from tests.sources.reading import only, read, shop
from worker.sources import open_source
from worker.sources.databases import reading_query, shown_url

SAID = shop(
    "sql",
    source='available = "stock"',
    attributes="""
    [attributes.since]
    type = "date"
    [attributes.tags]
    type = "text[]"
    """,
)
QUERY = "SELECT * FROM products WHERE title NOT LIKE 'x%' OR title LIKE ':y' ORDER BY sku;"


@pytest.fixture
def sqlite(tmp_path: Path) -> str:
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute(
            "CREATE TABLE products (sku, title, price, photo, stock, since, tags, rest)"
        )
        database.executemany(
            "INSERT INTO products VALUES (?, 'Lamp', 12.5, 'a.jpg', 1, '2026-01-31', 'a|b', 0)",
            [(f"A-{number:05}",) for number in range(12_000)],
        )
    database.close()
    return f"sqlite:///{tmp_path / 'shop.db'}"


def test_a_table_of_sqlite(sqlite: str) -> None:
    found = read(sqlite, SAID, query=QUERY)
    assert [product.line for product in found.products] == list(range(1, 12_001))
    assert found.products[0] == (
        1, "A-00000", ("Lamp", None, Decimal("12.5"), None, True),
        (date(2026, 1, 31), ["a", "b"]), ("a.jpg",), None,
    )  # fmt: skip
    source = open_source(sqlite, SAID, query=QUERY)
    assert (source.root, source.size()) == (None, None)
    assert source.notes == ["columns that the profile doesn't name: rest"]
    for _ in range(2):
        assert sum(batch.read for batch in source.batches()) == 12_000


def test_a_table_of_postgres(empty_url: str) -> None:
    with psycopg.connect(empty_url) as connection:
        connection.execute(
            "CREATE TABLE products (sku text, title text, price numeric, photo text, stock int,"
            " since date, tags text[])"
        )
        connection.execute(
            "INSERT INTO products SELECT 'A-' || n, 'Lämp', 12.50, 'a.jpg', 3, '2026-01-31',"
            " '{a,b}' FROM generate_series(1, 12000) n"
        )
        connection.execute("CREATE SEQUENCE numbers")
        name = connection.info.dbname
        connection.execute(f"ALTER DATABASE {name} SET DateStyle = 'German'")
        connection.execute(f"ALTER DATABASE {name} SET client_encoding = 'LATIN1'")
    found = read(empty_url, SAID, query=QUERY)
    assert len(found.products) == 12_000
    assert found.products[0].core == ("Lämp", None, Decimal("12.50"), None, True)
    assert found.products[0].attributes == (date(2026, 1, 31), ["a", "b"])
    with pytest.raises(LookalikeError, match="must not contain data-modifying statements"):
        read(
            empty_url, SAID, query="WITH gone AS (DELETE FROM products RETURNING *) TABLE products"
        )
    with pytest.raises(LookalikeError, match="read-only transaction"):
        read(empty_url, SAID, query="SELECT *, nextval('numbers') AS gone FROM products")
    with pytest.raises(LookalikeError, match='relation "nothing" does not exist'):
        read(empty_url, SAID, query="SELECT * FROM nothing")


def test_no_row_is_no_product(sqlite: str) -> None:
    assert read(sqlite, SAID, query="SELECT * FROM products WHERE false").read == 0


@pytest.mark.parametrize(
    "query",
    [
        "DELETE FROM products",
        "UPDATE products SET price = 0",
        "SELECT 1; DROP TABLE products",
        "/* SELECT */ DROP TABLE products",
        "-- SELECT\nTRUNCATE products",
        "EXPLAIN SELECT 1",
        "products",
        "(((",
    ],
)
def test_what_is_no_select_is_refused(query: str) -> None:
    with pytest.raises(LookalikeError, match="--query has to be one SELECT"):
        reading_query(query)


def test_what_is_a_select_is_not() -> None:
    for query in ("select 1;", "WITH a AS (SELECT ';') TABLE a", "(SELECT 1)", "-- x;\nSELECT 1"):
        assert reading_query(query)
    for missing in (None, "", "  "):
        with pytest.raises(LookalikeError, match="needs a query: say --query"):
            reading_query(missing)


def test_sqlite_is_only_read(sqlite: str) -> None:
    query = "WITH a AS (SELECT 1) DELETE FROM products"
    with pytest.raises(LookalikeError, match="readonly"):
        read(sqlite, SAID, query=query)
    assert len(read(sqlite, SAID, query=QUERY).products) == 12_000


@pytest.mark.parametrize(
    ("url", "complaint"),
    [
        ("sqlite:///nowhere.db", "there is no file nowhere.db"),
        (
            "postgresql://me:secret@127.0.0.1:1/shop",
            r"query on postgresql://\*\*\*@127.0.0.1:1/shop failed",
        ),
        ("klingon://me:secret@host/shop", "no dialect called klingon"),
        ("mysql+nodriver://me:secret@host/shop", "no dialect called mysql"),
        ("mysql+pymysql://me:secret@host/shop", "isn't installed: pip install pymysql"),
        ("mysql://me:secret@host/shop", "isn't installed: pip install mysqlclient, or write"),
        ("postgresql://me:secret@host:port/shop", "is not the URL of a database"),
        ("postgresql://me:se@cret@host/shop", "write @ as %40"),
        ("postgresql://me:se/cret@host/shop", "write @ as %40"),
        ("postgresql://me:se?cret@host/shop", "write @ as %40"),
        ("postgresql://me:se#cret@host/shop", "write @ as %40"),
    ],
)
def test_a_database_that_can_not_be_read_is_one_line(url: str, complaint: str) -> None:
    with pytest.raises(LookalikeError, match=complaint) as raised:
        read(url, SAID, query="SELECT 1")
    assert "se" + "cret" not in str(raised.value)
    assert "cret" not in str(raised.value)
    assert "\n" not in str(raised.value)


@settings(derandomize=True, deadline=None)
@given(st.text("abz/@:?#%[] 19", min_size=4, max_size=12))
def test_no_message_shows_a_password(password: str) -> None:
    url = f"postgresql://me:QQ{password}QQ@127.0.0.1:1/shop"
    try:
        shown = shown_url(url)
    except LookalikeError as error:
        shown = str(error)
    assert "QQ" not in shown


def test_a_missing_query_is_told_the_tables(sqlite: str) -> None:
    with pytest.raises(LookalikeError, match=r"needs a query: .*; its tables are: products$"):
        open_source(sqlite, SAID)


def test_the_place_of_a_socket_is_shown() -> None:
    url = "postgresql://me:pw@/shop?host=/run/postgresql&port=5433&password=pw&user=me"
    assert shown_url(url) == "postgresql://***@/shop?host=/run/postgresql&port=5433"
    assert shown_url("postgresql:///shop?host=/run") == "postgresql:///shop?host=/run"


def test_a_missing_column_is_named(sqlite: str) -> None:
    with pytest.raises(LookalikeError, match=r"no column 'title'.*its columns are: sku"):
        read(sqlite, SAID, query="SELECT sku FROM products")
    query = "SELECT sku, 1 AS sku, 'x' title, 2 price, '' photo, 1 stock, '' since, '' tags"
    assert only(read(sqlite, SAID, query=f"{query} FROM products LIMIT 1")).sku == "A-00000"
