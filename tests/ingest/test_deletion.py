"""`lookalike items delete`: products that really go, with all that belongs to them."""

import subprocess
from typing import Any

import pytest

from tests.conftest import Cli, cli_environment
from tests.ingest.conftest import Shop, embed
from tests.ingest.fakes import product
from tests.support.commands import LOOKALIKE

COUNTS = (
    "SELECT (SELECT count(*) FROM items), (SELECT count(*) FROM photos), "
    "(SELECT count(*) FROM embeddings), (SELECT count(*) FROM embedding_jobs)"
)


@pytest.fixture
def chairs(shop: Shop) -> Shop:
    shop.photos.files = {"a.jpg": "A", "b.jpg": "B", "c.jpg": "C"}
    shop.ingest(
        product("a/1", "a.jpg", "b.jpg"), product("b 2", "c.jpg"), product("3"), product("4")
    )
    embed(shop, pending=True)
    return shop


def test_rows_vectors_and_jobs_go(chairs: Shop, cli: Cli) -> None:
    done = cli(chairs.url, "items", "delete", "a/1", "3", "--yes")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "deleted 2 products with 2 photos and 2 vectors\n"
    assert chairs.rows(COUNTS) == [(2, 1, 1, 1)]
    assert chairs.rows("SELECT sku FROM items ORDER BY sku") == [("4",), ("b 2",)]


def test_an_unknown_sku_is_named_and_nothing_goes(chairs: Shop, cli: Cli) -> None:
    done = cli(chairs.url, "items", "delete", "a/1", "nothing", "--yes")
    assert done.returncode == 1
    assert done.stderr == "lookalike: there is no product 'nothing': nothing was deleted\n"
    assert chairs.rows(COUNTS) == [(4, 3, 3, 3)]


def test_products_that_left_long_ago_are_purged(chairs: Shop, cli: Cli) -> None:
    chairs.ingest(product("b 2", "c.jpg"), product("4"), allow_removals=True)
    chairs.rows("UPDATE items SET removed_at = '2026-03-01' WHERE sku = 'a/1'")
    nothing = cli(chairs.url, "items", "delete", "--purge-removed-before", "2026-03-01", "--yes")
    assert nothing.stdout == "deleted 0 products with 0 photos and 0 vectors\n"
    done = cli(chairs.url, "items", "delete", "--purge-removed-before", "2026-03-02", "--yes")
    assert done.stdout == "deleted 1 product with 2 photos and 2 vectors\n"
    assert chairs.rows(COUNTS) == [(3, 1, 1, 1)]


@pytest.mark.parametrize(("answer", "left"), [("n\n", 4), ("y\n", 3), ("", 4)])
def test_it_asks_first(chairs: Shop, home: Any, answer: str, left: int) -> None:
    done = subprocess.run(
        [LOOKALIKE, "items", "delete", "a/1"],
        env=cli_environment(chairs.url, home),
        input=answer,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "This deletes 1 product with 2 photos and 2 vectors permanently" in done.stderr
    assert (done.returncode == 0) == (left == 3)
    if answer == "n\n":
        assert done.stderr.endswith("lookalike: nothing was deleted\n")
    assert chairs.rows("SELECT count(*) FROM items") == [(left,)]


@pytest.mark.parametrize("arguments", [(), ("--purge-removed-before", "soon")])
def test_a_call_that_names_nothing_is_a_wrong_call(
    shop: Shop, cli: Cli, arguments: tuple[str, ...]
) -> None:
    assert cli(shop.url, "items", "delete", *arguments).returncode == 2


def test_a_deleted_product_comes_back_as_a_new_one(chairs: Shop, cli: Cli) -> None:
    ((before,),) = chairs.rows("SELECT item_id FROM items WHERE sku = 'a/1'")
    cli(chairs.url, "items", "delete", "a/1", "--yes")
    chairs.ingest(
        product("a/1", "a.jpg", "b.jpg"), product("b 2", "c.jpg"), product("3"), product("4")
    )
    ((after,),) = chairs.rows("SELECT item_id FROM items WHERE sku = 'a/1'")
    assert after > before
    assert len(chairs.photo_rows()) == 3
