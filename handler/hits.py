"""Hits: the documents of an answer, and their parts as JSON has them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from handler.documents import Documents
from handler.frozen import Frozen
from handler.keywords import Match
from handler.light_typing import Any
from handler.passages import Passages, Span
from handler.ranking import Ranked


class Hit(Frozen):
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
    _finder: Callable[[str], Sequence[Match]] | None = None

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


def read_hits(
    documents: Documents,
    passages: Passages | None,
    best: Ranked,
    places: NDArray[np.int64] | slice,
    finder: Callable[[str], Sequence[Match]] | None,
) -> list[Hit]:
    """Reads the documents at some places of a ranking. Without a finder the query has no known word."""
    rows, scores = best.rows[places].tolist(), list(map(shortest, best.scores[places]))
    indexes = rows if passages is None else best.documents[places].tolist()
    cosines: Sequence[float | None] = [None] * len(rows)
    if best.cosines is not None:
        cosines = scores if best.cosines is best.scores else list(map(shortest, best.cosines[places]))
    keywords: Sequence[float | None] = [None] * len(rows)
    # An index that searches for several queries has a keyword part of 0 for one without a known word.
    if finder is not None and best.keywords is not None:
        keywords = list(map(shortest, best.keywords[places]))
    hits = []
    for row, index, score, cosine, keyword in zip(rows, indexes, scores, cosines, keywords, strict=True):
        document = documents[index]
        passage = None if passages is None else passages.span_of(row, document.text)
        hits.append(
            Hit(document.id, index, score, document.text, document.metadata, cosine, keyword, passage, finder)
        )
    return hits


def shortest(value: np.float32) -> float:
    """Returns a float32 in its shortest form, 0.1: float() alone would give 0.10000000149011612."""
    return float(str(value))
