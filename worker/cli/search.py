"""`lookalike search`: print the products that a text finds."""

import click

from app.catalog.attributes import load_catalog
from app.database.ready import ready_database
from app.items.parameters import read_parameters
from app.search.by_words import MOST, WordsQuery, search_by_words
from app.search.nearest import search_connection
from app.settings import get_settings
from worker.cli.similar import print_products
from worker.console import echo_json


@click.command(name="search")
@click.argument("words", nargs=-1, required=True)
@click.option(
    "--top-n", type=click.IntRange(1, MOST), default=5, show_default=True, help="How many."
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer of the HTTP API.")
def command(words: tuple[str, ...], top_n: int, as_json: bool) -> None:
    """Print the products that WORDS find: by name and brand, and by how their photos look.

    A sku will do as well. How words look is learnt by `lookalike train words`.
    """
    asked = read_parameters(WordsQuery, {"q": " ".join(words), "top_n": top_n, "explain": True})
    with ready_database(get_settings()) as database, search_connection(database) as connection:
        catalog = load_catalog(connection)
        answer = search_by_words(connection, catalog, asked, {})
    if as_json:
        echo_json(answer.model_dump(mode="json"))
        return
    if not answer.by_look and answer.explain is not None:
        click.echo(f"lookalike: by names and brands alone: {answer.explain.look}", err=True)
    print_products(catalog, answer.results, {"similarity": "similarity", "found": "found by"})
