"""`lookalike train words`: learn what words look like from the catalog's own names."""

import click

from app.database.ready import ready_database
from app.models import get_model_or_active
from app.settings import get_settings
from worker.cli.train import held_out_option


@click.command(name="words")
@click.option("--model", "name", metavar="NAME", help="Of this model; the active one by default.")
@held_out_option
def command(name: str | None, held_out: float) -> None:
    """Learn a vector for each word, so that photos are found by words.

    It learns from the names, brands and text attributes of the products that the model has
    embedded, in any language, and replaces the word vectors that the model has.
    """
    from worker.training.word_job import train_words

    with ready_database(get_settings()) as database:
        with database.connection() as connection:
            model = get_model_or_active(connection, name)
        learnt = train_words(database, model, held_out)
    click.echo(
        f"{model.name}: {learnt.words:,} words and pairs of words and {learnt.parts:,} parts of "
        f"words, learnt from {learnt.products:,} products"
    )
