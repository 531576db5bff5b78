"""`lookalike similar`: the products most similar to one."""

import click

from app.database.ready import ready_database
from app.search.answers import SimilarItems
from app.search.options import MAX_TOP_N, TOP_N, SearchOptions
from app.search.similar import similar_items
from app.settings import get_settings
from worker.console import echo_json, echo_table

COLUMNS = {
    "item_id": "item",
    "similarity": "similarity",
    "article_type": "type",
    "base_colour": "colour",
    "product_display_name": "name",
}


@click.command(name="similar")
@click.argument("item_id", type=click.IntRange(1, 2**63 - 1))
@click.option(
    "--top-n", type=click.IntRange(1, MAX_TOP_N), default=TOP_N, show_default=True, help="How many."
)
@click.option("--json", "as_json", is_flag=True, help="Print the answer of the HTTP API.")
def command(item_id: int, top_n: int, as_json: bool) -> None:
    """Print the products that look most like ITEM_ID, by the active model."""
    with ready_database(get_settings()) as database, database.connection() as connection:
        answer = similar_items(connection, item_id, SearchOptions(top_n=top_n))
    if as_json:
        echo_json(answer.as_json())
    else:
        print_similar(answer)


def print_similar(answer: SimilarItems) -> None:
    """Print similar items as a table."""
    echo_table([item.model_dump() for item in answer.results], COLUMNS)
