"""The best of many scores: in the order that a stable sort of all gives, for less work. It knows no query."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from handler.passing import MANY, Passing


def top_of(scores: NDArray[np.float32], k: int, passing: Passing | None) -> NDArray[np.int64]:
    """Finds the k best of all scores, (n,), or of those of the rows that pass, as `top` does. -> rows, best first."""
    if passing is None:
        return top(scores, k)
    k = min(k, passing.count)
    if passing.are_many:
        # Among so many of the best there are k that pass, as a rule.
        best = top(scores, (MANY + 1) * k)
        best = best[passing.mask[best]]
        if len(best) >= k:
            return best[:k]
    return passing.rows[top(scores[passing.rows], k)]


def top(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Finds the k best of all scores, (n,): best first, equal ones by lower id, NaN last. -> (min(k, n),) int64."""
    k = min(k, len(scores))
    if k < 1:
        return np.empty(0, np.int64)
    # Negated, so that numpy's own order puts a NaN last.
    negated = -scores
    worst = np.partition(negated, k - 1)[k - 1]
    ids = np.arange(len(negated)) if np.isnan(worst) else (negated <= worst).nonzero()[0]
    if len(ids) > 2 * k and not np.isnan(worst):
        # Of thousands that tie for the last place, the first ones are enough.
        better = ids[negated[ids] < worst]
        ids = np.union1d(better, ids[: k + len(better)])
    best: NDArray[np.int64] = ids[negated[ids].argsort(kind="stable")[:k]]
    return best
