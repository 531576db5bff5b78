"""`lookalike train words`: learn what words look like from the catalog's own names."""

import click

from app.database.ready import ready_database
from app.errors import LookalikeError
from app.models import active_model, get_model
from app.settings import get_settings


@click.command(name="words")
@click.option("--model", "name", metavar="NAME", help="Of this model; the active one by default.")
@click.option(
    "--held-out",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.15,
    show_default=True,
    help="Share of the products held out to measure on, chosen by a hash of their skus.",
)
def command(name: str | None, held_out: float) -> None:
    """Learn a vector for each word, so that photos are found by words.

    It learns from the names, brands and text attributes of the products that the model has
    embedded, in any language, and replaces the word vectors that the model has.
    """
    from worker.training.word_job import train_words

    with ready_database(get_settings()) as database:
        with database.connection() as connection:
            model = active_model(connection) if name is None else get_model(connection, name)
        if model is None:
            raise LookalikeError("no embedding model is active yet: run `lookalike embed`")
        learnt = train_words(database, model, held_out)
    click.echo(
        f"{model.name}: {learnt.words:,} words and pairs of words and {learnt.parts:,} parts of "
        f"words, learnt from {learnt.products:,} products"
    )
