"""Scores rankings by nDCG@10 and recall@100, and similarities by Spearman's correlation; BM25 is the baseline.

seeklet/evaluation/metrics.py computes a ranking's figures. Every figure has the standard error of its mean over the
queries; Spearman's is from 200 samples of the pairs, drawn with replacement.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from benchmarks.datasets import Pairs, Retrieval
from benchmarks.record import mean_of
from seeklet.evaluation.metrics import figure_names, measure

F32 = NDArray[np.float32]
Ranking = Sequence[NDArray[np.int64]]
Figures = dict[str, dict[str, float]]
RESAMPLES = 200
RANKED = 100


def score_pairs(first: F32, second: F32, pairs: Pairs) -> Figures:
    """Returns Spearman's correlation of the cosines with people's scores. (n, dim) float32 each, L2-normalised."""
    cosines, human = np.vecdot(first, second), np.array(pairs.human)
    random = np.random.default_rng(0)
    samples = random.integers(0, len(human), (RESAMPLES, len(human)))
    found = [float(spearmanr(cosines[rows], human[rows]).statistic) for rows in samples]
    return {
        "spearman": {
            "mean": float(spearmanr(cosines, human).statistic),
            "error": float(np.std(found, ddof=1)),
        }
    }


def score_vectors(documents: F32, queries: F32, data: Retrieval) -> Figures:
    """Returns the figures of a full sort by the vectors' products."""
    scores = queries @ documents.T
    return score_ranking([np.argsort(-row, kind="stable")[:RANKED] for row in scores], data)


def score_ranking(ranking: Ranking, data: Retrieval) -> Figures:
    """Returns nDCG@10 and recall@100 of each query's first 100 rows, best first."""
    measured = []
    for order, wanted in zip(ranking, data.gains, strict=True):
        found = [wanted.get(data.ids[row], 0.0) for row in order[:RANKED].tolist()]
        measured.append(measure(np.array([found]), wanted.values(), RANKED)[0])
    columns = dict(zip(figure_names(RANKED), np.transpose(measured), strict=True))
    return {name: mean_of(columns[name].tolist()) for name in ("ndcg@10", "recall@100")}


def rank_by_bm25(data: Retrieval) -> Ranking:
    """Returns each query's first 100 rows by BM25, with BEIR's parameters; none without the bm25s package."""
    try:
        import bm25s
    except ImportError:
        print("BM25 left out: pip install bm25s", file=sys.stderr)
        return []
    retriever = bm25s.BM25(k1=0.9, b=0.4)
    retriever.index(bm25s.tokenize(data.documents, stopwords="en", show_progress=False), show_progress=False)
    tokens = bm25s.tokenize(data.queries, stopwords="en", show_progress=False)
    found, _ = retriever.retrieve(tokens, k=min(RANKED, len(data.documents)), show_progress=False)
    return [np.asarray(row, np.int64) for row in found]
