"""Scores and judgements that are made up, and the evaluation of them: no artifact is needed."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handler.documents import Document
from seeklet.evaluation.evaluating import evaluate
from seeklet.evaluation.judgements import Judgements, judgements_of
from seeklet.evaluation.results import Evaluation
from seeklet.evaluation.scores import QueryScores

HOSTILE = "<script>alert('x')</script>\x1b[2J & \"quoted\" \u202e"
FEW = {"storm in europe": ["t0", "t1"], "cheese soup": ["t31"], "old video game": ["t43"]}


class MadeUp:
    """Scores by query. The keyword parts may be None."""

    def __init__(self, scores: dict[str, QueryScores]) -> None:
        self._scores = scores

    def scores(self, queries: Sequence[str]) -> Iterator[QueryScores]:
        return (self._scores[query] for query in queries)


def row(*scores: float) -> NDArray[np.float32]:
    """One query's scores."""
    return np.array(scores, np.float32)


def helpful_keywords(queries: int, documents: int = 200, *, help_of: float = 0.5, seed: int = 0) -> MadeUp:
    """Scores of queries q0, q1, ... whose relevant document is d0, d1, ...; keywords raise it by help_of."""
    random = np.random.default_rng(seed)
    scores = {}
    for query in range(queries):
        cosines, keywords = random.random((2, documents), np.float32)
        cosines[query % documents] += np.float32(0.2)
        keywords[query % documents] += np.float32(help_of)
        scores[f"q{query}"] = QueryScores(cosines, keywords)
    return MadeUp(scores)


def evaluate_made_up(
    source: MadeUp,
    judgements: Judgements,
    *,
    documents: int = 200,
    present: float | None = 0.5,
    depth: int = 100,
) -> Evaluation:
    """An evaluation over the documents d0, d1, ..."""
    texts = [Document(f"d{i}", f"text {i} {HOSTILE}", {}) for i in range(documents)]
    return evaluate(source, texts, judgements, artifact="made-up", present=present, depth=depth)


def evaluate_keywords(
    queries: int, *, help_of: float = 0.5, seed: int = 0, present: float = 0.5
) -> Evaluation:
    """An evaluation of helpful_keywords."""
    judgements = judgements_of({f"q{query}": [f"d{query % 200}"] for query in range(queries)})
    return evaluate_made_up(
        helpful_keywords(queries, help_of=help_of, seed=seed), judgements, present=present
    )


def write_few(folder: Path) -> Path:
    """FEW as a CSV file."""
    path = folder / "few.csv"
    lines = [f"{query},{document}" for query, documents in FEW.items() for document in documents]
    path.write_text("query,relevant\n" + "\n".join(lines) + "\n", encoding="utf-8")
    return path


def by_definition(found: Sequence[float], missed: Sequence[float], depth: int) -> list[float]:
    """nDCG@10, recall@10, recall@depth and MRR@10, one document after another."""
    ideal = sorted([gain for gain in [*found, *missed] if gain > 0], reverse=True)
    dcg = best = 0.0
    for rank in range(1, 11):
        dcg += (found[rank - 1] if rank <= len(found) else 0) / math.log2(rank + 1)
        best += (ideal[rank - 1] if rank <= len(ideal) else 0) / math.log2(rank + 1)
    recalls = [len([gain for gain in found[:cut] if gain > 0]) / len(ideal) for cut in (10, depth)]
    ranks = [rank for rank, gain in enumerate(found[:10], 1) if gain > 0]
    return [dcg / best, *recalls, 1 / ranks[0] if ranks else 0.0]
