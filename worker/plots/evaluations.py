"""The stored figures of models: precision by label, and robustness by strength."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from app.models.state import Evaluation
from worker.evaluation.disturbances import DISTURBANCES, TOGETHER, UNDISTURBED, Strength
from worker.plots.picture import new_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PRECISION = "precision@5"


def draw_precision(evaluations: Sequence[Evaluation]) -> "Figure":
    """Draw each label's precision@5 by model, with its interval.

    The queries are the products that a model wasn't trained on, where that is known, else all.
    """
    parts = [evaluation.figures.get("unseen", evaluation.figures) for evaluation in evaluations]
    labels = list(
        dict.fromkeys(
            name
            for part in parts
            for name, figures in part.items()
            if isinstance(figures, dict) and figures.get(PRECISION) is not None
        )
    )
    labels.sort(key=lambda label: -parts[0].get(label, {}).get(PRECISION, 0))
    figure = new_figure(max(6, 1.1 * len(labels) + 1), 4)
    axes = figure.add_subplot()
    width = 0.8 / len(evaluations)
    for number, (evaluation, part) in enumerate(zip(evaluations, parts, strict=True)):
        known = [label for label in labels if part.get(label, {}).get(PRECISION) is not None]
        values = [part[label][PRECISION] for label in known]
        axes.bar(
            [labels.index(label) - 0.4 + (number + 0.5) * width for label in known],
            values,
            width * 0.95,
            yerr=_errors(values, [part["intervals"][label][PRECISION] for label in known]),
            capsize=2,
            label=_described(evaluation),
        )
    axes.set(ylabel=PRECISION, ylim=(0, 1))
    axes.set_xticks(range(len(labels)), [label.replace("+", " +\n") for label in labels])
    axes.tick_params(axis="x", labelsize=8)
    axes.grid(visible=True, axis="y", alpha=0.3)
    figure.legend(loc="outside lower center", fontsize=8)
    return figure


def draw_robustness(evaluations: Sequence[Evaluation]) -> "Figure":
    """Draw how each figure falls with the strength of each disturbance, a row for each model."""
    first = evaluations[0].figures["robustness"][UNDISTURBED]["none"]
    figures = [("", "R@1"), ("", "R@5")]
    figures += [(name, PRECISION) for name, value in first.items() if _has_precision(value)]
    figure = new_figure(3.4 * len(figures) + 1.2, 3 * len(evaluations) + 0.3)
    for row, evaluation in enumerate(evaluations):
        for column, (group, name) in enumerate(figures):
            axes = figure.add_subplot(
                len(evaluations), len(figures), row * len(figures) + column + 1
            )
            _curves(axes, evaluation.figures["robustness"], group, name)
            axes.set_title(
                f"{evaluation.name}: {f'{group} {name}'.strip()}", fontsize=9, parse_math=False
            )
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", fontsize=8)
    return figure


def _curves(axes: "Axes", robustness: dict[str, Any], group: str, name: str) -> None:
    strengths = ["none", *map(str, Strength)]
    for disturbance in DISTURBANCES:
        found = robustness[disturbance]
        parts = [robustness[UNDISTURBED]["none"], *(found[strength] for strength in Strength)]
        values = [_number(part.get(group, {}) if group else part, name) for part in parts]
        together = disturbance == TOGETHER
        axes.plot(
            strengths,
            values,
            marker="o",
            markersize=3,
            color="black" if together else None,
            linewidth=2.2 if together else 1.2,
            label=disturbance.replace("_", " "),
        )
        if together:
            bounds = [
                part["intervals"][group][name] if group else part["intervals"][name]
                for part in parts
            ]
            low, high = (np.array(bound, dtype=float) for bound in zip(*bounds, strict=True))
            axes.fill_between(range(len(strengths)), low, high, color="black", alpha=0.15)
    axes.set(ylim=(0, 1.02))
    axes.tick_params(labelsize=8)
    axes.grid(visible=True, alpha=0.3)


def _number(figures: dict[str, Any], name: str) -> float:
    value = figures.get(name)
    return np.nan if value is None else value


def _has_precision(value: object) -> bool:
    return isinstance(value, dict) and value.get(PRECISION) is not None


def _errors(values: list[float], intervals: list[list[float]]) -> list[list[float]]:
    """Return how far the intervals reach below and above the values."""
    pairs = list(zip(values, intervals, strict=True))
    return [
        [value - low for value, (low, _) in pairs],
        [high - value for value, (_, high) in pairs],
    ]


def _described(evaluation: Evaluation) -> str:
    if "unseen" in evaluation.figures:
        queries = evaluation.figures["unseen"]["queries"]
        return f"{evaluation.name}: {queries:,} products that it wasn't trained on"
    return f"{evaluation.name}: {evaluation.queries:,} products, some perhaps known from training"
