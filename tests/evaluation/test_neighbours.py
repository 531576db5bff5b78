"""Exact neighbours in blocks: the same as a whole matrix, with ties in their order."""

import numpy as np
import pytest

from worker.evaluation import neighbours
from worker.evaluation.neighbours import exact_neighbours

RANDOM = np.random.default_rng(3)


def whole_matrix(vectors: np.ndarray, k: int) -> np.ndarray:
    """The obvious way, N × N."""
    unit = neighbours.unit_length(vectors)
    similarity = unit @ unit.T
    np.fill_diagonal(similarity, -np.inf)
    return np.argsort(-similarity, axis=1, kind="stable")[:, :k]


@pytest.mark.parametrize("block_bytes", [1, 4 * 200 * 7, 2**30])
def test_blocks_of_any_size_give_the_whole_matrix(
    block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "BLOCK_BYTES", block_bytes)
    # Whole numbers of few values: many exact ties, and sums that no order of adding changes.
    vectors = RANDOM.integers(0, 2, size=(200, 4)).astype(np.float32)
    unit = neighbours.unit_length(vectors)
    similarity = unit @ unit.T
    found = exact_neighbours(vectors, np.arange(200), 9)
    for row, columns in enumerate(found):
        values = similarity[row, columns]
        assert row not in columns
        assert (np.diff(values) <= 1e-6).all()
        others = np.delete(similarity[row], [row, *columns])
        assert values.min() >= others.max() - 1e-6


def test_ties_come_in_the_order_of_the_rows() -> None:
    vectors = np.zeros((50, 3), dtype=np.float32)
    vectors[:, 0] = 1
    vectors[7] = (0, 1, 0)
    assert exact_neighbours(vectors, np.array([3, 0]), 4).tolist() == [[0, 1, 2, 4], [1, 2, 3, 4]]
    # A row that resembles nothing still has neighbours, by their number.
    assert exact_neighbours(vectors, np.array([7]), 3).tolist() == [[0, 1, 2]]


def test_agrees_with_the_whole_matrix_on_distinct_vectors() -> None:
    vectors = RANDOM.normal(size=(120, 16))
    found = exact_neighbours(vectors, np.arange(120), 10)
    assert (found == whole_matrix(vectors, 10)).all()


def test_only_the_query_itself_is_left_out() -> None:
    vectors = np.array([[1, 0], [1, 0], [0, 1]])
    assert exact_neighbours(vectors, np.array([0, 1]), 1).tolist() == [[1], [0]]


def test_half_precision_and_any_length_of_vector_will_do() -> None:
    vectors = RANDOM.normal(size=(60, 8))
    scaled = (vectors * RANDOM.uniform(0.5, 9, size=(60, 1))).astype(np.float16)
    agreement = exact_neighbours(scaled, np.arange(60), 5) == whole_matrix(vectors, 5)
    assert agreement.mean() > 0.95


@pytest.mark.parametrize(("rows", "expected"), [(1, (1, 0)), (3, (3, 2))])
def test_a_small_gallery_gives_what_it_has(rows: int, expected: tuple[int, int]) -> None:
    vectors = RANDOM.normal(size=(rows, 4))
    assert exact_neighbours(vectors, np.arange(rows), 5).shape == expected
