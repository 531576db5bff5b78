"""Batches: each product once an epoch, by any of its photos, and never one that is held out."""

from collections import Counter

import numpy as np
import pytest

from worker.training.examples import Batches, Examples
from worker.training.heads import NEIGHBOURS
from worker.training.labels import LabelColumn, LabelSet
from worker.training.products import Products, together

pytestmark = pytest.mark.slow  # worker.training.examples loads Keras


@pytest.fixture
def examples() -> Examples:
    """Twenty photos of twelve products: the first eight have two, the last four are held out."""
    products = np.array([*range(12), *range(8)])
    labels = LabelSet((LabelColumn("colour", 1.0, 2),), (products % 2)[:, None])
    return Examples(np.arange(20.0)[:, None], labels, products >= 8, products)


def shown(batches: Batches) -> list[int]:
    inputs = np.concatenate([batches[index][0] for index in range(len(batches))])
    return [int(row) for row in inputs[:, 0]]


def test_an_epoch_shows_each_product_once(examples: Examples) -> None:
    batches = Batches(examples, batch_size=4, seed=1)
    seen: Counter[int] = Counter()
    for _ in range(20):
        rows = shown(batches)
        assert sorted(examples.products[rows]) == list(range(8))
        seen.update(rows)
        batches.on_epoch_end()
    assert set(seen) == set(np.flatnonzero(~examples.held_out))


def test_a_later_epoch_is_what_it_would_have_been(examples: Examples) -> None:
    begun, resumed = (Batches(examples, batch_size=4, seed=1, first_epoch=n) for n in (0, 1))
    begun.on_epoch_end()
    assert shown(begun) == shown(resumed)


def test_more_variants_bear_the_labels_of_the_first_inputs(examples: Examples) -> None:
    batches = Batches(
        examples, batch_size=4, seed=1, vary=lambda inputs, _: np.concatenate([inputs, inputs[:2]])
    )
    inputs, targets = batches[0]
    assert inputs.shape == (6, 1)
    assert targets["colour"][4:].tolist() == targets["colour"][:2].tolist()
    products = targets[NEIGHBOURS][:, -1]
    assert products[4:].tolist() == products[:2].tolist()


def test_a_product_of_two_sources_is_one() -> None:
    small = Products(
        ["1", "2"], ["A", "B"], [], {"colour": ["Red", "Blue"]}, {"colour": 1}, ["s"] * 2
    )
    large = Products(["2"], ["B"], [], {"season": ["Fall"]}, {"season": 0.5}, ["l"])
    both = together([small, large])
    assert both.numbers().tolist() == [0, 1, 1]
    assert both.labels == {"colour": ["Red", "Blue", None], "season": [None, None, "Fall"]}
    assert both.weights == {"colour": 1, "season": 0.5}
    assert both.sources == ["s", "s", "l"]
