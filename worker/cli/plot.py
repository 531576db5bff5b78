"""`lookalike plot`: pictures for a report."""

from pathlib import Path

import click

from app.database.ready import ready_database
from app.settings import get_settings
from worker.plots.picture import require_target, save

OUTPUT = click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="The file to draw: .png, .svg, .pdf or .jpg.",
)
MODELS = click.option(
    "--model", "names", multiple=True, help="Only this model; repeat for several."
)


@click.group(name="plot")
def command() -> None:
    """Draw pictures for a report; needs the extra `plot`."""


@command.command()
@click.argument("sku")
@OUTPUT
@click.option("--top-n", type=click.IntRange(1, 50), default=5, show_default=True, help="How many.")
def neighbours(sku: str, output: Path, top_n: int) -> None:
    """Draw the product with SKU and the products most like it, by the active model."""
    require_target(output)
    from worker.plots.neighbours import draw_neighbours

    with ready_database(get_settings()) as database:
        save(draw_neighbours(database, sku, top_n), output)
    click.echo(f"drew {output}")


@command.command()
@OUTPUT
@MODELS
def precision(output: Path, names: tuple[str, ...]) -> None:
    """Draw each label's precision@5 by model, as `lookalike evaluate` measured it last."""
    require_target(output)
    from worker.evaluation.stored import latest_evaluations
    from worker.plots.evaluations import draw_precision

    with ready_database(get_settings()) as database, database.connection() as connection:
        evaluations = latest_evaluations(connection, names)
    save(draw_precision(evaluations), output)
    click.echo(f"drew {output}")


@command.command()
@OUTPUT
@MODELS
def robustness(output: Path, names: tuple[str, ...]) -> None:
    """Draw how disturbances matter, as `lookalike evaluate --robustness` measured it last."""
    require_target(output)
    from worker.evaluation.stored import latest_evaluations
    from worker.plots.evaluations import draw_robustness

    with ready_database(get_settings()) as database, database.connection() as connection:
        evaluations = latest_evaluations(connection, names, robustness=True)
    save(draw_robustness(evaluations), output)
    click.echo(f"drew {output}")
