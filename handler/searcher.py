"""The search of one corpus, from a query to the nearest documents."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from handler.artifact import Artifact
from handler.asking import Answer, Asked
from handler.clock import Clock, Searched
from handler.encoder import Encoder
from handler.engine import Engine
from handler.hits import Hit
from handler.light_typing import TYPE_CHECKING, Any
from handler.local import LocalEngine
from handler.manifest import MODES, Manifest

if TYPE_CHECKING:
    from pathlib import Path

    from handler.filters import Filter


class Searcher:
    """The search of one corpus: an encoder makes a query's vector, and an engine finds the nearest documents.

    Examples:
        >>> from seeklet import Searcher
        >>> searcher = Searcher.load("artifact")
        >>> for hit in searcher.search("how do I bake bread", 2):
        ...     print(hit.id, hit.text)
        10.1/bread A slow dough makes better bread
        10.1/storm Winter storms reach western Europe
    """

    def __init__(self, encoder: Encoder, engine: Engine) -> None:
        self.encoder = encoder
        self.engine = engine

    @classmethod
    def load(cls, directory: Path | str, threads: int = 1, encoder: Encoder | None = None) -> Searcher:
        """Loads and checks the artifact in `directory`; raises ArtifactError if it can't be loaded.

        `threads` is the number of threads of a search: ValueError if it is less than 1. `encoder` may be given if one of the
        same model and recipe is loaded already (handler/sharing.py).
        """
        if threads < 1:
            raise ValueError(f"threads is {threads}: give 1 or more")
        artifact = Artifact.open(directory)
        artifact.check_crc32()
        encoder = encoder or Encoder.open(artifact, threads)
        return cls(encoder, LocalEngine.open(artifact, encoder.tokenizer.whole, threads))

    @property
    def manifest(self) -> Manifest:
        """The manifest of the artifact that is searched."""
        return self.engine.manifest

    @property
    def local(self) -> LocalEngine:
        """The engine of an artifact's own files; raises TypeError where another engine searches."""
        if not isinstance(self.engine, LocalEngine):
            raise TypeError(f"this corpus is searched by {type(self.engine).__name__}, not from files")
        return self.engine

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes of search, the default one first."""
        return ("semantic",) if self.manifest.keywords is None else MODES

    @property
    def share(self) -> float:
        """The keywords' share of a hybrid score if a search names no other."""
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
        exact: bool = False,
        clock: Clock | None = None,
    ) -> list[Hit]:
        """Finds the k best documents, or all if there are fewer: best first, equal scores by lower index.

        Args:
            query: the text to search for.
            k: how many documents.
            mode: "hybrid" for meaning and words, "semantic" for meaning alone, "keyword" for words alone. The default
                is hybrid if the artifact has keywords, else semantic. If the corpus holds no word of the query, the mode
                hybrid answers by its meaning, and the mode keyword finds nothing.
            share: the keywords' share of a hybrid score, 0 to 1; the default is the artifact's own.
            filter: which documents may be found, by their metadata: {"year": {"$gte": 2019}} (docs/filters.md).
            offset: how many of the best documents are left out.
            min_score: only documents of this score or a higher one.
            exact: whether every document is scored even if the engine has an index (PostgreSQL). An artifact's own files
                are always searched exactly.
            clock: records the times of the stages tokenise, encode and search.

        Raises ArtifactError if the mode needs keywords and the artifact has none, RequestError for a filter that
        can't be used, ValueError for an unknown mode, a share that isn't from 0 to 1, or a min_score of NaN, and
        TypeError for a query that is no text, or for what is no number.
        """
        asked = Asked(k, offset, mode, share, min_score, self.parse_filter(filter), exact=exact)
        (answer,) = self.answer([query], asked, clock)
        return list(answer.hits)

    def search_many(
        self, queries: Sequence[str], k: int = 10, *, clock: Clock | None = None, **options: Any
    ) -> list[list[Hit]]:
        """Searches for each of the queries as `search` does, in less time; the options are those of `search`."""
        if isinstance(queries, str):
            # In the mode keyword each letter would be a query.
            raise TypeError(f"search_many takes a sequence of queries: put {queries!r:.60} in a list")
        asked = Asked(k=k, filter=self.parse_filter(options.pop("filter", None)), **options)
        return [list(answer.hits) for answer in self.answer(queries, asked, clock)]

    def like(
        self,
        id: str,  # noqa: A002 - the document's field
        k: int = 10,
        *,
        clock: Clock | None = None,
        **options: Any,
    ) -> list[Hit]:
        """Finds the documents most like one of the corpus, without that document; the options are those of `search`.

        Raises KeyError if no document has the id.
        """
        index = self.find(id)
        if index is None:
            raise KeyError(id)
        asked = Asked(k=k, filter=self.parse_filter(options.pop("filter", None)), **options)
        return list(self.answer_like(index, asked, clock).hits)

    def embedding(self, index: int) -> NDArray[np.float32]:
        """Returns a document's vector, the mean of its passages' where it is cut. -> (dim,) float32 of length 1."""
        vector: NDArray[np.float32] = self.engine.embeddings([index])[0]
        return vector

    def find(self, id: str) -> int | None:  # noqa: A002 - the document's field
        """Returns the index of the document that has the id, or None. Raises TypeError for an id that is no string."""
        if not isinstance(id, str):
            raise TypeError(f"the id {id!r:.60} is no string: ids are strings, such as '1'")
        return self.engine.find_all([id])[0]

    def parse_filter(self, filter: Mapping[str, Any] | None) -> Filter | None:  # noqa: A002
        """Reads a filter over this corpus's columns; None without one. Raises RequestError for a bad filter."""
        if filter is None:
            return None
        from handler.filters import parse_filter

        return parse_filter(filter, self.engine.column_types)

    def answer(self, queries: Sequence[str], asked: Asked, clock: Clock | None = None) -> Iterator[Answer]:
        """Answers some queries together, one after the other: only one answer's documents need be in memory.

        Raises as `search` does, where the queries can't be encoded; the rest when an answer is asked for.
        """
        asked = asked.completed(self.modes, self.share)
        for query in queries:
            if not isinstance(query, str):
                raise TypeError(f"the query {query!r:.60} is no text")
        keywords = [None if asked.mode == "semantic" else self.engine.keywords_of(query) for query in queries]
        embeddings = None
        if asked.mode != "keyword":
            embeddings = self.encoder.encode(queries, self.manifest.query_prompt, clock)
        elif clock is not None:
            clock.start()
        answers = self.engine.answer(embeddings, keywords, asked)
        return answers if clock is None else _watched(answers, queries, asked, clock)

    def answer_like(self, index: int, asked: Asked, clock: Clock | None = None) -> Answer:
        """Answers with the documents most like one of the corpus, without that document.

        Its own vector is the query's, and its words are the query's words.
        """
        if clock is not None:
            clock.start()
        asked = asked.completed(self.modes, self.share)
        keywords = None
        if asked.mode != "semantic":
            keywords = self.engine.keywords_of(self.engine.read_all([index])[0].text)
        embeddings = None if asked.mode == "keyword" else self.engine.embeddings([index])
        answers = self.engine.answer(embeddings, [keywords], asked, without=index)
        (found,) = answers if clock is None else _watched(answers, [None], asked, clock)
        return found


def _watched(
    answers: Iterable[Answer], queries: Sequence[str | None], asked: Asked, clock: Clock
) -> Iterator[Answer]:
    """Gives the time that each answer takes to the stage search, and tells a watched clock what was found."""
    for query, answer in zip(queries, answers, strict=True):
        clock.lap("search")
        if clock.searches is not None:
            hits = answer.hits
            top = hits[0].score if hits and not asked.offset else None
            # Damaged embeddings give a score that is no number. The request fails, and its line says so.
            top = top if top is not None and math.isfinite(top) else None
            clock.searches.append(Searched(query, answer.mode, len(hits), not hits and not asked.offset, top))
        yield answer
        # What is done with it is of no stage.
        clock.start()
