"""`lookalike train`: a model of one's own."""

from pathlib import Path

import click

from app.database.ready import ready_database
from app.settings import get_settings


@click.command(name="train")
@click.argument("name")
@click.option(
    "--from",
    "source",
    required=True,
    metavar="CATALOG|database",
    help="What to learn from: a catalog's folder, or `database` for what is ingested.",
)
@click.option(
    "--projection-of",
    "base",
    metavar="MODEL",
    help="Train a head on the vectors of this model in the database, or, from a catalog's "
    "folder, of this backbone. Without it the whole network is trained.",
)
@click.option("--backbone", default="compact", show_default=True, help="The network to train.")
@click.option(
    "--weights",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Weights of the network to start from, or of the backbone below the head.",
)
@click.option(
    "--teacher", metavar="BACKBONE", help="A larger backbone whose features to imitate as well."
)
@click.option(
    "--teacher-weights",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Its weights file; by default the backbone's own.",
)
@click.option(
    "--teacher-weight",
    type=click.FloatRange(0, min_open=True),
    help="How much imitating the teacher counts beside the labels.",
)
@click.option(
    "--neighbour-weight",
    type=click.FloatRange(0, min_open=True),
    help="How much the nearness of products with a label in common counts beside the labels.",
)
@click.option(
    "--label",
    "labels",
    multiple=True,
    metavar="COLUMN[=WEIGHT]",
    help="Learn this label, so much; repeat for several. By default all that vary.",
)
@click.option(
    "--dimensions",
    type=click.IntRange(16, 2048),
    default=256,
    show_default=True,
    help="Length of a head's vectors.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over the data, at most.")
@click.option(
    "--learning-rate",
    type=click.FloatRange(0, min_open=True),
    help="The highest; less for a network that starts from weights.",
)
@click.option(
    "--variation",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    help="How much to vary the photos; little or none finishes a network that starts from weights.",
)
@click.option(
    "--held-out",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.15,
    show_default=True,
    help="Share of the products that only measure, chosen by a hash of their ids.",
)
@click.option("--seed", type=int, default=1, show_default=True, help="Of all chance.")
@click.option(
    "--precision",
    type=click.Choice(["float32", "bfloat16"]),
    default="float32",
    show_default=True,
    help="What the network computes in; bfloat16 is faster where the processor has it.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the weights to this file as well.",
)
def command(name: str, source: str, base: str | None, **options: object) -> None:
    """Train a model called NAME on a catalog's labels, and register it.

    Afterwards `lookalike embed` fills it and `lookalike models activate NAME` switches to it. A
    run that was killed goes on where it was when the same command is given again.
    """
    from app.encoders.keras_import import load_keras

    load_keras()  # first, and quietly: the imports below need it
    from worker.training.command import run
    from worker.training.request import Request

    with ready_database(get_settings()) as database:
        run(database, get_settings(), Request(name, source, base, **options))  # type: ignore[arg-type]
