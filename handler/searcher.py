"""The search of one artifact, from a query to the nearest documents."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handler.artifact import Artifact
from handler.asking import Answer, Asked
from handler.clock import Clock
from handler.columns import Columns
from handler.documents import Documents
from handler.encoder import Encoder
from handler.hits import Hit, read_hits
from handler.ids import Ids
from handler.index import Index
from handler.keywords import Keywords
from handler.manifest import MODES, Manifest
from handler.passages import Passages
from handler.pooling import l2_normalize
from handler.postings import KeywordQuery
from handler.ranking import Query, Ranked, matches, rank


class Searcher:
    """A loaded artifact: its encoder, its index and its documents.

    Examples:
        >>> from seeklet import Searcher
        >>> searcher = Searcher.load("artifact")
        >>> for hit in searcher.search("how do I bake bread", 2):
        ...     print(hit.id, hit.text)
        10.1/bread A slow dough makes better bread
        10.1/storm Winter storms reach western Europe
    """

    def __init__(
        self,
        manifest: Manifest,
        encoder: Encoder,
        index: Index,
        documents: Documents,
        keywords: Keywords | None = None,
        passages: Passages | None = None,
        columns: Columns | None = None,
        ids: Ids | None = None,
    ) -> None:
        self.manifest = manifest
        self.encoder = encoder
        self.index = index
        self.documents = documents
        self.keywords = keywords
        self.passages = passages
        self.columns = columns
        self.ids = ids or Ids(documents)

    @classmethod
    def load(cls, directory: Path | str, threads: int = 1) -> Searcher:
        """Loads and checks the artifact in `directory`; raises ArtifactError where it can't."""
        artifact = Artifact.open(directory)
        encoder = Encoder.open(artifact, threads)
        documents = Documents.open(artifact)
        return cls(
            artifact.manifest,
            encoder,
            Index.open(artifact, threads),
            documents,
            Keywords.open(artifact, encoder.tokenizer.whole),
            Passages.open(artifact),
            Columns.open(artifact),
            Ids.open(artifact, documents),
        )

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes of search, the default one first."""
        return ("semantic",) if self.keywords is None else MODES

    @property
    def share(self) -> float:
        """The keywords' share of a hybrid score where nothing else is asked."""
        return 0.0 if self.manifest.keywords is None else float(self.manifest.keywords["share"])

    def search(
        self,
        query: str,
        k: int = 10,
        mode: str | None = None,
        share: float | None = None,
        *,
        filter: Mapping[str, Any] | None = None,  # noqa: A002 - what it is called everywhere
        offset: int = 0,
        min_score: float | None = None,
        clock: Clock | None = None,
    ) -> list[Hit]:
        """Finds the k best documents, or all if there are fewer: best first, equal scores by lower index.

        Args:
            query: the text to search for.
            k: how many documents.
            mode: "hybrid" for meaning and words, "semantic" for meaning alone, "keyword" for words alone. The default
                is hybrid where the artifact has keywords, else semantic. A query without a known word is answered by
                its meaning in the mode hybrid, and finds nothing in the mode keyword.
            share: the keywords' share of a hybrid score, 0 to 1; the default is the artifact's own.
            filter: which documents may be found, by their metadata: {"year": {"$gte": 2019}} (docs/filters.md).
            offset: how many of the best documents are left out.
            min_score: only documents of this score or a higher one.
            clock: is told the stages tokenise, encode and search.

        Raises ArtifactError where the artifact has no keywords and the mode needs them, RequestError for a filter that
        can't be used, and ValueError for an unknown mode or a share that isn't from 0 to 1.
        """
        asked = Asked(k, offset, mode, share, min_score, self.documents_that_pass(filter))
        return list(self.answer([query], asked, clock)[0].hits)

    def search_many(self, queries: Sequence[str], k: int = 10, **options: Any) -> list[list[Hit]]:
        """Searches for each of the queries as `search` does, in less time; the options are those of `search`."""
        documents = self.documents_that_pass(options.pop("filter", None))
        asked = Asked(k=k, documents=documents, **options)
        return [list(answer.hits) for answer in self.answer(queries, asked)]

    def like(self, id: str, k: int = 10, **options: Any) -> list[Hit]:  # noqa: A002 - the document's field
        """Finds the documents most like one of the corpus, without itself; the options are those of `search`.

        Raises KeyError where no document has the id.
        """
        index = self.find(id)
        if index is None:
            raise KeyError(id)
        documents = self.documents_that_pass(options.pop("filter", None))
        asked = Asked(k=k, documents=documents, **options)
        return list(self.answer_like(index, asked).hits)

    def embedding(self, index: int) -> NDArray[np.float32]:
        """Returns a document's vector, the mean of its passages' where it is cut. -> (dim,) float32 of length 1."""
        rows = np.array([index]) if self.passages is None else self.passages.rows_of_document(index)
        return l2_normalize(self.index.embeddings.take(rows).mean(0))

    def find(self, id: str) -> int | None:  # noqa: A002 - the document's field
        """Returns the index of the document that has the id, or None."""
        return self.ids.find(id)

    def documents_that_pass(self, filter: Mapping[str, Any] | None) -> NDArray[np.bool_] | None:  # noqa: A002
        """Returns which documents pass a filter, (count,); None without one. Raises RequestError for a bad filter."""
        if filter is None:
            return None
        from handler.filters import parse_filter

        parsed = parse_filter(filter, {} if self.columns is None else self.columns.types)
        return None if self.columns is None else parsed.documents(self.columns)

    def answer(self, queries: Sequence[str], asked: Asked, clock: Clock | None = None) -> list[Answer]:
        """Answers some queries together. Raises as `search` does."""
        asked = asked.completed(self.modes)
        keywords = [None if asked.mode == "semantic" else self._keywords_of(query) for query in queries]
        embeddings = None
        if asked.mode != "keyword":
            embeddings = self.encoder.encode(queries, self.manifest.query_prompt, clock)
        elif clock is not None:
            clock.start()
        answers = self._answer(embeddings, keywords, asked)
        if clock is not None:
            clock.lap("search")
        return answers

    def answer_like(self, index: int, asked: Asked, clock: Clock | None = None) -> Answer:
        """Answers with the documents most like one of the corpus, without itself.

        Its own vector is the query's, and its words are the query's words.
        """
        if clock is not None:
            clock.start()
        asked = asked.completed(self.modes)
        embedding = self.embedding(index)
        keywords = None if asked.mode == "semantic" else self._keywords_of(self.documents[index].text)
        found = self._answer(embedding[None], [keywords], asked, without=index)[0]
        if clock is not None:
            clock.lap("search")
        return found

    def _answer(
        self,
        embeddings: NDArray[np.float32] | None,
        keywords: Sequence[KeywordQuery | None],
        asked: Asked,
        without: int | None = None,
    ) -> list[Answer]:
        """Ranks the documents of each query. The document `without` is left out."""
        share = self.share if asked.share is None else asked.share
        vectors = [None] * len(keywords) if embeddings is None else embeddings
        queries = [Query(*parts, share) for parts in zip(vectors, keywords, strict=True)]
        # The document that is left out is the best one, as a rule.
        most = asked.offset + asked.k + (without is not None)
        ranked = rank(self.index, self.passages, queries, most, asked.documents)
        return [
            self._finish(query, best, asked, without) for query, best in zip(queries, ranked, strict=True)
        ]

    def _finish(self, query: Query, best: Ranked, asked: Asked, without: int | None) -> Answer:
        """Cuts one query's ranking to what was asked for, reads those documents, and counts what matches."""
        places: NDArray[np.int64] | slice = slice(asked.offset, asked.offset + asked.k)
        if asked.min_score is not None or without is not None:
            kept = np.ones(len(best.documents), np.bool_)
            if asked.min_score is not None:
                kept = best.scores >= np.float32(asked.min_score)
            if without is not None:
                kept &= best.documents != without
            places = kept.nonzero()[0][places]
        matched = matches(self.index, self.passages, query, asked.min_score)
        if asked.documents is not None:
            matched = asked.documents if matched is None else matched & asked.documents
        if without is not None:
            matched = np.ones(len(self.documents), np.bool_) if matched is None else matched.copy()
            matched[without] = False
        total = len(self.documents) if matched is None else int(np.count_nonzero(matched))
        mode = str(asked.mode)
        finder = None
        if query.keywords is not None and self.keywords is not None:
            finder = functools.partial(self.keywords.matches, query.keywords)
        hits = read_hits(self.documents, self.passages, best, places, finder)
        return Answer(hits, matched, total, mode, query.share if mode == "hybrid" else None)

    def _keywords_of(self, text: str) -> KeywordQuery | None:
        return None if self.keywords is None else self.keywords.query(text)
