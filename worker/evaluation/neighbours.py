"""Exact nearest neighbours by cosine, computed in blocks to keep memory far below N × N."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

BLOCK_BYTES = 64 * 2**20
"""Size of one block of similarities; the working memory is about four times as much."""

Rows = NDArray[np.int64]


def exact_neighbours(vectors: NDArray[np.floating], queries: Rows, k: int) -> Rows:
    """Find the `k` nearest rows of each query row, without the row itself.

    Another row with the same vector is a neighbour like any other. Ties are ordered by row number;
    if the rows are ordered by item id, that is how the API breaks ties.

    Args:
        vectors: the gallery, shape `(N, D)`; a row of zeros has similarity 0 to everything.
        queries: numbers of the rows to search for, shape `(Q,)`, int64.
        k: how many neighbours, at least 1; all of them if the gallery has fewer.

    Returns:
        Row numbers, most similar first, shape `(Q, min(k, N - 1))`, int64.
    """
    gallery = unit_length(vectors)
    k = min(k, len(gallery) - 1)
    if k < 1:
        return np.empty((len(queries), 0), dtype=np.int64)
    found = np.empty((len(queries), k), dtype=np.int64)
    for start, block in blocks(queries, len(gallery)):
        similarity = gallery[block] @ gallery.T
        similarity[np.arange(len(block)), block] = -np.inf
        found[start : start + len(block)] = largest(similarity, k)
    return found


def unit_length(vectors: NDArray[np.floating]) -> NDArray[np.float32]:
    """Return the rows scaled to length 1, float32, shape `(N, D)`; rows of zeros stay zero."""
    rows = np.array(vectors, dtype=np.float32)
    length = np.sqrt(np.einsum("nd,nd->n", rows, rows))[:, None]
    rows /= np.where(length > 0, length, 1)
    return rows


def blocks(queries: Rows, gallery_size: int) -> Iterator[tuple[int, Rows]]:
    """Split queries into blocks whose float32 similarities to the gallery fit `BLOCK_BYTES`.

    Yields:
        The position of the block's first query, and the block.
    """
    step = max(1, BLOCK_BYTES // (4 * max(1, gallery_size)))
    for start in range(0, len(queries), step):
        yield start, queries[start : start + step]


def largest(values: NDArray[np.float32], k: int) -> Rows:
    """Return the columns of the `k` largest values of each row, ties by column number."""
    columns = np.argpartition(-values, k - 1, axis=1)[:, :k].astype(np.int64)
    smallest = np.take_along_axis(values, columns, axis=1).min(axis=1, keepdims=True)
    # If more than k values reach the smallest one taken, the partition chose among ties.
    for row in np.flatnonzero((values >= smallest).sum(axis=1) > k):
        columns[row] = np.argsort(-values[row], kind="stable")[:k]
    columns.sort(axis=1)
    order = np.argsort(-np.take_along_axis(values, columns, axis=1), axis=1, kind="stable")
    return np.take_along_axis(columns, order, axis=1)
