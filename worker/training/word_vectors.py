"""Learning what words look like: a vector for each, so that a text's sum points at its photos.

A product's text t is the sum of the vectors of its words and pairs of words, scaled to length 1.
The vectors start from ridge regression of the photos' vectors on the words, and are refined by the
contrastive loss of Radford et al., "Learning transferable visual models from natural language
supervision" (2021), from text to photo alone, since the photos' vectors are fixed:
-log softmax(t·x / τ) of the product's own photo x among those of a batch. An unknown word is the
sum of the vectors of its letter n-grams (Bojanowski et al., "Enriching word vectors with subword
information", 2017), here by ridge regression of the words' vectors on them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

Floats = NDArray[np.float32]

BATCH = 2048
EPOCHS = 8
MIN_STEPS, MAX_STEPS = 120, 400
"""A small catalog is seen more often, a large one not as a whole."""

TEMPERATURE = 0.05
LEARNING_RATE = 0.01
RIDGE = 3.0
"""Penalty of the closed form, in products: a word of 3 products gets half of its weight."""

ITERATIONS = 30
"""Steps of the conjugate gradients."""

NAME_SHARE = 0.5
"""How often a product is described by its name; else by some of its attributes."""

FIELD_SHARE = 0.4
"""How often an attribute is among those."""

DROPOUT = 0.1
"""How often a word is left out, so that no word relies on the others."""


@dataclass(frozen=True)
class Descriptions:
    """What is said of N products: their name and F - 1 attributes."""

    words: sparse.csr_matrix
    """Ones where a text has a word, shape `(F · N, W)`: the names, then each attribute's values."""
    products: int
    """N."""

    @classmethod
    def of(cls, fields: Sequence[sparse.csr_matrix]) -> "Descriptions":
        """Return descriptions from fields of shape `(N, W)`, the names first."""
        return cls(sparse.vstack(fields, format="csr"), fields[0].shape[0])

    @property
    def fields(self) -> int:
        """Return F."""
        return int(self.words.shape[0] // self.products)

    def everything(self) -> sparse.csr_matrix:
        """Return all words of each product, shape `(N, W)`."""
        return self._choose(
            np.arange(self.products), np.ones((self.products, self.fields), np.bool_)
        )

    def sample(self, rows: NDArray[np.intp], random: np.random.Generator) -> sparse.csr_matrix:
        """Describe products at random, each by its name or by some of its attributes."""
        chosen = random.random((len(rows), self.fields)) < FIELD_SHARE
        chosen[:, 0] = random.random(len(rows)) < NAME_SHARE
        chosen[:, 1:] &= ~chosen[:, :1]
        words = self._choose(rows, chosen)
        words.data *= random.random(len(words.data)) >= DROPOUT
        words.eliminate_zeros()
        return words

    def _choose(self, rows: NDArray[np.intp], chosen: NDArray[np.bool_]) -> sparse.csr_matrix:
        """Return the words of the chosen fields, bool `(len(rows), F)`, of products."""
        at, field = np.nonzero(chosen)
        texts = field * self.products + rows[at]
        ends = np.append(0, chosen.sum(axis=1).cumsum())
        shape = (len(rows), self.words.shape[0])
        picked = sparse.csr_matrix((np.ones(len(texts), np.float32), texts, ends), shape=shape)
        return _ones(picked @ self.words)


def bags(lists: Sequence[Sequence[str]], columns: dict[str, int]) -> sparse.csr_matrix:
    """Return which words each list holds; words without a column are left out.

    Returns:
        Ones, float32, shape `(len(lists), len(columns))`.
    """
    found = [[columns[word] for word in words if word in columns] for words in lists]
    ends = np.cumsum([0, *map(len, found)])
    indices = np.fromiter((column for row in found for column in row), np.int32, ends[-1])
    ones = np.ones(len(indices), np.float32)
    return _ones(sparse.csr_matrix((ones, indices, ends), shape=(len(lists), len(columns))))


def learn_words(
    descriptions: Descriptions,
    photos: Floats,
    on_steps: Callable[[int], object] = lambda _total: None,
    on_step: Callable[[], object] = lambda: None,
    seed: int = 1,
) -> Floats:
    """Learn the words' vectors.

    Args:
        descriptions: of N products, in W words.
        photos: the vectors of their photos, of length 1, shape `(N, D)`.
        on_steps: called with the number of steps before the first.
        on_step: called after each step.
        seed: of all random choices.

    Returns:
        Shape `(W, D)`.
    """
    random = np.random.default_rng(seed)
    vectors = ridge(descriptions.everything(), photos - photos.mean(axis=0))
    count = len(photos)
    size = min(BATCH, count)
    steps = min(MAX_STEPS, max(MIN_STEPS, EPOCHS * count // size))
    on_steps(steps)
    mean, square = np.zeros_like(vectors), np.zeros_like(vectors)
    for step, rows in enumerate(_batches(count, size, steps, random), start=1):
        gradient = _gradient(descriptions.sample(rows, random), vectors, photos[rows])
        # Adam (Kingma and Ba, 2015), its rate warming up and then falling as a cosine.
        rate = LEARNING_RATE * min(1, step / 10) * (1 + np.cos(np.pi * step / steps)) / 2
        mean += 0.1 * (gradient - mean)
        square += 0.01 * (gradient**2 - square)
        deviation = np.sqrt(square / np.float32(1 - 0.99**step)) + 1e-8
        vectors -= np.float32(rate / (1 - 0.9**step)) * mean / deviation
        on_step()
    return vectors


def ridge(features: sparse.csr_matrix, targets: Floats, weights: Floats | None = None) -> Floats:
    """Return V that minimises Σ w ‖f·V − y‖² + `RIDGE` ‖V‖², by conjugate gradients.

    Args:
        features: f, shape `(N, F)`.
        targets: y, shape `(N, D)`.
        weights: w, shape `(N,)`; 1 by default.

    Returns:
        Shape `(F, D)`, float32.
    """
    weighted = features if weights is None else sparse.diags(weights) @ features
    solution = np.zeros((features.shape[1], targets.shape[1]), np.float32)
    residual = np.asarray(weighted.T @ targets, np.float32)
    direction = residual.copy()
    size = (residual**2).sum(axis=0)
    for _ in range(ITERATIONS):
        image = weighted.T @ (features @ direction) + RIDGE * direction
        step = size / ((direction * image).sum(axis=0) + 1e-12)
        solution += step * direction
        residual -= step * image
        before, size = size, (residual**2).sum(axis=0)
        direction = residual + size / (before + 1e-12) * direction
    return solution


def _batches(
    count: int, size: int, steps: int, random: np.random.Generator
) -> Iterator[NDArray[np.intp]]:
    """Yield the rows of each step's batch; all rows come before any comes again."""
    order = random.permutation(count)
    at = 0
    for _ in range(steps):
        if at + size > count:
            order, at = random.permutation(count), 0
        yield order[at : at + size]
        at += size


def _gradient(words: sparse.csr_matrix, vectors: Floats, photos: Floats) -> Floats:
    """Return the gradient of the loss by the words' vectors, shape `(W, D)`."""
    sums = words @ vectors
    lengths = np.linalg.norm(sums, axis=1, keepdims=True) + np.float32(1e-6)
    texts = sums / lengths
    shares = texts @ photos.T / np.float32(TEMPERATURE)
    shares -= shares.max(axis=1, keepdims=True)
    np.exp(shares, out=shares)
    shares /= shares.sum(axis=1, keepdims=True)
    shares[np.diag_indices_from(shares)] -= 1
    by_text = shares @ photos / np.float32(TEMPERATURE * len(photos))
    by_sum = (by_text - (by_text * texts).sum(axis=1, keepdims=True) * texts) / lengths
    # A product that lost all its words has no direction to learn from.
    by_sum[words.getnnz(axis=1) == 0] = 0
    return np.asarray(words.T @ by_sum, np.float32)


def _ones(words: sparse.csr_matrix) -> sparse.csr_matrix:
    """Return the matrix with 1 for each entry that is not 0."""
    found = sparse.csr_matrix(words)
    found.sum_duplicates()
    found.eliminate_zeros()
    found.data[:] = 1
    return found
