"""The report on one set of vectors: all of its figures."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from worker.evaluation import metrics
from worker.evaluation.bootstrap import Estimate, mean
from worker.evaluation.metrics import MISSING, Values, encode
from worker.evaluation.neighbours import Rows, exact_neighbours

DEPTH = 10
"""Length of the lists of neighbours."""

OTHER_PHOTO = "other_photo"
"""The group of the figures of finding a product by another of its photos."""

Key = tuple[str, str]
"""A figure's group, a label for instance or "" for none, and its name."""


def choose_queries(gallery: int, sample: int | None, seed: int = 0) -> Rows:
    """Return the query rows, in order: all, or a random sample determined by the seed."""
    if sample is None or sample >= gallery:
        return np.arange(gallery)
    return np.sort(np.random.default_rng(seed).choice(gallery, size=sample, replace=False))


def measure(
    vectors: NDArray[np.floating], labels: Mapping[str, Sequence[str | None]], queries: Rows
) -> dict[str, Any]:
    """Measure how well the nearest neighbours agree with the labels.

    Args:
        vectors: the gallery, shape `(N, D)`.
        labels: the value of each label for every row; None if it is missing.
        queries: the query rows, shape `(Q,)`.

    Returns:
        `{"ndcg@10": …, LABEL: {"precision@5": …, "precision@10": …, "map@10": …}, …}`, defined in
        `metrics`; a figure is None if it is undefined for all queries, or there are no labels.
    """
    found = scores(vectors, labels, queries)
    return nested({key: number(mean(values)) for key, values in found.items()})


def scores(
    vectors: NDArray[np.floating], labels: Mapping[str, Sequence[str | None]], queries: Rows
) -> dict[Key, Values]:
    """Return the figures of `measure` for each query, each of shape `(Q,)`.

    The first two labels are also one label, `FIRST+SECOND`, which a neighbour shares if it shares
    both: the type and the colour, say.
    """
    neighbours = exact_neighbours(vectors, queries, DEPTH)
    codes = {name: encode(words)[0] for name, words in labels.items()}
    gain = (
        metrics.ndcg(np.stack(list(codes.values()), axis=1), queries, neighbours, DEPTH)
        if codes
        else np.full(len(queries), np.nan)
    )
    found: dict[Key, Values] = {("", f"ndcg@{DEPTH}"): gain}
    if len(codes) > 1:
        (one, its), (other, others) = list(codes.items())[:2]
        codes = {f"{one}+{other}": metrics.both(its, others), **codes}
    for name, own in codes.items():
        relevant = metrics.relevance(own, queries, neighbours)
        asked = own[queries] != MISSING
        existing = metrics.relevant_in_gallery(own, queries)
        found[name, "precision@5"] = metrics.precision_at(relevant, asked, 5)
        found[name, f"precision@{DEPTH}"] = metrics.precision_at(relevant, asked, DEPTH)
        found[name, f"map@{DEPTH}"] = metrics.average_precision(relevant, existing, DEPTH)
    return found


def other_photo_scores(
    vectors: NDArray[np.floating], products: Rows, queries: Rows
) -> dict[Key, Values]:
    """Return R@1 and R@10 of finding a product by another of its photos, each of shape `(Q,)`.

    R@k of a photo is 1 if its product is among the first k, by another photo, else 0; that of a
    product is the mean over its photos, and NaN if it has only one.

    Args:
        vectors: of all photos, shape `(P, D)`.
        products: the product of each photo, a row number, shape `(P,)`.
        queries: the products to measure, row numbers, shape `(Q,)`.
    """
    order = np.argsort(products, kind="stable")
    products = products[order]
    ranks = metrics.other_photo_ranks(vectors[order], products)
    asked = ~np.isnan(ranks)
    if not asked.any():
        return {}
    size = int(max(products.max(), queries.max(initial=0))) + 1
    photos = np.bincount(products[asked], minlength=size)
    found: dict[Key, Values] = {}
    for k in (1, DEPTH):
        hits = np.bincount(products[asked], ranks[asked] < k, minlength=size)
        with np.errstate(invalid="ignore"):
            found[OTHER_PHOTO, f"R@{k}"] = (hits / photos)[queries]
    return found


def figures_of(found: Mapping[Key, Estimate]) -> dict[str, Any]:
    """Return the means as a document: `{FIGURE: …, GROUP: {FIGURE: …}}`."""
    return nested({key: number(estimate.value) for key, estimate in found.items()})


def intervals_of(found: Mapping[Key, Estimate]) -> dict[str, Any]:
    """Return the intervals as a document of the same shape, each `[low, high]`."""
    return nested({key: [number(each.low), number(each.high)] for key, each in found.items()})


def nested(values: Mapping[Key, Any]) -> dict[str, Any]:
    """Return a document with a part for each group; figures without a group stand first."""
    document: dict[str, Any] = {}
    for (group, figure), value in values.items():
        (document.setdefault(group, {}) if group else document)[figure] = value
    return document


def number(value: float) -> float | None:
    """Return a figure rounded to six digits, or None for NaN, which JSON lacks."""
    return None if math.isnan(value) else round(value, 6)
