"""`lookalike status`: how far each model has come."""

import click
from psycopg.rows import dict_row

from app.database import query
from app.database.ready import ready_database
from app.settings import get_settings
from worker.console import echo_json, echo_table

COLUMNS = ("name", "active", "items", "embedded", "pending", "failed", "percent")


@click.command(name="status")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(as_json: bool) -> None:
    """Say how many photos each model has embedded, and how many are pending or failed."""
    with ready_database(get_settings()) as database, database.connection() as connection:
        cursor = connection.cursor(row_factory=dict_row)
        models = cursor.execute(query("app.embedding_models", "progress")).fetchall()
        counts = cursor.execute(query("app.items", "count_items")).fetchone()
    assert counts is not None  # noqa: S101 - an aggregate gives a row
    for model in models:
        model["percent"] = float(model["percent"])
    if as_json:
        echo_json({**counts, "models": models})
        return
    click.echo(f"{counts['items']:,} products, {counts['with_photo']:,} with a photo")
    if models:
        echo_table(
            [{**model, "percent": f"{model['percent']:.1f}"} for model in models],
            {column: column for column in COLUMNS},
        )
    else:
        click.echo("no model is registered yet: `lookalike embed` registers the default")
