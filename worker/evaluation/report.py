"""The report on one set of vectors: all of its figures."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from worker.evaluation import metrics
from worker.evaluation.metrics import MISSING, encode
from worker.evaluation.neighbours import Rows, exact_neighbours

DEPTH = 10
"""Length of the lists of neighbours."""


def choose_queries(gallery: int, sample: int | None, seed: int = 0) -> Rows:
    """Return the query rows, in order: all, or a random sample determined by the seed."""
    if sample is None or sample >= gallery:
        return np.arange(gallery)
    return np.sort(np.random.default_rng(seed).choice(gallery, size=sample, replace=False))


def measure(
    vectors: NDArray[np.floating], labels: Mapping[str, Sequence[str | None]], queries: Rows
) -> dict[str, Any]:
    """Measure the exact neighbours of query rows among all rows, by each label.

    Args:
        vectors: the gallery, shape `(N, D)`.
        labels: the value of each label for every row; None if it is missing.
        queries: the query rows, shape `(Q,)`.

    Returns:
        `{"ndcg@10": …, LABEL: {"precision@5": …, "precision@10": …, "map@10": …}, …}`, defined in
        `metrics`; a figure is None if it is undefined for all queries, or there are no labels.
    """
    neighbours = exact_neighbours(vectors, queries, DEPTH)
    codes = {name: encode(words)[0] for name, words in labels.items()}
    gain = (
        metrics.ndcg(np.stack(list(codes.values()), axis=1), queries, neighbours, DEPTH)
        if codes
        else math.nan
    )
    figures: dict[str, Any] = {f"ndcg@{DEPTH}": _number(gain)}
    for name, own in codes.items():
        relevant = metrics.relevance(own, queries, neighbours)
        asked = own[queries] != MISSING
        existing = metrics.relevant_in_gallery(own, queries)
        figures[name] = {
            "precision@5": _number(metrics.precision_at(relevant, asked, 5)),
            f"precision@{DEPTH}": _number(metrics.precision_at(relevant, asked, DEPTH)),
            f"map@{DEPTH}": _number(metrics.mean_average_precision(relevant, existing, DEPTH)),
        }
    return figures


def _number(value: float) -> float | None:
    """Return a figure rounded to six digits, or None for NaN, which JSON lacks."""
    return None if math.isnan(value) else round(value, 6)
