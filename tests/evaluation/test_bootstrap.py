"""Intervals of means: as wide as theory says, and paired."""

import numpy as np
import pytest

from worker.evaluation.bootstrap import estimates, mean

RANDOM = np.random.default_rng(11)


def test_an_interval_is_as_wide_as_that_of_a_proportion() -> None:
    hits = (np.arange(2_000) < 600).astype(float)
    found = estimates({"hits": hits})["hits"]
    assert found.value == pytest.approx(0.3)
    half = 1.96 * np.sqrt(0.3 * 0.7 / 2_000)
    assert found.high - found.value == pytest.approx(half, rel=0.15)
    assert found.value - found.low == pytest.approx(half, rel=0.15)


def test_queries_without_a_value_are_left_out() -> None:
    values = np.array([1.0, np.nan, 0.0, np.nan])
    assert mean(values) == 0.5
    found = estimates(
        {"some": values, "none": np.full(4, np.nan), "one": np.array([1, *[np.nan] * 3])}
    )
    assert found["some"].value == 0.5
    assert (found["some"].low, found["some"].high) == (0, 1)
    assert np.isnan(found["none"]).all()
    # A draw without the one query that has a value says nothing.
    assert tuple(found["one"]) == (1, 1, 1)
    assert not found["none"].beyond_chance


def test_a_seed_draws_the_same() -> None:
    values = {"x": RANDOM.normal(size=50)}
    assert estimates(values, seed=3) == estimates(values, seed=3)
    assert estimates(values, seed=3) != estimates(values, seed=4)
    assert estimates({}) == {}


def test_a_small_difference_of_the_same_queries_is_beyond_chance() -> None:
    """Queries differ far more from each other than the models do."""
    one = RANDOM.uniform(0, 1, size=500)
    other = one + RANDOM.normal(0.02, 0.05, size=500)
    apart = estimates({"one": one, "other": other})
    assert apart["one"].high > apart["other"].low
    assert estimates({"difference": other - one})["difference"].beyond_chance
    noise = RANDOM.normal(0, 0.05, size=500)
    assert not estimates({"noise": noise - noise.mean()})["noise"].beyond_chance
