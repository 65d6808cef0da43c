"""The keyword index: which rows hold a term, and the keyword part of a score.

    word of a query --the table of words--> term --the postings--> rows that hold it, and an impact for each

A word that the corpus lacks is looked up by its term, which has a key of its own in the table (`term_key`).

The keyword part of a row is BM25, divided by the most that the query's terms could reach: a number from 0 to 1.
docs/keywords.md has the formula; export/build/write_keywords.py writes the file, and postings.py computes the keyword
part. This module computes no cosine and chooses no rows: scores.py and index.py do.
"""

from __future__ import annotations

import binascii
import functools
import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from handler.artifact import KEYWORDS_FILE, Artifact
from handler.errors import ArtifactError
from handler.light_typing import TYPE_CHECKING, Any
from handler.manifest import REMEDY
from handler.named import NamedTuple
from handler.postings import MOST_IMPACT, KeywordQuery, Posting
from handler.safetensors import read_safetensors, rises

if TYPE_CHECKING:
    from pathlib import Path

    from handler.words import Analyzer, Word

# Tensors of keywords.safetensors: their types. Word i is text[word_ends[i]:word_ends[i + 1]], in UTF-8.
_DTYPES: Mapping[str, type[np.generic]] = {
    "word_crc32": np.uint32,
    "word_ends": np.uint32,
    "word_terms": np.uint32,
    "words": np.uint8,
    "term_ends": np.uint32,
    "rows": np.int32,
    "impacts": np.uint8,
}


class Match(NamedTuple):
    """A word of a text that stands for a term of the query: text[start:end], in code points.

    Examples:
        >>> from seeklet import Searcher
        >>> Searcher.load("artifact").search("storms", 1)[0].matches[0]
        Match(term='storms', start=7, end=13)
    """

    term: str  # as the query has it: its first word for that term, in lower case
    start: int
    end: int


class Held(NamedTuple):
    """A term of a query, the query's first word for it, and the rows that hold it with their impacts."""

    term: int
    word: str
    rows: NDArray[np.int32]
    impacts: NDArray[np.uint8]


def make_query(terms: Sequence[Held], count: int) -> KeywordQuery | None:
    """Weighs a query's terms; None without a term. `count` is the number of rows of the index.

    The idf is Robertson and Zaragoza's, plus 1 within the logarithm as Lucene has it, so that it is above 0.
    """
    if not terms:
        return None
    holders = [len(term.rows) for term in terms]
    idfs = [math.log(1 + (count - held + 0.5) / (held + 0.5)) for held in holders]
    most = MOST_IMPACT * sum(idfs)
    postings = [
        Posting(term.term, term.word, np.float32(idf / most), term.rows, term.impacts)
        for term, idf in zip(terms, idfs, strict=True)
    ]
    return KeywordQuery(postings, count)


def term_key(term: str, term_of_word: str) -> str:
    """Returns what a term is looked up by in the table of words: itself, or "=" and itself, which no word is.

    `term_of_word` is the term of the word that is spelled like the term. It may be another one: "arises" counts for "aris",
    and the word "aris" for "ari".
    """
    return term if term == term_of_word else f"={term}"


def find_matches(query: KeywordQuery, words: Sequence[Word], terms: Mapping[str, int | None]) -> list[Match]:
    """Returns those of a text's words that stand for terms of the query; `terms` has the term of each known word."""
    asked: dict[int | None, str] = {posting.term: posting.word for posting in query.postings}
    held = {word: asked[term] for word, term in terms.items() if term in asked}
    return [Match(held[word.text], word.start, word.end) for word in words if word.text in held]


class Keywords:
    """The words, terms and postings of a corpus."""

    def __init__(
        self, tensors: Mapping[str, NDArray[Any]], make_analyzer: Callable[[], Analyzer], count: int
    ) -> None:
        """Takes the tensors of keywords.safetensors, checked by `load`, and the number of rows.

        The analyzer is made for the first query: its import takes 3 ms, which a search by meaning needn't wait for.
        """
        self._rows, self._impacts = tensors["rows"], tensors["impacts"]
        # Views whose single items are read faster than those of arrays.
        self._crc32_at, self._word_ends, self._word_terms, self._words, self._ends, self._row_at = (
            memoryview(tensors[name])  # type: ignore[arg-type]
            for name in ("word_crc32", "word_ends", "word_terms", "words", "term_ends", "rows")
        )
        self._make_analyzer = make_analyzer
        self._count = count

    @classmethod
    def open(cls, artifact: Artifact, tokenizer: Any) -> Keywords | None:
        """Maps the artifact's keyword index; returns None where it has none.

        Raises ArtifactError where the file is missing or damaged, or disagrees with the manifest.
        """
        manifest = artifact.manifest
        if manifest.keywords is None:
            return None
        kind = manifest.keywords["terms"]
        return cls.load(artifact.directory, manifest.rows, lambda: load_analyzer(kind, tokenizer))

    @classmethod
    def load(cls, directory: Path, count: int, make_analyzer: Callable[[], Analyzer]) -> Keywords:
        """Maps directory/keywords.safetensors, of `count` rows; raises ArtifactError where it is missing or damaged."""
        return cls(_read(directory / KEYWORDS_FILE), make_analyzer, count)

    @functools.cached_property
    def _analyzer(self) -> Analyzer:
        return self._make_analyzer()

    def query(self, text: str) -> KeywordQuery | None:
        """Looks up the terms of a query; returns None where no row holds any of them.

        Raises ArtifactError where a term's rows are damaged.
        """
        terms: dict[int, str] = {}
        for word in dict.fromkeys([word for word, *_ in self._analyzer.words(text)]):
            term = self._find_term(word)
            if term is not None:
                terms.setdefault(term, word)
        found = []
        for term, word in terms.items():
            start, end = self._ends[term], self._ends[term + 1]
            if not (end > start and 0 <= self._row_at[start] <= self._row_at[end - 1] < self._count):
                # The log has this sentence, so the word isn't in it.
                raise ArtifactError(f"{KEYWORDS_FILE} has damaged rows for the term {term}: {REMEDY}")
            found.append(Held(term, word, self._rows[start:end], self._impacts[start:end]))
        return make_query(found, self._count)

    def matches(self, query: KeywordQuery, text: str) -> list[Match]:
        """Finds the words of a row's text that stand for terms of the query, in the order of the text."""
        words = self._analyzer.words(text)
        return find_matches(
            query, words, {word: self._look_up(word) for word in {word.text for word in words}}
        )

    def _find_term(self, word: str) -> int | None:
        """Returns the term of a query's word, or None. A word that the corpus lacks stands for its stem's term."""
        term = self._look_up(word)
        if term is not None:
            return term
        stem = self._analyzer.term(word)
        keys = {key: term for key in (stem, term_key(stem, "")) if (term := self._look_up(key)) is not None}
        # To stem the stem tells which of the two is its key. It takes longer than ten look-ups, and a query may have thousands
        # of words that the corpus lacks.
        return keys.get(term_key(stem, self._analyzer.term(stem))) if keys else None

    def _look_up(self, word: str) -> int | None:
        """Returns the term of a word of the corpus, or of a term's key; None without it. Words may share a CRC-32."""
        key = word.encode()
        crc, ends = binascii.crc32(key), self._word_ends
        place = bisect_left(self._crc32_at, crc)
        while place < len(self._crc32_at) and self._crc32_at[place] == crc:
            if self._words[ends[place] : ends[place + 1]] == key:
                return self._word_terms[place]
            place += 1
        return None


def load_analyzer(kind: str, tokenizer: Any) -> Analyzer:
    """Imports and makes the analyzer of a kind of terms; raises ArtifactError for an unknown kind."""
    from handler.terms import analyzer

    return analyzer(kind, tokenizer)


def _read(path: Path) -> Mapping[str, NDArray[Any]]:
    """Maps keywords.safetensors, and checks all but the postings; a query checks those that it reads."""
    tensors = read_safetensors(path)
    for name, dtype in _DTYPES.items():
        if name not in tensors or tensors[name].dtype != dtype or tensors[name].ndim != 1:
            raise ArtifactError(f"{path} has no tensor {name!a} of {dtype.__name__} in one axis: {REMEDY}")
        # A damaged header may put a tensor where a view can't read its items one by one.
        tensors[name] = np.require(tensors[name], requirements="A")
    words, terms = len(tensors["word_crc32"]), len(tensors["term_ends"]) - 1
    agree = (
        len(tensors["word_terms"]) == words
        and rises(tensors["word_ends"], words, len(tensors["words"]))
        and rises(tensors["term_ends"], terms, len(tensors["rows"]))
        and len(tensors["impacts"]) == len(tensors["rows"])
        and (not words or int(tensors["word_terms"].max()) < terms)
    )
    if not agree:
        raise ArtifactError(f"{path} has tables that don't fit each other: {REMEDY}")
    return tensors
