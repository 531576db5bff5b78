"""`lookalike similar`: print the products that look most like one."""

from collections.abc import Mapping, Sequence
from typing import Any

import click

from app.catalog.attributes import Catalog, load_catalog
from app.database.ready import ready_database
from app.items.keys import ItemKey
from app.items.product import Product
from app.search.answers import SimilarItems
from app.search.nearest import search_connection
from app.search.options import MAX_TOP_N, TOP_N, SearchOptions
from app.search.similar import similar_items
from app.settings import get_settings
from worker.console import echo_json, echo_table


@click.command(name="similar")
@click.argument("sku")
@click.option(
    "--top-n", type=click.IntRange(1, MAX_TOP_N), default=TOP_N, show_default=True, help="How many."
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer of the HTTP API.")
def command(sku: str, top_n: int, as_json: bool) -> None:
    """Print the products that look most like the one with SKU, by the active model.

    An item_id will do as well.
    """
    with ready_database(get_settings()) as database, search_connection(database) as connection:
        catalog = load_catalog(connection)
        options = SearchOptions.read(catalog, {"top_n": top_n})
        answer = similar_items(connection, ItemKey.from_text(sku), options)
    if as_json:
        echo_json(answer.as_json())
    else:
        print_similar(catalog, answer)


def print_similar(catalog: Catalog, answer: SimilarItems) -> None:
    """Print similar items as a table, with the attributes that the profile marks with `card`."""
    print_products(catalog, answer.results, {"similarity": "similarity"})


def print_products(catalog: Catalog, products: Sequence[Product], own: Mapping[str, str]) -> None:
    """Print products as a table.

    Args:
        catalog: those of its attributes that it marks with `card` are shown.
        products: the products.
        own: further fields with their headings.
    """
    cards = {a.name: a.label.lower() for a in catalog.attributes if a.card}
    columns = {"sku": "sku", **own, **cards, "product_display_name": "name"}
    echo_table([_row(item, columns) for item in products], columns)


def _row(item: Product, columns: dict[str, str]) -> dict[str, Any]:
    row = item.model_dump()
    values = {name: row[name] for name in columns}
    return {
        name: ", ".join(value) if isinstance(value, list) else value
        for name, value in values.items()
    }
