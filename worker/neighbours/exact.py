"""All products' nearest neighbours by blocks of a matrix product: exact, and in bounded memory.

The similarities of some queries to some photos are one matrix product in single precision. Only
those that may be among a query's nearest are kept, and computed again in double precision.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Indices = NDArray[np.int64]

BLOCK_FLOATS = 2**24
"""Similarities computed at once: 64 MiB in single precision."""

QUERIES = 1024
"""Most queries of a block."""

GROUPS = 1024
"""Least number of groups of photos whose maxima bound a query's nearest from below."""

MARGIN = np.float32(1e-5)
"""More than the error of a similarity in single precision."""


@dataclass(frozen=True)
class Photos:
    """The vectors of listed products' photos, in the order of their products' ids."""

    item_ids: Indices
    """The product of each, shape `(N,)`, ascending."""
    first: NDArray[np.bool_]
    """Whether it is the product's first with a vector, which it is searched by, shape `(N,)`."""
    available: NDArray[np.bool_]
    """Whether the product may be a result, shape `(N,)`."""
    vectors: Floats
    """Of length 1, shape `(N, D)`."""


@dataclass(frozen=True)
class Neighbours:
    """The nearest products of some products, by product and rank; all of shape `(M,)`."""

    products: int
    """How many products they are the neighbours of."""
    item_ids: Indices
    ranks: Indices
    """From 1."""
    neighbour_ids: Indices
    similarities: NDArray[np.float64]
    """The cosine, at most 1."""


def find_neighbours(photos: Photos, k: int) -> Iterator[Neighbours]:
    """Find the `k` most similar available products of each product, block by block.

    They are those of the API's exact search: a product is compared by its first photo, and found
    once, by its best; the most similar first, ties by id; itself never.

    Args:
        photos: the vectors.
        k: how many, at least 1; fewer if there aren't so many.

    Yields:
        The neighbours of some products, in the order of their ids.
    """
    queries = np.flatnonzero(photos.first)
    _, each = np.unique(photos.item_ids, return_counts=True)
    # So many photos are of at least k other products.
    enough = (k + 1) * int(each.max(initial=1))
    groups = max(GROUPS, 4 * enough)
    size = max(1, min(QUERIES, BLOCK_FLOATS // groups))
    buffer = np.empty(max(BLOCK_FLOATS, size * groups), np.float32)
    for start in range(0, len(queries), size):
        block = queries[start : start + size]
        yield _nearest(photos, block, *_candidates(photos, block, enough, groups, buffer), k)


def _candidates(
    photos: Photos, block: Indices, enough: int, groups: int, buffer: Floats
) -> tuple[Indices, Indices]:
    """Return the pairs of a query, by its row in the block, and a photo that may be near enough.

    Each photo belongs to a group. The maxima of the groups are similarities of different photos, so
    that the one that is `enough`-th largest bounds what is near enough from below.
    """
    width = len(buffer) // len(block) // groups * groups
    queries = photos.vectors[block]
    maxima = np.full((len(block), groups), -np.inf, np.float32)
    bound = np.full((len(block), 1), -np.inf, np.float32)
    found = []
    for start in range(0, len(photos.item_ids), width):
        vectors = photos.vectors[start : start + width]
        similarity = buffer[: len(block) * len(vectors)].reshape(len(block), len(vectors))
        np.matmul(queries, vectors.T, out=similarity)
        similarity[:, np.flatnonzero(~photos.available[start : start + width])] = -np.inf
        for column in range(0, similarity.shape[1], groups):
            part = similarity[:, column : column + groups]
            np.maximum(maxima[:, : part.shape[1]], part, out=maxima[:, : part.shape[1]])
        bound[:, 0] = np.partition(maxima, -enough, axis=1)[:, -enough] - MARGIN
        # Without a bound yet, all but what is not available.
        near = np.flatnonzero(similarity >= np.maximum(bound, np.finfo(np.float32).min))
        rows, columns = np.divmod(near, similarity.shape[1])
        found.append((rows, columns + start, similarity.ravel()[near]))
    rows, columns, values = (np.concatenate(parts) for parts in zip(*found, strict=True))
    keep = values >= bound[rows, 0]
    return rows[keep], columns[keep]


def _nearest(photos: Photos, block: Indices, rows: Indices, columns: Indices, k: int) -> Neighbours:
    """Return the `k` nearest among the candidates of each query."""
    asked, found = photos.item_ids[block[rows]], photos.item_ids[columns]
    others = asked != found
    rows, columns, asked, found = rows[others], columns[others], asked[others], found[others]
    similarity = np.einsum(
        "nd,nd->n", photos.vectors[block[rows]], photos.vectors[columns], dtype=np.float64
    )
    # Equal vectors tie, though sums of the same numbers may differ in the last digit.
    similarity = np.minimum(similarity.round(12), 1.0)
    order = np.lexsort((found, -similarity, rows))
    # Of a product's photos the first in this order is the best.
    _, best = np.unique(
        rows[order] * len(photos.item_ids) + _ordinals(found[order]), return_index=True
    )
    order = order[np.sort(best)]
    begin = np.searchsorted(rows[order], np.arange(len(block)))
    ranks = np.arange(len(order)) - begin[rows[order]] + 1
    order, ranks = order[ranks <= k], ranks[ranks <= k]
    return Neighbours(len(block), asked[order], ranks, found[order], similarity[order])


def _ordinals(values: Indices) -> Indices:
    """Return the values' numbers among the distinct ones."""
    return np.unique(values, return_inverse=True)[1].astype(np.int64)
