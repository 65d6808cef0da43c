"""The best documents of one query, from candidates of both sides: rows near in meaning, and rows that hold its words.

Every candidate is scored from its stored row, by the function's own formula, so its score has the same bits as in the
function's own search. What may be missing is a row that the index (HNSW) doesn't find: with `exact` every row is looked at.

No other row can reach the k best: a row that isn't near has at most the cosine of the farthest candidate, and the keyword
part of every row is known. So the rows whose sum of both could still be among the best are candidates too.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from handler.blend import weigh
from handler.named import NamedTuple
from handler.postgres.tables import Near, Tables
from handler.postings import KeywordQuery
from handler.ranking import NOTHING, Query, Ranked

# Candidates beside those that were asked for: halves order rows a little otherwise than their stored values do.
_SPARE = 20
# The near rows of a hybrid search, at least.
_NEAR = 100
# Fewer rows than this are all scored from their stored values, which is exact and faster than a search of the index.
_FEW = 3000
# With more candidates than this, an approximate search keeps those with the best keyword parts.
_MOST_CANDIDATES = 3000
# With more near rows than this, every row is looked at: the index is slower then.
_MOST_NEAR = 20_000
# How far a score by halves may be from the stored row's: both vectors' values are rounded by 2**-11 of themselves.
ROUNDING = 2.0**-10 * 1.1
# How far rounding moves a score that is weighed of two parts, in float32.
WEIGHED = 2.0**-21


class Scored(NamedTuple):
    """Some rows with their documents, scores and the scores' parts, (m,) each."""

    rows: NDArray[np.int64]
    documents: NDArray[np.int64]
    scores: NDArray[np.float32]
    cosines: NDArray[np.float32] | None
    keywords: NDArray[np.float32] | None

    def best(self, k: int) -> Ranked:
        """Returns the k best documents, each by its best row; equal scores by lower row."""
        order = np.lexsort((self.rows, -self.scores))
        firsts = np.sort(np.unique(self.documents[order], return_index=True)[1])[:k]
        places = order[firsts]
        parts = [None if part is None else part[places] for part in (self.cosines, self.keywords)]
        return Ranked(self.documents[places], self.rows[places], self.scores[places], *parts)


class Ranker:
    """Ranks the documents of a release."""

    def __init__(self, tables: Tables, rows: int, *, passages: bool = False) -> None:
        """Takes the tables, the number of rows, and whether these are passages, of which a document has several."""
        self._tables = tables
        self._rows = rows
        self._passages = passages

    def rank(self, query: Query, k: int, passing: NDArray[np.bool_] | None, *, exact: bool = False) -> Ranked:
        """Finds the k best documents of a query, of those that pass, (count,), or of all."""
        if query.embedding is None:
            return NOTHING if query.keywords is None else self._by_words(query.keywords, k, passing)
        if k <= 0:
            return NOTHING
        if passing is not None:
            documents = passing.nonzero()[0]
            rows, of = self._tables.rows_of(documents.tolist()) if len(documents) <= _FEW else (None, None)
            if rows is not None and of is not None and len(rows) <= _FEW:
                return self._score(query, rows, of).best(k)
        best = self._by_both(query, k, passing, exact=exact)
        if self._passages and not exact and len(best.documents):
            # The index may have found another passage of a document than its best one.
            best = self._score(query, *self._tables.rows_of(best.documents.tolist())).best(k)
        return best

    def _by_words(self, keywords: KeywordQuery, k: int, passing: NDArray[np.bool_] | None) -> Ranked:
        parts = keywords.all_scores()
        rows = parts.nonzero()[0]
        documents = self._tables.documents_of(rows)
        if passing is not None:
            kept = passing[documents]
            rows, documents = rows[kept], documents[kept]
        scores = parts[rows]
        return Scored(rows, documents, scores, None, scores).best(k)

    def _by_both(self, query: Query, k: int, passing: NDArray[np.bool_] | None, *, exact: bool) -> Ranked:
        share = 1.0 if passing is None else np.count_nonzero(passing) / len(passing)
        most = int(k * (2 if query.keywords is not None else 1) / max(share, 1e-9) * 1.2) + _SPARE
        if query.keywords is not None:
            most = max(most, _NEAR)
        # Of few rows the index needn't find any.
        exact = exact or self._rows <= _FEW
        if exact:
            # A row that halves put behind may be before: the more rows there are, the less often it is asked again.
            most = most * 4 + _NEAR
        while True:
            exact = exact or most > _MOST_NEAR
            most = min(most, self._rows)
            near = self._tables.nearest(query.embedding, most, exact=exact)  # type: ignore[arg-type]
            ended = len(near.rows) < most
            # Nothing beyond the last one is nearer. Without a row beyond there is no limit to say.
            beyond = (
                -np.inf
                if len(near.rows) == self._rows
                else float(near.scores[-1])
                if len(near.rows)
                else np.inf
            )
            kept = _keep(near, passing)
            best, complete = self._score_near(query, kept, beyond, k, passing, exact=exact)
            if complete and not ended:
                return best
            if most == self._rows and exact:
                return best
            # The index ended early, or too few of what it found pass: look further.
            exact = exact or ended
            most *= 4

    def _score_near(
        self,
        query: Query,
        near: Near,
        beyond: float,
        k: int,
        passing: NDArray[np.bool_] | None,
        *,
        exact: bool,
    ) -> tuple[Ranked, bool]:
        """Scores near rows and those that hold the query's words; tells whether nothing else can be among the k best.

        `beyond` is the score by halves above which no other row is.
        """
        scored = self._score(query, near.rows, near.documents)
        best = scored.best(k)
        added = 0
        if query.keywords is not None:
            while len(more := self._candidates(query, scored, best, beyond, k, passing, exact=exact)):
                scored = _join(scored, self._score(query, more, self._tables.documents_of(more)))
                best = scored.best(k)
                added += len(more)
                if not exact and added >= _MOST_CANDIDATES:
                    break
        if len(best.documents) < k:
            return best, beyond == -np.inf
        limit = (1 - query.share if query.keywords is not None else 1.0) * (beyond + ROUNDING)
        # An approximate search is as good as its index: it is complete when it has k documents.
        return best, not exact or float(best.scores[-1]) >= limit

    def _candidates(
        self,
        query: Query,
        scored: Scored,
        best: Ranked,
        beyond: float,
        k: int,
        passing: NDArray[np.bool_] | None,
        *,
        exact: bool,
    ) -> NDArray[np.int64]:
        """Returns further rows that hold words of the query and could be among the k best."""
        assert query.keywords is not None
        if beyond == -np.inf:
            return np.empty(0, np.int64)
        parts = query.keywords.all_scores()
        least = float(best.scores[-1]) if len(best.documents) >= k else -np.inf
        # The keyword part that reaches the last of the best beside the highest cosine that is left.
        part = (least - (1 - query.share) * min(beyond + ROUNDING, 1 + ROUNDING)) / max(query.share, 1e-9)
        rows = (parts >= np.float32(part - 1e-6) if part > 0 else parts > 0).nonzero()[0]
        rows = rows[~np.isin(rows, scored.rows)]
        if passing is not None:
            rows = rows[passing[self._tables.documents_of(rows)]]
        # The likely ones first: with their scores fewer of the others can be among the best.
        step = max(2 * k, _NEAR) if len(best.documents) < k or len(rows) > _FEW else _FEW
        if not exact:
            step = min(step, _MOST_CANDIDATES)
        if len(rows) > step:
            rows = rows[np.argpartition(-parts[rows], step - 1)[:step]]
        return rows.astype(np.int64)

    def _score(self, query: Query, rows: NDArray[np.int64], documents: NDArray[np.int64]) -> Scored:
        """Scores rows from their stored values."""
        assert query.embedding is not None
        cosines = np.empty(0, np.float32)
        if len(rows):
            cosines = self._tables.stored(rows).scores(np.arange(len(rows)), query.embedding)
        if query.keywords is None:
            return Scored(rows, documents, cosines, cosines, None)
        parts = query.keywords.all_scores()[rows]
        return Scored(rows, documents, weigh(cosines, parts, query.share), cosines, parts)


def _keep(near: Near, passing: NDArray[np.bool_] | None) -> Near:
    if passing is None:
        return near
    kept = passing[near.documents]
    return Near(near.rows[kept], near.documents[kept], near.scores[kept])


def _join(one: Scored, other: Scored) -> Scored:
    assert one.cosines is not None
    assert other.cosines is not None
    assert one.keywords is not None
    assert other.keywords is not None
    return Scored(
        np.concatenate([one.rows, other.rows]),
        np.concatenate([one.documents, other.documents]),
        np.concatenate([one.scores, other.scores]),
        np.concatenate([one.cosines, other.cosines]),
        np.concatenate([one.keywords, other.keywords]),
    )
