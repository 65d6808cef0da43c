"""The search of one artifact, from a query to the nearest documents."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np

from handler.artifact import Artifact
from handler.clock import Clock
from handler.documents import Documents
from handler.encoder import Encoder
from handler.errors import ArtifactError
from handler.hits import Hit
from handler.index import Found, Index
from handler.keywords import Keywords
from handler.manifest import MODES, Manifest
from handler.passages import Passages
from handler.postings import KeywordQuery


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
    ) -> None:
        self.manifest = manifest
        self.encoder = encoder
        self.index = index
        self.documents = documents
        self.keywords = keywords
        self.passages = passages

    @classmethod
    def load(cls, directory: Path | str, threads: int = 1) -> Searcher:
        """Loads and checks the artifact in `directory`; raises ArtifactError where it can't."""
        artifact = Artifact.open(directory)
        encoder = Encoder.open(artifact, threads)
        return cls(
            artifact.manifest,
            encoder,
            Index.open(artifact, threads),
            Documents.open(artifact),
            Keywords.open(artifact, encoder.tokenizer.whole),
            Passages.open(artifact),
        )

    @property
    def modes(self) -> tuple[str, ...]:
        """The modes of search, the default one first."""
        return ("semantic",) if self.keywords is None else MODES

    def search(
        self,
        query: str,
        k: int = 10,
        mode: str | None = None,
        share: float | None = None,
        *,
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
            clock: is told the stages tokenise, encode and search.

        Raises ArtifactError where the artifact has no keywords and the mode needs them, and ValueError for an unknown
        mode or a share that isn't from 0 to 1.
        """
        mode = self._check_mode(mode, share)
        asked = None if mode == "semantic" or self.keywords is None else self.keywords.query(query)
        if mode == "keyword":
            return [] if asked is None else self._search_keywords(asked, k)
        embedding = self.encoder.encode([query], self.manifest.query_prompt, clock)
        weight = self._share if share is None else share
        keywords = None if asked is None else [asked]
        found, places = self._rank(lambda most: self.index.search(embedding, most, keywords, weight), k)
        hits = self._hits(found, places, asked)
        if clock is not None:
            clock.lap("search")
        return hits

    @property
    def _share(self) -> float:
        return 0.0 if self.manifest.keywords is None else float(self.manifest.keywords["share"])

    def _search_keywords(self, asked: KeywordQuery, k: int) -> list[Hit]:
        found, places = self._rank(lambda most: self.index.search_keywords(asked, most), k)
        return self._hits(found, places, asked)

    def _rank(self, search_rows: Callable[[int], Found], k: int) -> tuple[Found, list[int]]:
        """Returns ranked rows, and the places in them of the k best documents' rows."""
        if self.passages is not None:
            return self.passages.rank(search_rows, k)
        found = search_rows(k)
        return found, list(range(found.ids.shape[1]))

    def _check_mode(self, mode: str | None, share: float | None) -> str:
        if mode is not None and mode not in MODES:
            raise ValueError(f"the mode is {mode!r:.40}, not one of {', '.join(MODES)}")
        if mode not in (None, *self.modes):
            raise ArtifactError(
                f"the artifact has no keywords, so the mode {mode} can't be used: "
                "run `seeklet export` again without --no-keywords"
            )
        if share is not None and not 0 <= share <= 1:
            raise ValueError(f"the share is {share!r:.40}, not a number from 0 to 1")
        return mode or self.modes[0]

    def _hits(self, found: Found, places: list[int], asked: KeywordQuery | None) -> list[Hit]:
        """Reads the documents of one query's rows at these places."""
        rows, scores = found.ids[0].tolist(), found.scores[0]
        cosines = None if found.cosines is None else found.cosines[0]
        keywords = None if found.keywords is None or asked is None else found.keywords[0]
        finder = None
        if asked is not None and self.keywords is not None:
            finder = functools.partial(self.keywords.matches, asked)
        hits = []
        for place in places:
            row = rows[place]
            index = row if self.passages is None else self.passages.document_of(row)
            document = self.documents[index]
            hits.append(
                Hit(
                    document.id,
                    index,
                    _shortest(scores[place]),
                    document.text,
                    document.metadata,
                    None if cosines is None else _shortest(cosines[place]),
                    None if keywords is None else _shortest(keywords[place]),
                    None if self.passages is None else self.passages.span_of(row, document.text),
                    finder,
                )
            )
        return hits


def _shortest(value: np.float32) -> float:
    """Returns a float32 in its shortest form, 0.1: float() alone would give 0.10000000149011612."""
    return float(str(value))
