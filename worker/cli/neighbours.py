"""`lookalike neighbours`: the nearest neighbours of every product."""

from pathlib import Path

import click

from app.database.ready import ready_database
from app.search.options import MAX_TOP_N
from app.settings import get_settings
from worker.console import say


@click.command(name="neighbours")
@click.option(
    "--top-n",
    type=click.IntRange(1, MAX_TOP_N),
    default=20,
    show_default=True,
    help="Neighbours of a product.",
)
@click.option(
    "--output",
    "file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write them to this Parquet file.",
)
@click.option("--into-table", is_flag=True, help="Replace the model's rows of `neighbours`.")
@click.option("--model", "name", help="By this model instead of the active one.")
def command(top_n: int, file: Path | None, into_table: bool, name: str | None) -> None:
    """Find the products that look most like each product, of all products at once.

    They are those that the API finds by exact search, without a filter: available products, by
    their best photo, most similar first. The table `neighbours` and the file are replaced as a
    whole when all is written.
    """
    if file is None and not into_table:
        raise click.UsageError("name a file with --output, or say --into-table")
    if file is not None and file.suffix != ".parquet":
        raise click.UsageError(f"{file} is to be a Parquet file: end its name in .parquet")
    from worker.neighbours.run import store_neighbours  # pyarrow is slow to import

    with ready_database(get_settings()) as database:
        model, products, found = store_neighbours(
            database, name, top_n, file, into_table=into_table
        )
    say(
        "neighbours",
        f"{model}: {found:,} neighbours of {products:,} products",
        model=model,
        products=products,
        neighbours=found,
    )
