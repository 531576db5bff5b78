"""`lookalike evaluate`: measure the quality of the vectors."""

from typing import Any

import click
from click.core import ParameterSource

from app.database.ready import ready_database
from app.models import get_model_or_active
from app.settings import get_settings
from worker.console import echo_json, echo_table, say


@click.command(name="evaluate")
@click.option("--model", "names", multiple=True, help="Only this model; repeat to compare several.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    help="Query with only so many products, the same in each run; all stay in the gallery.",
)
@click.option(
    "--compare",
    "pair",
    nargs=2,
    metavar="A B",
    help="Say whether two models differ by more than chance.",
)
@click.option(
    "--robustness",
    is_flag=True,
    help="Measure instead how well disturbed photos, as a phone takes them, find their product.",
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    default=1,
    show_default=True,
    help="Seed of all that --robustness chooses.",
)
@click.option("--words", is_flag=True, help="Measure the active model's search by words instead.")
@click.pass_context
def command(
    ctx: click.Context,
    names: tuple[str, ...],
    as_json: bool,
    sample: int | None,
    pair: tuple[str, str] | None,
    robustness: bool,
    seed: int,
    words: bool,
) -> None:
    """Measure how well nearest neighbours agree with the catalog's own labels.

    For each label, and for the first two together: precision@5 and @10 and mAP@10; over all labels
    nDCG@10, its gain the number of labels shared; how often a product with several photos is found
    by another of them; and how many of the ten nearest the index finds. Exact search, with every
    product as the query, itself left out. A column `unseen` has only the products as queries that
    the model wasn't trained on. ± is half of a 95 % bootstrap interval. The figures are stored in
    the table `evaluations`.

    --robustness sends photos of unseen products, 500 unless --sample says otherwise, on other
    backgrounds, rotated, cropped, blurred and so on, each mild, medium and strong: R@1 and R@5 are
    how often the product is the first or among the first five, precision@5 is that of the first
    label among the five nearest others.
    """
    if pair and (names or robustness):
        raise click.UsageError("--compare names its models, and compares no robustness", ctx)
    if not robustness and ctx.get_parameter_source("seed") is ParameterSource.COMMANDLINE:
        raise click.UsageError("--seed has no effect here: only --robustness uses it", ctx)
    if words and (pair or robustness or sample is not None or len(names) > 1):
        raise click.UsageError("--words measures one model, with every product held out", ctx)
    from worker.evaluation.comparison import compare
    from worker.evaluation.run import chosen_models, evaluate

    if words:
        _evaluate_words(names, as_json)
        return
    with ready_database(get_settings()) as database:
        if pair:
            comparison = compare(database, chosen_models(database, pair), sample)
            _print(comparison, [comparison], _differences(comparison), as_json)
            return
        models = chosen_models(database, names)
        if robustness:
            from worker.evaluation.robustness import measure_robustness

            reports = [measure_robustness(database, model, sample or 500, seed) for model in models]
            rows = _disturbances(reports)
        else:
            reports = [evaluate(database, model, sample) for model in models]
            rows = _figures(reports)
    _print({"models": reports}, reports, rows, as_json)


def _print(
    document: dict[str, Any],
    reports: list[dict[str, Any]],
    rows: list[dict[str, Any]],
    as_json: bool,
) -> None:
    for warning in dict.fromkeys(text for report in reports for text in report["warnings"]):
        say("figures", f"lookalike: {warning}", err=True)
    if as_json:
        echo_json(document)
    else:
        echo_table(rows, {column: column if column != "figure" else "" for column in rows[0]})


def _evaluate_words(names: tuple[str, ...], as_json: bool) -> None:
    """Measure the search by words, and print a column for each side."""
    from worker.evaluation.words import SIDES, evaluate_words

    with ready_database(get_settings()) as database:
        with database.connection() as connection:
            model = get_model_or_active(connection, names[0] if names else None)
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


def _figures(reports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Turn reports into a row for each figure, with a column for each model and its unseen part."""
    columns: dict[str, dict[str, Any]] = {}
    for report in reports:
        columns[report["name"]] = _cells(report)
        if "unseen" in report and report["trained_on"]:
            columns[f"{report['name']} unseen"] = _cells(report["unseen"])
    rows = dict.fromkeys(figure for cells in columns.values() for figure in cells)
    return [
        {"figure": figure, **{name: cells.get(figure) for name, cells in columns.items()}}
        for figure in rows
    ]


def _cells(report: dict[str, Any]) -> dict[str, Any]:
    """Return the figures of a report, with half of their intervals."""
    intervals = flat(report["intervals"])
    cells: dict[str, Any] = {}
    for figure, value in flat(report).items():
        half = _half(intervals.get(figure))
        cells[figure.replace("_", " ") if figure == "trained_on" else figure] = (
            value if half is None else f"{value:.4f} ±{half:.4f}"
        )
    return cells


def _half(interval: list[float | None] | None) -> float | None:
    if interval is None or None in interval:
        return None
    low, high = interval
    return (high - low) / 2  # type: ignore[operator]


def _differences(comparison: dict[str, Any]) -> list[dict[str, Any]]:
    """Turn a comparison into a row for each figure."""
    one, other = comparison["models"]
    rows = []
    for queries, part in (("all", comparison), ("unseen", comparison.get("unseen", {}))):
        for figure, found in flat(part, leaf="difference").items():
            if not isinstance(found, dict):
                continue
            half = _half(found["interval"])
            rows.append(
                {
                    "figure": figure,
                    "queries": queries,
                    one: found[one],
                    other: found[other],
                    "difference": found["difference"]
                    if half is None
                    else f"{found['difference']:+.4f} ±{half:.4f}",
                    "beyond chance": found["beyond_chance"],
                }
            )
    return rows


def _disturbances(reports: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Turn reports of robustness into a row for each disturbance and strength of each model."""
    return [
        {
            **({"model": report["name"]} if len(reports) > 1 else {}),
            "disturbance": disturbance.replace("_", " "),
            "strength": strength,
            **_cells(figures),
        }
        for report in reports
        for disturbance, strengths in report["robustness"].items()
        for strength, figures in strengths.items()
    ]


def flat(report: dict[str, Any], leaf: str = "") -> dict[str, Any]:
    """Return a report's figures by `GROUP FIGURE`, without names, intervals and other parts.

    Args:
        report: the report.
        leaf: a key that makes a dictionary a figure, not a group.
    """
    figures: dict[str, Any] = {}
    for name, value in report.items():
        if name in ("name", "models", "intervals", "unseen", "warnings"):
            continue
        if isinstance(value, dict) and leaf not in value:
            figures |= {f"{name} {figure}": each for figure, each in value.items()}
        else:
            figures[name] = value
    return figures
