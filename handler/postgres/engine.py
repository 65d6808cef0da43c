"""The search of a published corpus: an Engine over one release in PostgreSQL.

    query's words --terms.py--> keyword part of every row --+
    query's vector --tables.py--> near rows (HNSW) ---------+--ranking.py--> best documents --> hits
    filter --filters.py--> SQL --tables.py--> which documents pass ---------+

Meaning is searched approximately, by pgvector's HNSW; words, filters, scores, totals and facets are exact.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from handler.asking import Answer, Asked
from handler.blend import weigh
from handler.columns import COUNTED
from handler.dates import format_date
from handler.documents import Document
from handler.errors import RequestError
from handler.hits import Hit, shortest
from handler.light_typing import Any
from handler.manifest import Manifest
from handler.pooling import l2_normalize
from handler.postgres.connection import Connection
from handler.postgres.filters import FilterSql
from handler.postgres.kept import Kept
from handler.postgres.layout import column_name
from handler.postgres.ranking import ROUNDING, WEIGHED, Ranker
from handler.postgres.release import Release
from handler.postgres.tables import Tables
from handler.postgres.terms import DatabaseKeywords
from handler.postings import KeywordQuery
from handler.ranking import Query, Ranked

# The masks of as many filters are kept; one of a million documents has 1 MB.
KEPT_FILTERS = 32
# Beyond so many documents nothing is ranked: all before them would be read for one answer.
DEEPEST = 10_000


class PostgresEngine:
    """An Engine over one release. Safe to share between threads: the connection runs one statement at a time, and Kept has a lock."""

    def __init__(self, connection: Connection, release: Release, tokenizer: Any) -> None:
        """Takes the release, and the encoder's tokenizer for terms that are word pieces."""
        self.connection = connection
        self._release = release
        self._tables = Tables(connection, release)
        self._ranker = Ranker(
            self._tables, release.manifest.rows, passages=release.manifest.passages is not None
        )
        self._keywords = None
        if release.manifest.keywords is not None:
            self._keywords = DatabaseKeywords(connection, release, tokenizer)
        self._passing: Kept[Any, NDArray[np.bool_]] = Kept(KEPT_FILTERS)
        # numeric doesn't tell 2.0 from 2, the artifact's columns do.
        self._whole = {each["name"] for each in release.columns if isinstance(each.get("min"), int)}

    @property
    def manifest(self) -> Manifest:
        """The manifest of the artifact that was published."""
        return self._release.manifest

    @property
    def release(self) -> str:
        """The id of the release."""
        return self._release.id

    @property
    def column_types(self) -> Mapping[str, str]:
        """The metadata's columns and their types."""
        return self.manifest.columns or {}

    def describe(self) -> dict[str, Any]:
        """Describes the engine for GET /info: the release, and how much of the nearest the index finds."""
        return {"name": "postgresql", "exact": False, **self._release.describe()}

    def describe_columns(self) -> list[dict[str, Any]]:
        """Returns the description of each column that the publishing stored."""
        return self._release.columns

    def find_all(self, ids: Sequence[str]) -> list[int | None]:
        """Returns the index of the document that has each id, or None."""
        return self._tables.find_all(ids)

    def read_all(self, indexes: Sequence[int]) -> list[Document]:
        """Reads the documents at some indexes."""
        return self._tables.read_all(indexes)

    def embeddings(self, indexes: Sequence[int]) -> NDArray[np.float32]:
        """Returns documents' vectors, the mean of its passages' where one is cut. -> (m, dim) of length 1."""
        rows, documents = self._tables.rows_of(sorted(set(indexes)))
        values = self._tables.stored(rows).take(np.arange(len(rows)))
        return np.stack([l2_normalize(values[documents == index].mean(0)) for index in indexes])

    def keywords_of(self, text: str) -> KeywordQuery | None:
        """Looks up the terms of a query."""
        return None if self._keywords is None else self._keywords.query(text)

    def answer(
        self,
        embeddings: NDArray[np.float32] | None,
        keywords: Sequence[KeywordQuery | None],
        asked: Asked,
        without: int | None = None,
    ) -> Iterator[Answer]:
        """Ranks the documents of each query; `asked` and the rest are as Engine says.

        Raises RequestError for an offset that is too deep, and DatabaseError where the database can't answer.
        """
        most = min(asked.offset + asked.k, self.manifest.count)
        if most > DEEPEST:
            raise RequestError(
                422,
                "invalid_request",
                f"offset and k are {most:,} together, {DEEPEST:,} at most are allowed: filter, or ask more exactly",
                "offset",
            )
        condition = None if asked.filter is None else FilterSql(asked.filter, self.column_types)
        passing = None if condition is None else self._documents_that_pass(condition)
        queries = Query.make_all(embeddings, keywords, asked.share)
        for query in queries:
            yield self._answer(query, most, asked, condition, passing, without)

    def _documents_that_pass(self, filter: FilterSql) -> NDArray[np.bool_]:  # noqa: A002
        mask = self._passing.find_all([filter.key]).get(filter.key)
        if mask is None:
            mask = self._tables.passing(filter)
            mask.setflags(write=False)
            self._passing.keep({filter.key: mask})
        return mask

    def _answer(
        self,
        query: Query,
        most: int,
        asked: Asked,
        condition: FilterSql | None,
        passing: NDArray[np.bool_] | None,
        without: int | None,
    ) -> Answer:
        best = self._ranker.rank(query, most + (without is not None), passing, exact=asked.exact)
        kept = np.ones(len(best.documents), np.bool_)
        if asked.min_score is not None:
            kept = best.scores >= np.float32(asked.min_score)
        if without is not None:
            kept &= best.documents != without
        places = kept.nonzero()[0][asked.offset : asked.offset + asked.k]
        matched = self._matched(query, asked, passing, without)
        total = self.manifest.count if matched is None else int(np.count_nonzero(matched))
        facets = {}
        if asked.facets:
            # The database counts what passes a filter by itself. Any other set of documents must be named.
            named = None if matched is None or matched is passing else matched.nonzero()[0]
            facets = {name: self._counts(name, condition, named) for name in asked.facets}
        hybrid = asked.mode == "hybrid"
        return Answer(
            self._hits(query, best, places), total, str(asked.mode), query.share if hybrid else None, facets
        )

    def _matched(
        self, query: Query, asked: Asked, passing: NDArray[np.bool_] | None, without: int | None
    ) -> NDArray[np.bool_] | None:
        """Returns which documents match, (count,); None where all do."""
        matched = None
        if query.embedding is None:
            scores = np.zeros(0, np.float32) if query.keywords is None else query.keywords.all_scores()
            holds = scores > 0
            if asked.min_score is not None:
                holds &= scores >= np.float32(asked.min_score)
            matched = self._mask(self._tables.documents_of(holds.nonzero()[0]))
        elif asked.min_score is not None:
            matched = self._mask(self._reaching(query, np.float32(asked.min_score)))
        if passing is not None:
            matched = passing if matched is None else matched & passing
        if without is not None:
            matched = np.ones(self.manifest.count, np.bool_) if matched is None else matched.copy()
            matched[without] = False
        return matched

    def _reaching(self, query: Query, least: np.float32) -> NDArray[np.int64]:
        """Returns the documents of all rows whose score is `least` or more."""
        assert query.embedding is not None
        parts, weight = None, 1.0
        if query.keywords is not None:
            parts, weight = query.keywords.all_scores(), 1 - query.share
        most_part = 0.0 if parts is None else float(parts.max()) * query.share
        lowest = (float(least) - most_part - WEIGHED) / max(weight, 1e-9) - ROUNDING
        near = self._tables.reaching(query.embedding, max(lowest, -2.0))
        scores = near.scores if parts is None else weigh(near.scores, parts[near.rows], query.share)
        # Halves leave it open which of those at the limit reach it.
        open_ = np.abs(scores - least) <= weight * ROUNDING + 1e-6
        rows = near.rows[open_]
        if len(rows):
            exact = self._tables.stored(rows).scores(np.arange(len(rows)), query.embedding)
            scores[open_] = exact if parts is None else weigh(exact, parts[rows], query.share)
        return near.documents[scores >= least]

    def _mask(self, documents: NDArray[np.int64]) -> NDArray[np.bool_]:
        mask = np.zeros(self.manifest.count, np.bool_)
        mask[documents] = True
        return mask

    def _counts(
        self, name: str, condition: FilterSql | None, documents: NDArray[np.int64] | None
    ) -> list[dict[str, Any]]:
        kind = self.column_types[name]
        column = column_name(list(self.column_types).index(name))
        counted = self._tables.counts(column, kind, COUNTED, passing=condition, documents=documents)
        whole = name in self._whole
        return [{"value": _from_sql(kind, value, whole), "count": int(count)} for value, count in counted]

    def _hits(self, query: Query, best: Ranked, places: NDArray[np.int64]) -> list[Hit]:
        if not len(places):
            return []
        indexes, rows = best.documents[places].tolist(), best.rows[places].tolist()
        documents, spans = self._tables.read_all(indexes), self._tables.spans(rows)
        finder = None
        if query.keywords is not None and self._keywords is not None:
            finder = functools.partial(self._keywords.matches, query.keywords)
        parts = [
            [None] * len(places) if part is None else [shortest(value) for value in part[places]]
            for part in (best.cosines, best.keywords)
        ]
        scores = map(shortest, best.scores[places])
        return [
            Hit(document.id, index, score, document.text, document.metadata, cosine, keyword, span, finder)
            for document, index, score, cosine, keyword, span in zip(
                documents, indexes, scores, *parts, spans, strict=True
            )
        ]


def _from_sql(kind: str, value: Any, whole: bool) -> Any:
    """Returns a column's value as JSON has it; `whole` is whether the column has whole numbers alone."""
    if kind in ("string", "strings"):
        return bytes(value).decode()
    if kind == "date":
        return format_date(value)
    if isinstance(value, Decimal):
        return int(value) if whole else float(value)
    return value
