"""What may be chance: bootstrap intervals over the queries, and a choice that is corrected for the number of choices.

Queries are drawn with replacement, as often as there are queries; each sample gives a mean. Every call draws the same
samples, so figures of the same queries are compared on the same samples. This module knows numbers only.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
SAMPLES = 2000
CONFIDENCE = 0.95
# With fewer queries an interval is too narrow to choose by.
LEAST_QUERIES = 20
_TAIL = (1 - CONFIDENCE) / 2
_AT_ONCE = 2_000_000  # numbers drawn at a time


class Interval(NamedTuple):
    """A mean, and the ends of its 95% interval; None for a single query, which has none."""

    mean: float
    low: float | None
    high: float | None


def sample_means(values: F64) -> F64:
    """Computes each sample's means. (queries, columns) -> (SAMPLES, columns)."""
    queries = len(values)
    random = np.random.default_rng(0)
    # Drawn in steps of a size that depends on nothing but the number of queries, so that the samples do too.
    step = max(1, _AT_ONCE // queries)
    chances = np.full(queries, 1 / queries)
    means = np.empty((SAMPLES, values.shape[1]))
    for start in range(0, SAMPLES, step):
        part = means[start : start + step]
        part[:] = random.multinomial(queries, chances, len(part)) @ values / queries
    return means


def intervals(values: F64) -> list[Interval]:
    """Computes the mean of each column and its interval. (queries, columns)."""
    means = values.mean(0).tolist()
    if len(values) < 2:
        return [Interval(mean, None, None) for mean in means]
    low, high = np.quantile(sample_means(values), (_TAIL, 1 - _TAIL), axis=0)
    return [Interval(*ends) for ends in zip(means, low.tolist(), high.tolist(), strict=True)]


def surely_gained(differences: F64) -> F64:
    """Computes what each of several candidates surely gains, were the best of them chosen. (queries, candidates).

    The best of many candidates has been lucky. So all of them get one margin, in standard errors: the largest error of
    any of them, over the samples, exceeds it in 2.5 of 100 samples. A candidate gains nothing for sure where the
    value is not above 0; one that equals the present choice for every query gets -inf.
    """
    mean, error = differences.mean(0), differences.std(0, ddof=1) / np.sqrt(len(differences))
    gained = np.full(differences.shape[1], -np.inf)
    varies = error > 1e-12
    if varies.any():
        strays = (sample_means(differences[:, varies]) - mean[varies]) / error[varies]
        gained[varies] = mean[varies] - np.quantile(strays.max(1), 1 - _TAIL) * error[varies]
    return gained
