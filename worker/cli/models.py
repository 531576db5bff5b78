"""`lookalike models`: register, switch and drop embedding models."""

from dataclasses import asdict
from pathlib import Path

import click

from app.database.ready import ready_database
from app.encoders.precision import Precision
from app.photos.decode import Resize
from app.settings import get_settings
from worker.console import echo_json, echo_table


@click.group(name="models")
def command() -> None:
    """Register, switch and drop embedding models."""


@command.command(name="list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(as_json: bool) -> None:
    """List the registered models."""
    from app.models import list_models

    with ready_database(get_settings()) as database, database.connection() as connection:
        models = [asdict(model) for model in list_models(connection)]
    if as_json:
        echo_json({"models": models})
    elif models:
        columns = ["name", "active", "backbone", "pooling", "dimensions", "input_size", "precision"]
        if any(model["dropping"] for model in models):
            columns.append("dropping")
        echo_table(models, {column: column for column in columns})
    else:
        click.echo("no model is registered yet: `lookalike embed` registers the default")


@command.command()
@click.argument("backbone")
@click.option("--as", "name", help="Name of the model; by default the backbone's.")
@click.option(
    "--weights",
    type=click.Path(path_type=Path),
    help="Weights file of the backbone without its top (.weights.h5, or Keras's …_notop.h5).",
)
@click.option(
    "--precision",
    type=click.Choice([str(each) for each in Precision]),
    default=str(Precision.AUTO),
    show_default=True,
    help="What to compute in; auto: bfloat16 if the processor has it and the vectors agree.",
)
@click.option(
    "--resize",
    type=click.Choice([str(each) for each in Resize]),
    help="How photos become squares; antialias is much faster on large ones. By default as the "
    "backbone was trained.",
)
def add(
    backbone: str,
    name: str | None,
    weights: Path | None,
    precision: str,
    resize: str | None,
) -> None:
    """Register BACKBONE (resnet50, mobilenet_v2, compact) with its weights.

    The first model of a database becomes active; later ones when `models activate` says so.
    """
    from worker.embedding.registration import register

    with ready_database(get_settings()) as database:
        model = register(
            database,
            get_settings(),
            backbone,
            name,
            weights,
            Precision(precision),
            Resize(resize) if resize else None,
        )
    click.echo(
        f"registered {model.name}: {model.dimensions} dimensions, weights "
        f"{model.weights_sha256[:12]}…{', active' if model.active else ''}"
    )


@command.command()
@click.argument("name")
@click.option("--force", is_flag=True, help="Switch even if photos are still to be embedded.")
def activate(name: str, force: bool) -> None:
    """Make NAME the model that searches use, in one atomic switch."""
    from app.models import activate as switch

    with ready_database(get_settings()) as database:
        changed = switch(database, name, force=force)
    click.echo(
        f"{name} is active now" if changed else f"{name} was active already: nothing changed"
    )


@command.command()
@click.argument("name")
def drop(name: str) -> None:
    """Drop the model NAME with its vectors."""
    from app.models import drop as drop_model

    with ready_database(get_settings()) as database:
        drop_model(database, name)
    click.echo(f"dropped {name} and its vectors")
