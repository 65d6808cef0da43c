"""From the queries' vectors and words to the best documents, and to all that match. It reads no document.

A document is as good as its best row: its best passage, or its one row where documents aren't cut.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from handler.index import Found, Index
from handler.named import NamedTuple
from handler.passages import Passages
from handler.passing import Passing
from handler.postings import KeywordQuery


class Query(NamedTuple):
    """A query as it is searched for. Without an embedding it is searched for by its words alone.

    embedding  (dim,) float32, or None in the mode keyword
    keywords   None in the mode semantic, and where no row holds a word of the query
    share      the keywords' share of the score, 0 to 1
    """

    embedding: NDArray[np.float32] | None
    keywords: KeywordQuery | None
    share: float

    @classmethod
    def make_all(
        cls,
        embeddings: NDArray[np.float32] | None,
        keywords: Sequence[KeywordQuery | None],
        share: float | None,
    ) -> list[Query]:
        """Returns the queries of a batch; `embeddings` (q, dim) is None in the mode keyword."""
        vectors = [None] * len(keywords) if embeddings is None else embeddings
        return [cls(*parts, share or 0.0) for parts in zip(vectors, keywords, strict=True)]


class Ranked(NamedTuple):
    """The best documents of a query, best first: (m,) each, or None where the search has no such part."""

    documents: NDArray[np.int64]
    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    cosines: NDArray[np.float32] | None
    keywords: NDArray[np.float32] | None


NOTHING = Ranked(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32), None, None)


def rank(
    index: Index,
    passages: Passages | None,
    queries: Sequence[Query],
    k: int,
    passing: NDArray[np.bool_] | None = None,
) -> list[Ranked]:
    """Finds the k best documents of each query, of those that pass, (count,), or of all.

    All queries have an embedding, or none has. Those with one are searched for together where that is possible.
    """
    rows = None
    if passing is not None:
        rows = Passing(passing if passages is None else passages.rows_of(passing))
    if passages is None and queries[0].embedding is not None:
        vectors = [query.embedding for query in queries if query.embedding is not None]
        best = index.search_each(vectors, k, _keywords_of(queries), queries[0].share, rows)
        return [Ranked(ids, ids, *scored) for ids, scored in best]
    return [_rank_one(index, passages, query, k, rows) for query in queries]


def matches(
    index: Index, passages: Passages | None, query: Query, min_score: float | None
) -> NDArray[np.bool_] | None:
    """Tells which documents match a query, (count,): by its words alone, they hold one; and they reach min_score.

    Returns None where all do.
    """
    if query.embedding is None:
        if query.keywords is None:
            count = index.embeddings.count if passages is None else passages.documents
            return np.zeros(count, np.bool_)
        scores = query.keywords.all_scores()
        rows = scores > 0
        if min_score is not None:
            rows &= scores >= np.float32(min_score)
    elif min_score is None:
        return None
    else:
        rows = index.all_scores(query.embedding, query.keywords, query.share).scores >= np.float32(min_score)
    return rows if passages is None else passages.any_row(rows)


def _rank_one(index: Index, passages: Passages | None, query: Query, k: int, rows: Passing | None) -> Ranked:
    if query.embedding is None and query.keywords is None:
        return NOTHING

    def search_rows(most: int) -> Found:
        if query.embedding is None:
            assert query.keywords is not None
            return index.search_keywords(query.keywords, most, rows)
        return index.search(query.embedding[None], most, _keywords_of([query]), query.share, rows)

    if passages is None:
        return _ranked(search_rows(k))
    found, places = passages.rank(search_rows, k)
    ranked = _ranked(found)
    kept = [None if part is None else part[places] for part in ranked]
    return Ranked(passages.documents_of(ranked.rows[places]), *kept[1:])  # type: ignore[arg-type]


def _keywords_of(queries: Sequence[Query]) -> Sequence[KeywordQuery | None] | None:
    """Returns the keywords of each query; None where no query has any."""
    keywords = [query.keywords for query in queries]
    return keywords if any(keywords) else None


def _ranked(found: Found) -> Ranked:
    """Takes the rows that an index found for one query, as if each row were a document."""
    rows, *parts = [None if part is None else part[0] for part in found]
    return Ranked(rows, rows, *parts)  # type: ignore[arg-type]
