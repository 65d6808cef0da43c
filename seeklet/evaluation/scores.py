"""Every row's scores for a query, and the rankings of all modes and shares that follow from them.

A query is embedded once. The rankings are those that Searcher.search gives in each mode, without a search for each.
A row is a document, or one of its passages. This module knows no judgements.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from handler.blend import weigh
from handler.searcher import Searcher
from handler.top import top

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]
# Queries are scored together as long as their cosines fit in this many bytes.
BATCH_BYTES = 64 << 20
MOST_AT_ONCE = 32


class QueryScores(NamedTuple):
    """One query's scores.

    cosines    (rows,)
    keywords   (rows,) keyword parts, or None where the query has no known term
    firsts     (documents,) each document's first row, or None where every row is a document
    """

    cosines: F32
    keywords: F32 | None
    firsts: I64 | None = None


class ScoreSource(Protocol):
    """What gives scores."""

    def scores(self, queries: Sequence[str]) -> Iterator[QueryScores]:
        """Yields the scores of each query."""


class SearcherScores:
    """The scores of a loaded artifact."""

    def __init__(self, searcher: Searcher) -> None:
        """Takes the searcher, whose encoder, embeddings and keywords give the scores."""
        self._searcher = searcher

    def scores(self, queries: Sequence[str]) -> Iterator[QueryScores]:
        """Yields the scores of each query."""
        searcher, embeddings = self._searcher, self._searcher.local.index.embeddings
        firsts = None if searcher.local.passages is None else searcher.local.passages.first[:-1]
        step = min(MOST_AT_ONCE, max(1, BATCH_BYTES // (4 * embeddings.count)))
        for start in range(0, len(queries), step):
            texts = queries[start : start + step]
            every = embeddings.all_scores(searcher.encoder.encode(texts, searcher.manifest.query_prompt))
            for text, cosines in zip(texts, every, strict=True):
                asked = None if searcher.local.keywords is None else searcher.local.keywords.query(text)
                yield QueryScores(cosines, None if asked is None else asked.all_scores(), firsts)


def rank(scores: QueryScores, share: float, k: int) -> I64:
    """Ranks the documents by the hybrid scores of their best rows: the k best, best first, equal scores by lower index."""
    return top(_to_documents(blend(scores, share), scores.firsts), k)


def rank_by_keywords(scores: QueryScores, k: int) -> I64:
    """Ranks the documents that hold a term of the query by their keyword parts alone: k or fewer."""
    if scores.keywords is None:
        return np.empty(0, np.int64)
    documents = _to_documents(scores.keywords, scores.firsts)
    best = top(documents, k)
    return best[documents[best] > 0]


def blend(scores: QueryScores, share: float) -> F32:
    """Weighs cosines and keyword parts as the search does: (1 - share) * cosine + share * keyword part."""
    if scores.keywords is None:
        return scores.cosines
    if share >= 1:
        return scores.keywords
    return weigh(scores.cosines, scores.keywords, share)


def _to_documents(rows: F32, firsts: I64 | None) -> F32:
    """Returns the documents' scores: each has the score of its best row."""
    if firsts is None:
        return rows
    best: F32 = np.maximum.reduceat(rows, firsts)
    return best
