"""How far chance may have moved a mean over queries: percentile intervals of the bootstrap.

Queries are drawn anew, with replacement, as often as there are queries, and the mean is taken
again; Efron and Tibshirani, "An Introduction to the Bootstrap" (1993), chapter 13. All metrics are
taken of the same draws, so that the differences of two models are those of the same queries.
"""

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from worker.evaluation.metrics import Values

RESAMPLES = 1_000
LEVEL = 0.95
"""Share of the resampled means that an interval holds."""

_AT_ONCE = 2**22
"""Draws to hold at once."""

Key = TypeVar("Key")


class Estimate(NamedTuple):
    """A mean with its interval; all NaN if no query has a value."""

    value: float
    low: float
    high: float

    @property
    def beyond_chance(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


def mean(values: Values) -> float:
    """Return the mean over the queries that have a value; NaN if none has."""
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else np.nan


def estimates(values: Mapping[Key, Values], seed: int = 0) -> dict[Key, Estimate]:
    """Return the mean of each metric over the queries that have a value, with its interval.

    Args:
        values: metrics of the same queries, each of shape `(Q,)`, NaN where it is undefined.
        seed: of the draws.
    """
    if not values:
        return {}
    table = np.stack(list(values.values()), axis=1)
    means = _means(table, np.ones((1, len(table))))[0]
    resampled = _resampled(table, seed)
    return {
        key: Estimate(float(mean), *_interval(resampled[:, column]))
        for column, (key, mean) in enumerate(zip(values, means, strict=True))
    }


def _interval(means: Values) -> tuple[float, float]:
    """Return the interval that holds `LEVEL` of the means; a draw may have none, which is NaN."""
    known = means[~np.isnan(means)]
    if not known.size:
        return np.nan, np.nan
    low, high = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def _resampled(table: NDArray[np.float64], seed: int) -> NDArray[np.float64]:
    """Return the means of each resample, shape `(RESAMPLES, metrics)`."""
    queries = len(table)
    random = np.random.default_rng(seed)
    step = max(1, min(RESAMPLES, _AT_ONCE // max(1, queries)))
    parts = []
    for start in range(0, RESAMPLES, step):
        rows = min(step, RESAMPLES - start)
        draws = random.integers(0, max(1, queries), size=(rows, queries))
        draws += np.arange(rows)[:, None] * queries
        times = np.bincount(draws.ravel(), minlength=rows * queries).reshape(rows, queries)
        parts.append(_means(table, times))
    return np.concatenate(parts)


def _means(table: NDArray[np.float64], times: NDArray[np.floating | np.integer]) -> Values:
    """Return means over the rows of a table, each row taken so many times."""
    defined = ~np.isnan(table)
    weights = times.astype(np.float64)
    with np.errstate(invalid="ignore"):
        means: Values = (weights @ np.where(defined, table, 0)) / (weights @ defined.astype(float))
    return means
