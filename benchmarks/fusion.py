"""Ways to make one ranking of two scores, as hybrid search elsewhere does: ranks, or a weighed sum of the first ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
Ids = NDArray[np.int64]
# The constant of reciprocal rank fusion, as its authors have it.
RRF_K = 60
# Search services fuse this many of the best of each side.
FUSED = 100


def best_rows(scores: NDArray[np.floating[Any]], k: int) -> Ids:
    """Returns the k best rows, best first, equal scores by lower row. (n,) -> (min(k, n),) int64."""
    k = min(k, len(scores))
    if not k:
        return np.empty(0, np.int64)
    ids = np.flatnonzero(scores >= np.partition(scores, len(scores) - k)[len(scores) - k])
    return ids[np.argsort(-scores[ids], kind="stable")[:k]]


def fuse_ranks(rankings: Sequence[Ids], count: int) -> NDArray[np.float64]:
    """Returns reciprocal rank fusion's score of each of `count` rows, 0 for a row in no ranking. -> (count,) float64."""
    scores = np.zeros(count)
    for ids in rankings:
        scores[ids] += 1 / (RRF_K + 1 + np.arange(len(ids)))
    return scores


def fuse_scores(first: tuple[Ids, F32], second: tuple[Ids, F32], share: float, k: int) -> Ids:
    """Returns the k best rows by (1 - share) * first + share * second, each scaled to 0 to 1; a missing row has 0.

    Args:
        first: ids and scores of the one side's best rows.
        second: those of the other side.
        share: the second side's weight.
        k: how many rows to return.
    """
    ids = np.union1d(first[0], second[0])
    scores = np.zeros(len(ids), np.float32)
    for (rows, found), weight in ((first, 1 - share), (second, share)):
        if len(rows):
            low, high = found.min(), found.max()
            scores[np.searchsorted(ids, rows)] += weight * (found - low) / max(high - low, 1e-9)
    return ids[best_rows(scores, k)]
