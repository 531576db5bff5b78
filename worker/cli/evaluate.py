"""`lookalike evaluate`: measure the quality of the vectors."""

from typing import Any

import click

from app.database.ready import ready_database
from app.errors import LookalikeError
from app.models import active_model, get_model
from app.settings import get_settings
from worker.console import echo_json, echo_table


@click.command(name="evaluate")
@click.option("--model", "names", multiple=True, help="Only this model; repeat to compare several.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    help="Query with only so many products, the same in each run; all stay in the gallery.",
)
@click.option("--words", is_flag=True, help="Measure the active model's search by words instead.")
def command(names: tuple[str, ...], as_json: bool, sample: int | None, words: bool) -> None:
    """Measure how well nearest neighbours agree with the catalog's own labels.

    For each label: precision@5 and @10 and mAP@10; over all labels nDCG@10, its gain the number
    of labels shared; and how many of the ten nearest the index finds. Exact search, with every
    product as the query, itself left out. The figures are stored in the table `evaluations`.
    """
    from worker.evaluation.run import chosen_models, evaluate

    if words:
        _evaluate_words(names, as_json)
        return
    with ready_database(get_settings()) as database:
        reports = [evaluate(database, model, sample) for model in chosen_models(database, names)]
    if as_json:
        echo_json({"models": reports})
        return
    rows = _rows(reports)
    echo_table(rows, {"figure": "", **{report["name"]: report["name"] for report in reports}})


def _evaluate_words(names: tuple[str, ...], as_json: bool) -> None:
    """Measure the search by words, and print a column for each side."""
    from worker.evaluation.words import SIDES, evaluate_words

    with ready_database(get_settings()) as database:
        with database.connection() as connection:
            model = get_model(connection, names[0]) if names else active_model(connection)
        if model is None:
            raise LookalikeError("no embedding model is active yet: run `lookalike embed`")
        report = evaluate_words(database, model)
    if as_json:
        echo_json(report)
        return
    click.echo(
        f"{report['name']}: {report['gallery']:,} products, {report['queries']:,} of them held out"
    )
    figures = dict.fromkeys(figure for side in SIDES for figure in report[side])
    rows = [
        {"figure": figure, **{side: report[side].get(figure) for side in SIDES}}
        for figure in figures
    ]
    echo_table(rows, {"figure": "", **{side: side for side in SIDES}})


def _rows(reports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Turn reports into a row for each figure, with a column for each model."""
    flat = [_flat(report) for report in reports]
    return [
        {
            "figure": figure,
            **{report["name"]: each[figure] for report, each in zip(reports, flat, strict=True)},
        }
        for figure in flat[0]
    ]


def _flat(report: dict[str, Any]) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for name, value in report.items():
        if isinstance(value, dict):
            figures.update({f"{name} {figure}": number for figure, number in value.items()})
        elif name != "name":
            figures[name] = value
    return figures
