"""`lookalike train`: train a model on the catalog's labels."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from app.database.ready import ready_database
from app.settings import get_settings

NETWORK_ALONE = (
    *("backbone", "precision", "variation", "recipe"),
    *("teacher", "teacher_weights", "teacher_weight"),
)
"""Options that have no effect on the training of a head."""

IN_A_RECIPE = (
    *("backbone", "teacher", "teacher_weight", "neighbour_weight", "labels"),
    *("epochs", "learning_rate", "variation", "held_out", "seed"),
)
"""Options that a recipe decides."""

held_out_option = click.option(
    "--held-out",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.15,
    show_default=True,
    help="Share of the products held out to measure on, chosen by a hash of their skus.",
)


class _Train(click.Command):
    """The command, or `train words` if that is what is asked for."""

    def make_context(
        self,
        info_name: str | None,
        args: list[str],
        parent: click.Context | None = None,
        **extra: Any,
    ) -> click.Context:
        """Return the context of the command that the arguments name."""
        if args[:1] != ["words"]:
            return super().make_context(info_name, args, parent, **extra)
        from worker.cli.train_words import command as words

        return words.make_context(f"{info_name} words", args[1:], parent, **extra)


@click.command(name="train", cls=_Train)
@click.pass_context
@click.argument("name")
@click.option(
    "--from",
    "sources",
    required=True,
    multiple=True,
    metavar="SOURCE|database",
    help="What to learn from: a source as for ingest, or `database` for what is ingested. Repeat "
    "it for several sources; a product that several have is one, with several photos.",
)
@click.option(
    "--profile",
    metavar="FILE",
    help="Catalog profile of SOURCE; by default its own, or the one in the database.",
)
@click.option(
    "--recipe",
    metavar="NAME|FILE",
    help="All hyperparameters, from a TOML file; the package has the one of `compact`.",
)
@click.option(
    "--projection-of",
    "base",
    metavar="MODEL",
    help="Train a head on the vectors of this model in the database, or, from a "
    "source, of this backbone. Without it the whole network is trained.",
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
    metavar="LABEL[=WEIGHT]",
    help="Learn this label, with this weight; repeat for several. ONE+OTHER is both as one label. "
    "By default those that the profile marks with train.",
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
@held_out_option
@click.option("--seed", type=int, default=1, show_default=True, help="Seed of all random choices.")
@click.option(
    "--precision",
    type=click.Choice(["auto", "float32", "bfloat16"]),
    default="auto",
    show_default=True,
    help="What the network computes in; auto is bfloat16 where the processor has it.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the weights to this file as well.",
)
def command(ctx: click.Context, /, name: str, **options: object) -> None:
    """Train a model called NAME on a catalog's labels, and register it.

    Afterwards `lookalike embed` fills it and `lookalike models activate NAME` switches to it. A
    run that was killed goes on where it was when the same command is given again.

    `lookalike train words` is a command of its own: it learns what words look like to a model.
    """
    _refuse_idle_options(ctx)
    if "database" in ctx.params["sources"] and len(ctx.params["sources"]) > 1:
        raise click.UsageError("--from database goes with no other source", ctx)
    from app.encoders.keras_import import load_keras

    load_keras()  # quietly, before the imports below load it
    from worker.training.command import run
    from worker.training.request import Request

    with ready_database(get_settings()) as database:
        run(database, get_settings(), Request(name, **options))  # type: ignore[arg-type]


def _refuse_idle_options(ctx: click.Context) -> None:
    """Refuse options that were given and have no effect."""
    for name, reason in _idle_options(ctx.params).items():
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = "label" if name == "labels" else name.replace("_", "-")
            raise click.UsageError(f"--{option} has no effect here: {reason}", ctx)


def _idle_options(given: Mapping[str, Any]) -> dict[str, str]:
    """Return the options that have no effect together with the others, each with the reason."""
    if given["recipe"] is not None and given["base"] is None:
        idle = dict.fromkeys(IN_A_RECIPE, "the recipe says it")
        return idle | {"dimensions": "without --projection-of the length is the backbone's"}
    if given["base"] is None:
        idle = {"dimensions": "without --projection-of the length is the backbone's"}
        if given["teacher"] is None:
            idle |= dict.fromkeys(("teacher_weights", "teacher_weight"), "there is no --teacher")
        return idle
    idle = dict.fromkeys(NETWORK_ALONE, "--projection-of trains a head and no network")
    if "database" in given["sources"]:
        idle["profile"] = "the database has its own"
        idle["weights"] = "the model in the database has its own"
    return idle
