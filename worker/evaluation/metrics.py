"""Metrics of how well ranked lists of neighbours agree with labels.

The lists don't contain the query itself (see `neighbours`). Labels are encoded as integers from 0,
or `MISSING`. A neighbour without a label is never relevant; a query without one is left out.
Precision, average precision and their means follow Manning, Raghavan and Schütze, "Introduction to
Information Retrieval" (2008), chapter 8.4; discounted gain follows Järvelin and Kekäläinen,
"Cumulated gain-based evaluation of IR techniques" (2002).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from worker.evaluation.neighbours import Rows, blocks

MISSING = -1
"""The code of a label that a product lacks."""

Codes = NDArray[np.int64]


def encode(words: Sequence[str | None]) -> tuple[Codes, list[str]]:
    """Encode words as integers from 0, in alphabetical order; None and the empty one as `MISSING`.

    Returns:
        The code of each word, int64, shape `(len(words),)`; and the word of each code.
    """
    codes, known = pd.factorize(
        np.array([word or None for word in words], dtype=object), sort=True, use_na_sentinel=True
    )
    return codes.astype(np.int64), list(known)


def relevance(codes: Codes, queries: Rows, neighbours: Rows) -> NDArray[np.bool_]:
    """Return which neighbours have the query's label, bool, shape `(Q, k)`.

    Args:
        codes: one label of every row of the gallery, shape `(N,)`.
        queries: row numbers, shape `(Q,)`.
        neighbours: their neighbours' row numbers, most similar first, shape `(Q, k)`.
    """
    own = codes[queries][:, None]
    relevant: NDArray[np.bool_] = (codes[neighbours] == own) & (own != MISSING)
    return relevant


def precision_at(relevant: NDArray[np.bool_], asked: NDArray[np.bool_], k: int) -> float:
    """Return the mean share of the first `k` neighbours that are relevant; NaN without a query.

    The denominator is `k`, also for a query with fewer than `k` relevant items in the gallery
    and for a gallery that can't fill the list, since a shopper sees wrong products or none.

    Args:
        relevant: shape `(Q, at least k)` or as many as the gallery holds.
        asked: which queries have a label, bool, shape `(Q,)`.
        k: length of the list, at least 1.
    """
    return _mean(relevant[asked, :k].sum(axis=1) / k)


def mean_average_precision(
    relevant: NDArray[np.bool_], existing: NDArray[np.int64], k: int
) -> float:
    """Return the mean over the queries of the average precision at `k`; NaN without a query.

    AP@k = 1 / min(R, k) · Σ over the ranks i ≤ k of a relevant neighbour of precision@i, where R
    is how many relevant items the gallery holds besides the query: the denominator is the best
    that a list of k could do, so that a perfect list scores 1. A query with R = 0 has no average
    precision and is left out.

    Args:
        relevant: shape `(Q, at least k)` or as many as the gallery holds.
        existing: R of each query, shape `(Q,)`; see `relevant_in_gallery`.
        k: length of the list, at least 1.
    """
    hits = relevant[:, :k]
    precision = hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
    possible = existing > 0
    total = (precision * hits).sum(axis=1)
    return _mean(total[possible] / np.minimum(existing[possible], k))


def relevant_in_gallery(codes: Codes, queries: Rows) -> NDArray[np.int64]:
    """Count the rows that share each query's label, itself left out; 0 for a missing label."""
    own = codes[queries]
    counts = np.bincount(codes[codes != MISSING], minlength=max(1, int(codes.max(initial=0)) + 1))
    existing: NDArray[np.int64] = np.where(own == MISSING, 0, counts[own] - 1)
    return existing


def ndcg(labels: Codes, queries: Rows, neighbours: Rows, k: int) -> float:
    """Return the mean normalised discounted cumulated gain at `k`; NaN without a query.

    The gain of a neighbour is the number of labels that it shares with the query. DCG@k =
    Σ gain_i / log2(i + 1) over the ranks i ≤ k; it is divided by the DCG of the best list that
    the gallery allows for that query. Järvelin and Kekäläinen leave rank 1 and 2 undiscounted;
    this is the later form, linear in the gain, that scikit-learn's `ndcg_score` has as well. A
    query that shares nothing with anything has no best list and is left out.

    Args:
        labels: all labels of every row of the gallery, shape `(N, L)`.
        queries: row numbers, shape `(Q,)`.
        neighbours: their neighbours' row numbers, most similar first, shape `(Q, at least k)`.
        k: length of the list, at least 1.
    """
    discount = 1 / np.log2(np.arange(2, k + 2))
    scores = np.full(len(queries), np.nan)
    for start, block in blocks(queries, len(labels)):
        gains = _shared_labels(labels, block)
        rows = np.arange(len(block))
        reached = gains[rows[:, None], neighbours[start : start + len(block), :k]]
        gains[rows, block] = 0
        ideal = -np.sort(-np.partition(gains, -min(k, gains.shape[1]), axis=1)[:, -k:], axis=1)
        best = ideal @ discount[: ideal.shape[1]]
        with np.errstate(invalid="ignore"):
            scores[start : start + len(block)] = reached @ discount[: reached.shape[1]] / best
    return _mean(scores[~np.isnan(scores)])


def neighbour_recall(found: Rows, exact: Rows) -> float:
    """Return the mean share of the exact neighbours that an index found; NaN without a query.

    Args:
        found: the index's neighbours, shape `(Q, k)`; −1 where it found fewer than k.
        exact: the exact neighbours, shape `(Q, k)`, distinct in each row.
    """
    if exact.size == 0:
        return float("nan")
    return float((exact[:, :, None] == found[:, None, :]).any(axis=2).mean())


def _shared_labels(labels: Codes, queries: Rows) -> NDArray[np.int8]:
    """Count the labels that each query shares with each row, shape `(Q, N)`."""
    shared = np.zeros((len(queries), len(labels)), dtype=np.int8)
    for column in labels.T:
        own = column[queries][:, None]
        shared += (column == own) & (own != MISSING)
    return shared


def _mean(values: NDArray[np.float64]) -> float:
    return float(values.mean()) if values.size else float("nan")
