"""The search of one artifact, from a query to the nearest documents."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from handler.artifact import Artifact
from handler.documents import Documents
from handler.encoder import Encoder
from handler.errors import ArtifactError
from handler.index import Found, Index
from handler.keywords import Keywords, Match
from handler.manifest import MODES, Manifest
from handler.passages import Passages, Span
from handler.postings import KeywordQuery


@dataclass(frozen=True, slots=True)
class Hit:
    """One document of an answer. `index` is its place in the corpus; `score` is higher for a better document.

    The score is (1 - share) * cosine + share * keyword in the mode "hybrid", the cosine in "semantic", and the keyword
    part in "keyword". A part that the mode doesn't compute is None. Where documents are cut into passages, the score is the
    best passage's, and text[passage.start : passage.end] is that passage.

    Examples:
        >>> from seeklet import Searcher
        >>> hit = Searcher.load("artifact").search("storms in Europe", 1)[0]
        >>> hit.id, hit.index, hit.text
        ('10.1/storm', 0, 'Winter storms reach western Europe')
        >>> [hit.text[match.start : match.end] for match in hit.matches]
        ['storms', 'Europe']
    """

    id: str
    index: int
    score: float
    text: str
    metadata: dict[str, Any]
    cosine: float | None = None  # of query and document, -1 to 1
    keyword: float | None = None  # the keyword part, 0 to 1
    passage: Span | None = None
    _finder: Callable[[str], Sequence[Match]] | None = field(default=None, repr=False, compare=False)

    @property
    def matches(self) -> tuple[Match, ...]:
        """The words of the text that stand for a term of the query, found when they are asked for."""
        return () if self._finder is None else tuple(self._finder(self.text))

    def fields(self, *, parts: bool = True, matches: bool = True) -> dict[str, Any]:
        """Returns the hit as JSON has it: what every mode gives, the score's parts, and the words that matched."""
        fields = {
            "id": self.id,
            "index": self.index,
            "score": self.score,
            "text": self.text,
            "metadata": self.metadata,
        }
        if self.passage is not None:
            fields["passage"] = self.passage._asdict()
        if parts:
            fields |= {"cosine": self.cosine, "keyword": self.keyword}
        if matches:
            fields["matches"] = [match._asdict() for match in self.matches]
        return fields


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
        self, query: str, k: int = 10, mode: str | None = None, share: float | None = None
    ) -> list[Hit]:
        """Finds the k best documents, or all if there are fewer: best first, equal scores by lower index.

        Args:
            query: the text to search for.
            k: how many documents.
            mode: "hybrid" for meaning and words, "semantic" for meaning alone, "keyword" for words alone. The default
                is hybrid where the artifact has keywords, else semantic. A query without a known word is answered by
                its meaning in the mode hybrid, and finds nothing in the mode keyword.
            share: the keywords' share of a hybrid score, 0 to 1; the default is the artifact's own.

        Raises ArtifactError where the artifact has no keywords and the mode needs them, and ValueError for an unknown
        mode or a share that isn't from 0 to 1.
        """
        mode = self._check_mode(mode, share)
        asked = None if mode == "semantic" or self.keywords is None else self.keywords.query(query)
        if mode == "keyword":
            return [] if asked is None else self._search_keywords(asked, k)
        embedding = self.encoder.encode([query], self.manifest.query_prompt)
        weight = self._share if share is None else share
        keywords = None if asked is None else [asked]
        found, places = self._rank(lambda most: self.index.search(embedding, most, keywords, weight), k)
        return self._hits(found, places, asked)

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
