"""Choosing a varied answer among the nearest products."""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.search.options import Options
from app.search.query import SearchQuery

DUPLICATE_DISTANCE = 0.01
"""Cosine distance up to which two photos count as the same picture."""

Row = dict[str, Any]


def choose(rows: list[Row], search_query: SearchQuery, options: Options) -> list[Row]:
    """Choose `top_n` of the nearest products: no duplicates, within the caps, diverse.

    Products are chosen greedily. With diversity d the next one has the highest marginal relevance,
    (1 - d) × similarity to the query - d × highest similarity to a product chosen before
    (Carbonell & Goldstein, "The use of MMR", SIGIR 1998); with d = 0 it is the nearest.

    Args:
        rows: candidates, nearest first, with `_sha256` and `_embedding` if they are compared.
        search_query: the query.
        options: caps, diversity and whether to exclude duplicates.

    Returns:
        At most `top_n` of the rows, nearest first.
    """
    similarity = np.array([row["similarity"] for row in rows])
    vectors = _vectors(rows)
    closest = np.full(len(rows), -1.0)  # to any product chosen so far
    open_ = np.ones(len(rows), dtype=bool)
    if options.exclude_duplicates:
        open_ &= _closest_asked(search_query, similarity, vectors) < 1 - DUPLICATE_DISTANCE
        open_ &= np.array([row["_sha256"] not in search_query.photos for row in rows], bool)
    counts: Counter[tuple[str, Any]] = Counter()
    chosen: list[int] = []
    while len(chosen) < options.top_n and open_.any():
        relevance = (1 - options.diversity) * similarity - options.diversity * closest
        pick = int(np.where(open_, relevance, -np.inf).argmax())
        open_[pick] = False
        if not _within_caps(rows[pick], options.caps, counts):
            continue
        chosen.append(pick)
        if vectors is not None:
            closest = np.maximum(closest, vectors @ vectors[pick])
        if options.exclude_duplicates:
            open_ &= closest < 1 - DUPLICATE_DISTANCE
            photo = rows[pick]["_sha256"]
            open_ &= np.array([row["_sha256"] != photo for row in rows], bool)
    return [rows[at] for at in sorted(chosen)]


def _closest_asked(
    search_query: SearchQuery, similarity: NDArray[np.float64], vectors: NDArray[np.float32] | None
) -> NDArray[np.float64]:
    """Return each row's similarity to the query, or to the closest of its examples."""
    if search_query.examples is None or vectors is None:
        return similarity
    closest: NDArray[np.float64] = (vectors @ search_query.examples.T).max(axis=1)
    return closest


def _vectors(rows: list[Row]) -> NDArray[np.float32] | None:
    if not rows or "_embedding" not in rows[0]:
        return None
    return np.stack([row["_embedding"].to_numpy() for row in rows]).astype(np.float32)


def _within_caps(row: Row, caps: dict[str, int], counts: Counter[tuple[str, Any]]) -> bool:
    """Return whether one more of the row's kind may be chosen, and count it if so."""
    kinds = [(name, row[name]) for name in caps]
    if any(counts[kind] >= caps[kind[0]] for kind in kinds):
        return False
    counts.update(kinds)
    return True
