"""The search of an artifact's own files, exactly: every document has its score."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from handler.artifact import Artifact
from handler.asking import Answer, Asked
from handler.columns import Columns
from handler.documents import Document, Documents
from handler.hits import read_hits
from handler.ids import Ids
from handler.index import BATCH_BYTES, Index
from handler.keywords import Keywords
from handler.light_typing import Any
from handler.manifest import Manifest
from handler.passages import Passages
from handler.pooling import l2_normalize
from handler.postings import KeywordQuery
from handler.ranking import Query, Ranked, matches, rank


class LocalEngine:
    """An Engine over the artifact in a folder."""

    def __init__(
        self,
        manifest: Manifest,
        index: Index,
        documents: Documents,
        keywords: Keywords | None = None,
        passages: Passages | None = None,
        columns: Columns | None = None,
        ids: Ids | None = None,
    ) -> None:
        self.manifest = manifest
        self.index = index
        self.documents = documents
        self.keywords = keywords
        self.passages = passages
        self.columns = columns
        self.ids = ids or Ids(documents)

    @classmethod
    def open(cls, artifact: Artifact, tokenizer: Any, threads: int = 1) -> LocalEngine:
        """Opens and checks the artifact's files; `tokenizer` makes a query's terms where they are word pieces.

        Raises ArtifactError where a file is missing or damaged.
        """
        documents = Documents.open(artifact)
        return cls(
            artifact.manifest,
            Index.open(artifact, threads),
            documents,
            Keywords.open(artifact, tokenizer),
            Passages.open(artifact),
            Columns.open(artifact),
            Ids.open(artifact, documents),
        )

    @property
    def column_types(self) -> Mapping[str, str]:
        """The metadata's columns and their types; none where there are no columns."""
        return {} if self.columns is None else self.columns.types

    def describe(self) -> dict[str, Any]:
        """Describes the engine for GET /info."""
        return {"name": "local", "exact": True}

    def describe_columns(self) -> list[dict[str, Any]]:
        """Describes each column, as Columns does."""
        return [] if self.columns is None else self.columns.describe()

    def find_all(self, ids: Sequence[str]) -> list[int | None]:
        """Returns the index of the document that has each id, or None."""
        return [self.ids.find(each) for each in ids]

    def read_all(self, indexes: Sequence[int]) -> list[Document]:
        """Reads the documents at some indexes."""
        return [self.documents[index] for index in indexes]

    def embeddings(self, indexes: Sequence[int]) -> NDArray[np.float32]:
        """Returns documents' vectors. -> (m, dim) float32 of length 1."""
        return np.stack([l2_normalize(self._rows_of(index).mean(0)) for index in indexes])

    def _rows_of(self, index: int) -> NDArray[np.float32]:
        rows = np.array([index]) if self.passages is None else self.passages.rows_of_document(index)
        return self.index.embeddings.take(rows)

    def keywords_of(self, text: str) -> KeywordQuery | None:
        """Looks up the terms of a query."""
        return None if self.keywords is None else self.keywords.query(text)

    def answer(
        self,
        embeddings: NDArray[np.float32] | None,
        keywords: Sequence[KeywordQuery | None],
        asked: Asked,
        without: int | None = None,
    ) -> Iterator[Answer]:
        """Ranks the documents of each query; `asked` and the rest are as Engine says."""
        passing = None
        # Without columns every filter that can be made holds for every document.
        if asked.filter is not None and self.columns is not None:
            passing = asked.filter.documents(self.columns)
        queries = Query.make_all(embeddings, keywords, asked.share)
        # The document that is left out is the best one, as a rule.
        most = asked.offset + asked.k + (without is not None)
        if asked.offset >= len(self.documents):
            # Nothing is left to rank.
            most = 0
        rows = self.manifest.rows
        # Bytes of a query: a float32 for each row of the corpus; or 20 for each row of its ranking, and as many for a copy.
        at_once = max(1, BATCH_BYTES // max(4 * rows, 40 * min(most, rows)))
        for start in range(0, len(queries), at_once):
            part = queries[start : start + at_once]
            for query, best in zip(part, rank(self.index, self.passages, part, most, passing), strict=True):
                answer = self._finish(query, best, asked, passing, without)
                if query.keywords is not None:
                    query.keywords.let_go()
                yield answer

    def _finish(
        self,
        query: Query,
        best: Ranked,
        asked: Asked,
        passing: NDArray[np.bool_] | None,
        without: int | None,
    ) -> Answer:
        """Cuts one query's ranking to what was asked for, reads those documents, and counts what matches."""
        places: NDArray[np.int64] | slice = slice(asked.offset, asked.offset + asked.k)
        if asked.min_score is not None or without is not None:
            kept = np.ones(len(best.documents), np.bool_)
            if asked.min_score is not None:
                kept = best.scores >= np.float32(asked.min_score)
            if without is not None:
                kept &= best.documents != without
            places = kept.nonzero()[0][places]
        matched = self._matched(query, asked, passing, without)
        total = len(self.documents) if matched is None else int(np.count_nonzero(matched))
        finder = None
        if query.keywords is not None and self.keywords is not None:
            finder = functools.partial(self.keywords.matches, query.keywords)
        hits = read_hits(self.documents, self.passages, best, places, finder)
        facets = {}
        if self.columns is not None:
            facets = {name: self.columns.counts(name, matched) for name in asked.facets}
        return Answer(hits, total, str(asked.mode), query.share if asked.mode == "hybrid" else None, facets)

    def _matched(
        self, query: Query, asked: Asked, passing: NDArray[np.bool_] | None, without: int | None
    ) -> NDArray[np.bool_] | None:
        """Returns which documents match, (count,); None where all do."""
        matched = matches(self.index, self.passages, query, asked.min_score)
        if passing is not None:
            matched = passing if matched is None else matched & passing
        if without is not None:
            matched = np.ones(len(self.documents), np.bool_) if matched is None else matched.copy()
            matched[without] = False
        return matched
