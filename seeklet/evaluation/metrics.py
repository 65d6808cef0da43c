"""Figures of rankings: nDCG@10, recall and the reciprocal rank.

nDCG is as in trec_eval and BEIR: the gain is the grade, the discount log2(rank + 1), and the ideal ranking has all
relevant documents, best first. This module knows gains only, no documents.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

CUT = 10
NDCG, MRR = f"ndcg@{CUT}", f"mrr@{CUT}"


def figure_names(depth: int) -> list[str]:
    """Names the columns of `measure`."""
    recalls = [f"recall@{CUT}", f"recall@{depth}"] if depth > CUT else [f"recall@{depth}"]
    return [NDCG, *recalls, MRR]


def measure(found: NDArray[np.float64], gains: Iterable[float], depth: int) -> NDArray[np.float64]:
    """Measures some rankings of one query.

    Args:
        found: (rankings, ranks) gains of the ranked documents, best first; 0 where one is not relevant. Ranks beyond
            max(CUT, depth) don't count; there may be fewer.
        gains: the gains of all relevant documents, each above 0; at least one.
        depth: the ranks within which the second recall counts.

    Returns:
        (rankings, figures), as `figure_names` calls them.
    """
    best = np.sort(np.fromiter(gains, np.float64))[::-1]
    relevant = found > 0
    ranks = np.arange(1, CUT + 1)
    first = np.where(relevant[:, :CUT], 1 / ranks[: relevant.shape[1]], 0.0)
    recalls = [relevant[:, :cut].sum(1) / len(best) for cut in ((CUT, depth) if depth > CUT else (depth,))]
    return np.stack([_dcg(found) / _dcg(best[None]), *recalls, first.max(1, initial=0.0)], axis=1)


def _dcg(gains: NDArray[np.float64]) -> NDArray[np.float64]:
    """Computes the discounted sum of each ranking's first gains. (rankings, ranks) -> (rankings,)."""
    first = gains[:, :CUT]
    sums: NDArray[np.float64] = (first / np.log2(np.arange(2, first.shape[1] + 2))).sum(1)
    return sums
