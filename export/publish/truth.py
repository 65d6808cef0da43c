"""The exact scores that the approximate index is measured by. It asks no database."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from handler.scores import Embeddings

_CHUNK = 8192


def kth_scores(
    embeddings: Embeddings, rows: NDArray[np.int64], vectors: NDArray[np.float32], k: int
) -> NDArray[np.float32]:
    """Returns the k-th best score of each query among all rows but its own. (q,), (q, dim) -> (q,) float32."""
    best = np.full((len(rows), k), -np.inf, np.float32)
    for start in range(0, embeddings.count, _CHUNK):
        stop = min(start + _CHUNK, embeddings.count)
        scores = vectors @ embeddings.take(np.arange(start, stop)).T
        own = ((rows >= start) & (rows < stop)).nonzero()[0]
        scores[own, rows[own] - start] = -np.inf
        both = np.concatenate([best, scores], 1)
        best = np.partition(both, both.shape[1] - k, 1)[:, -k:]
    return np.asarray(best.min(1), np.float32)
