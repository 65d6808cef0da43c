"""The keyword index in the database: words and terms are fetched when a query has them, and kept while there is room.

A term's rows and impacts are the artifact's own bytes, so the keyword part of every row has the same bits as in the
function's own search.
"""

from __future__ import annotations

import functools
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handler.errors import ArtifactError
from handler.keywords import Held, Match, find_matches, load_analyzer, make_query
from handler.postgres.connection import Connection
from handler.postgres.release import PUBLISH, Release
from handler.postings import KeywordQuery
from handler.terms import Analyzer

# Kept postings, in bytes, and kept words.
KEPT_BYTES = 32 << 20
KEPT_WORDS = 50_000


class DatabaseKeywords:
    """The words, terms and postings of a release."""

    def __init__(self, connection: Connection, release: Release, tokenizer: Any) -> None:
        """Takes the release, which has keywords, and the tokenizer for terms that are word pieces."""
        assert release.manifest.keywords is not None
        self._connection = connection
        self._schema = release.schema
        self._count = release.manifest.rows
        self._make_analyzer = functools.partial(load_analyzer, release.manifest.keywords["terms"], tokenizer)
        self._words: OrderedDict[str, int | None] = OrderedDict()
        self._postings: OrderedDict[int, tuple[NDArray[np.int32], NDArray[np.uint8]]] = OrderedDict()
        self._bytes = 0

    @functools.cached_property
    def _analyzer(self) -> Analyzer:
        return self._make_analyzer()

    def query(self, text: str) -> KeywordQuery | None:
        """Looks up the terms of a query; None where no row holds any of them."""
        words = list(dict.fromkeys(word.text for word in self._analyzer.words(text)))
        known = self._look_up(words)
        # A word that the corpus lacks stands for its stem's term.
        stems = {word: self._analyzer.term(word) for word in words if known[word] is None}
        known_stems = self._look_up(list(stems.values()))
        terms: dict[int, str] = {}
        for word in words:
            term = known[word] if known[word] is not None else known_stems[stems[word]]
            if term is not None:
                terms.setdefault(term, word)
        postings = self._fetch(list(terms))
        return make_query([Held(term, word, *postings[term]) for term, word in terms.items()], self._count)

    def matches(self, query: KeywordQuery, text: str) -> list[Match]:
        """Finds the words of a row's text that stand for terms of the query, in the order of the text."""
        words = self._analyzer.words(text)
        return find_matches(query, words, self._look_up(list({word.text for word in words})))

    def _look_up(self, words: Sequence[str]) -> dict[str, int | None]:
        """Returns the term of each word, None for one that the corpus lacks."""
        found = {word: self._words[word] for word in words if word in self._words}
        new = [word for word in words if word not in found]
        if new:
            keys = [word.encode() for word in new]
            rows = self._connection.read(
                f"SELECT word, term FROM {self._schema}.words WHERE word = ANY(:words::bytea[])", words=keys
            )
            terms = {bytes(word): term for word, term in rows}
            found.update((word, terms.get(key)) for word, key in zip(new, keys, strict=True))
            self._words.update((word, found[word]) for word in new)
            while len(self._words) > KEPT_WORDS:
                self._words.popitem(last=False)
        return found

    def _fetch(self, terms: Sequence[int]) -> dict[int, tuple[NDArray[np.int32], NDArray[np.uint8]]]:
        """Returns the rows and impacts of each term. Raises ArtifactError where they are damaged."""
        found = {term: self._postings[term] for term in terms if term in self._postings}
        for term in found:
            self._postings.move_to_end(term)
        new = [term for term in terms if term not in found]
        if new:
            rows = self._connection.read(
                f"SELECT term, rows, impacts FROM {self._schema}.terms WHERE term = ANY(:terms::int4[])",
                terms=new,
            )
            for term, ids, impacts in rows:
                found[term] = np.frombuffer(ids, "<i4"), np.frombuffer(impacts, np.uint8)
                self._check(*found[term])
                self._postings[term] = found[term]
                self._bytes += len(ids) + len(impacts)
            while self._bytes > KEPT_BYTES:
                _, (old_rows, old_impacts) = self._postings.popitem(last=False)
                self._bytes -= old_rows.nbytes + old_impacts.nbytes
        if len(found) < len(terms):
            raise ArtifactError(f"{self._schema}.terms lacks a term of words: {PUBLISH}")
        return found

    def _check(self, rows: NDArray[np.int32], impacts: NDArray[np.uint8]) -> None:
        if not (len(rows) == len(impacts) > 0 and 0 <= rows[0] <= rows[-1] < self._count):
            raise ArtifactError(f"{self._schema}.terms has damaged rows: {PUBLISH}")
