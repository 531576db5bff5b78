"""Metrics of how well ranked lists of neighbours agree with labels, for each query.

The lists don't contain the query itself (see `neighbours`). Labels are encoded as integers from 0,
or `MISSING`. A neighbour without a label is never relevant. A query that can't be asked, for lack
of a label for instance, has the value NaN, which means leave out (see `bootstrap`). Precision,
average precision and their means follow Manning, Raghavan and Schütze, "Introduction to Information
Retrieval" (2008), chapter 8.4; discounted gain follows Järvelin and Kekäläinen, "Cumulated
gain-based evaluation of IR techniques" (2002).
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from worker.evaluation.neighbours import Rows, blocks, unit_length

MISSING = -1
"""The code of a label that a product lacks."""

Codes = NDArray[np.int64]

Values = NDArray[np.float64]
"""A metric of each query, NaN where it is undefined, shape `(Q,)`."""


def encode(words: Sequence[str | None]) -> tuple[Codes, list[str]]:
    """Encode words as integers from 0, in alphabetical order; None and the empty one as `MISSING`.

    Returns:
        The code of each word, int64, shape `(len(words),)`; and the word of each code.
    """
    codes, known = pd.factorize(
        np.array([word or None for word in words], dtype=object), sort=True, use_na_sentinel=True
    )
    return codes.astype(np.int64), list(known)


def both(one: Codes, other: Codes) -> Codes:
    """Return codes of two labels together, shape `(N,)`; `MISSING` where either is."""
    missing = (one == MISSING) | (other == MISSING)
    together: Codes = np.where(missing, MISSING, one * (other.max(initial=0) + 1) + other)
    return together


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


def precision_at(relevant: NDArray[np.bool_], asked: NDArray[np.bool_], k: int) -> Values:
    """Return the share of the first `k` neighbours that are relevant.

    The denominator is `k`, also for a query with fewer than `k` relevant items in the gallery
    and for a gallery that can't fill the list, since a shopper sees wrong products or none.

    Args:
        relevant: shape `(Q, at least k)` or as many as the gallery holds.
        asked: which queries have a label, bool, shape `(Q,)`.
        k: length of the list, at least 1.
    """
    return np.where(asked, relevant[:, :k].sum(axis=1) / k, np.nan)


def average_precision(relevant: NDArray[np.bool_], existing: NDArray[np.int64], k: int) -> Values:
    """Return the average precision at `k`, whose mean over the queries is mAP@k.

    AP@k = 1 / min(R, k) · Σ over the ranks i ≤ k of a relevant neighbour of precision@i, where R
    is how many relevant items the gallery holds besides the query: the denominator is the best
    that a list of k could do, so that a perfect list scores 1. A query with R = 0 has none.

    Args:
        relevant: shape `(Q, at least k)` or as many as the gallery holds.
        existing: R of each query, shape `(Q,)`; see `relevant_in_gallery`.
        k: length of the list, at least 1.
    """
    hits = relevant[:, :k]
    precision = hits.cumsum(axis=1) / np.arange(1, hits.shape[1] + 1)
    best = np.where(existing > 0, np.minimum(existing, k), np.nan)
    values: Values = (precision * hits).sum(axis=1) / best
    return values


def relevant_in_gallery(codes: Codes, queries: Rows) -> NDArray[np.int64]:
    """Count the rows that share each query's label, itself left out; 0 for a missing label."""
    own = codes[queries]
    counts = np.bincount(codes[codes != MISSING], minlength=max(1, int(codes.max(initial=0)) + 1))
    existing: NDArray[np.int64] = np.where(own == MISSING, 0, counts[own] - 1)
    return existing


def ndcg(labels: Codes, queries: Rows, neighbours: Rows, k: int) -> Values:
    """Return the normalised discounted cumulated gain at `k`.

    The gain of a neighbour is the number of labels that it shares with the query. DCG@k =
    Σ gain_i / log2(i + 1) over the ranks i ≤ k; it is divided by the DCG of the best list that
    the gallery allows for that query. Järvelin and Kekäläinen leave rank 1 and 2 undiscounted;
    this is the later form, linear in the gain, that scikit-learn's `ndcg_score` has as well. A
    query that shares nothing with anything has no best list.

    Args:
        labels: all labels of every row of the gallery, shape `(N, L)`.
        queries: row numbers, shape `(Q,)`.
        neighbours: their neighbours' row numbers, most similar first, shape `(Q, at least k)`.
        k: length of the list, at least 1.
    """
    discount = 1 / np.log2(np.arange(2, k + 2))
    scores = np.empty(len(queries))
    for start, block in blocks(queries, len(labels)):
        gains = _shared_labels(labels, block)
        rows = np.arange(len(block))
        reached = gains[rows[:, None], neighbours[start : start + len(block), :k]]
        gains[rows, block] = 0
        ideal = -np.sort(-np.partition(gains, -min(k, gains.shape[1]), axis=1)[:, -k:], axis=1)
        best = ideal @ discount[: ideal.shape[1]]
        with np.errstate(invalid="ignore"):
            scores[start : start + len(block)] = reached @ discount[: reached.shape[1]] / best
    return scores


def other_photo_ranks(vectors: NDArray[np.floating], products: Rows) -> Values:
    """Return how many products rank above a photo's own product, by its other photos.

    Each photo of a product with several is a query; itself is left out of the gallery. A product
    ranks by the photo that is most similar, and before another of the same similarity if it comes
    first.

    Args:
        vectors: of all photos, shape `(P, D)`.
        products: the product of each photo, ascending, shape `(P,)`.

    Returns:
        The rank of each photo's own product, from 0; NaN for a product's only photo.
    """
    gallery = unit_length(vectors)
    _, starts, own, counts = np.unique(
        products, return_index=True, return_inverse=True, return_counts=True
    )
    ranks = np.full(len(products), np.nan)
    for _, block in blocks(np.flatnonzero(counts[own] > 1), len(gallery)):
        similarity = gallery[block] @ gallery.T
        rows = np.arange(len(block))
        similarity[rows, block] = -np.inf
        best = np.maximum.reduceat(similarity, starts, axis=1)
        reached = best[rows, own[block]][:, None]
        earlier = np.arange(len(starts)) < own[block][:, None]
        ranks[block] = ((best > reached) | ((best == reached) & earlier)).sum(axis=1)
    return ranks


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
