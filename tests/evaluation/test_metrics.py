"""The ranking metrics: by hand, and against scikit-learn."""

import numpy as np
import pytest

from worker.evaluation import metrics
from worker.evaluation.bootstrap import mean
from worker.evaluation.metrics import MISSING, encode

ALL = np.array([True])
RANDOM = np.random.default_rng(5)


def ranked(hits: str) -> np.ndarray:
    """`"10110"` as one query's relevant neighbours."""
    return np.array([[letter == "1" for letter in hits]])


def test_precision_by_hand() -> None:
    assert metrics.precision_at(ranked("1011010000"), ALL, 5) == pytest.approx(3 / 5)
    assert metrics.precision_at(ranked("1011010000"), ALL, 10) == pytest.approx(4 / 10)


def test_precision_divides_by_k_where_the_gallery_is_smaller() -> None:
    assert metrics.precision_at(ranked("111"), ALL, 5) == pytest.approx(3 / 5)


def test_precision_asks_only_the_labelled() -> None:
    relevant = np.array([[True, True], [False, False]])
    assert mean(metrics.precision_at(relevant, np.array([True, False]), 2)) == 1
    assert np.isnan(mean(metrics.precision_at(relevant, np.array([False, False]), 2)))


def test_average_precision_by_hand() -> None:
    # Relevant at ranks 1, 3 and 4, of six in the gallery: (1/1 + 2/3 + 3/4) / min(6, 5).
    found = metrics.average_precision(ranked("10110"), np.array([6]), 5)
    assert found == pytest.approx((1 + 2 / 3 + 3 / 4) / 5)
    # The same list is better where the gallery holds no more than three.
    found = metrics.average_precision(ranked("10110"), np.array([3]), 5)
    assert found == pytest.approx((1 + 2 / 3 + 3 / 4) / 3)


def test_a_perfect_list_scores_one_and_an_impossible_query_is_left_out() -> None:
    relevant = np.array([[True, True, False], [False, False, False]])
    assert mean(metrics.average_precision(relevant, np.array([2, 0]), 3)) == 1
    assert np.isnan(mean(metrics.average_precision(relevant, np.array([0, 0]), 3)))


def test_average_precision_agrees_with_scikit_learn_over_whole_rankings() -> None:
    from sklearn.metrics import average_precision_score

    """With a list as long as the gallery the two definitions are one."""
    relevant = RANDOM.random((40, 25)) < 0.3
    relevant[:, 0] |= ~relevant.any(axis=1)
    scores = np.arange(25, 0, -1)
    expected = np.mean([average_precision_score(row, scores) for row in relevant])
    found = mean(metrics.average_precision(relevant, relevant.sum(axis=1), 25))
    assert found == pytest.approx(expected)


def test_relevance_never_counts_a_missing_label() -> None:
    codes = np.array([0, 0, MISSING, MISSING, 1])
    queries = np.array([0, 2])
    neighbours = np.array([[1, 2, 4], [3, 0, 1]])
    assert metrics.relevance(codes, queries, neighbours).tolist() == [
        [True, False, False],
        [False, False, False],
    ]
    assert metrics.relevant_in_gallery(codes, np.array([0, 2, 4])).tolist() == [1, 0, 0]


@pytest.mark.parametrize("k", [3, 10])
def test_ndcg_agrees_with_scikit_learn(k: int) -> None:
    from sklearn.metrics import ndcg_score

    labels = RANDOM.integers(0, 3, size=(60, 4))
    labels[RANDOM.random(labels.shape) < 0.1] = MISSING
    queries = np.arange(0, 60, 3)
    order = np.array([RANDOM.permutation(np.delete(np.arange(60), query)) for query in queries])
    expected = []
    for query, ranking in zip(queries, order, strict=True):
        own = labels[query]
        gains = ((labels[ranking] == own) & (own != MISSING)).sum(axis=1)
        expected.append(ndcg_score([gains], [np.arange(59, 0, -1)], k=k))
    found = mean(metrics.ndcg(labels, queries, order[:, :k], k))
    assert found == pytest.approx(np.mean(expected))


def test_ndcg_by_hand() -> None:
    # The query shares two labels with row 1, one with row 2, none with row 3.
    labels = np.array([[0, 0], [0, 0], [0, 1], [1, 1]])
    found = metrics.ndcg(labels, np.array([0]), np.array([[2, 1]]), 2)
    assert found == pytest.approx((1 + 2 / np.log2(3)) / (2 + 1 / np.log2(3)))


def test_ndcg_leaves_out_who_shares_nothing_with_anyone() -> None:
    labels = np.array([[0], [0], [1], [MISSING]])
    neighbours = np.array([[1, 2], [0, 1], [0, 1]])
    found = metrics.ndcg(labels, np.array([0, 2, 3]), neighbours, 2)
    assert np.isnan(found).tolist() == [False, True, True]
    assert mean(found) == pytest.approx(1)


def test_neighbour_recall_by_hand() -> None:
    exact = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])
    found = np.array([[4, 3, 2, 9], [5, -1, -1, -1]])
    assert metrics.neighbour_recall(found, exact) == pytest.approx((3 / 4 + 1 / 4) / 2)


def test_words_become_codes_in_alphabetical_order() -> None:
    codes, words = encode(["Red", None, "Blue", "", "Red", "NA"])
    assert words == ["Blue", "NA", "Red"]
    assert codes.tolist() == [2, MISSING, 0, MISSING, 2, 1]


def test_two_labels_together_are_one() -> None:
    one = np.array([0, 0, 1, 1, MISSING, 0])
    other = np.array([0, 1, 0, 1, 0, MISSING])
    together = metrics.both(one, other)
    assert together.tolist()[4:] == [MISSING, MISSING]
    assert len(set(together.tolist()[:4])) == 4
    assert metrics.both(np.array([2, 2]), np.array([5, 5])).tolist() == [17, 17]


def test_the_rank_of_a_product_by_its_other_photos() -> None:
    # Products 0 and 2 have two photos each, product 1 has one; angles in degrees.
    angles = np.radians([0, 30, 20, 90, 100])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    ranks = metrics.other_photo_ranks(vectors, np.array([0, 0, 1, 2, 2]))
    # From 0°, product 1 at 20° comes before the other photo at 30°; so it does from 30°.
    assert ranks.tolist()[:2] == [1, 1]
    assert np.isnan(ranks[2])
    assert ranks.tolist()[3:] == [0, 0]


def test_products_of_the_same_similarity_rank_in_their_order() -> None:
    vectors = np.ones((5, 3))
    ranks = metrics.other_photo_ranks(vectors, np.array([0, 1, 1, 2, 2]))
    assert np.isnan(ranks[0])
    assert ranks.tolist()[1:] == [1, 1, 2, 2]
