"""The keyword index in the database: words and terms are fetched when a query has them, and kept while there is room.

A term's rows and impacts are the artifact's own bytes, so the keyword part of every row has the same bits as in the
function's own search.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from handler.errors import ArtifactError
from handler.keywords import Held, Match, find_matches, load_analyzer, make_query, term_key
from handler.light_typing import Any
from handler.postgres.connection import Connection
from handler.postgres.kept import Kept
from handler.postgres.release import PUBLISH, Release
from handler.postings import KeywordQuery
from handler.words import Analyzer

Posting = tuple[NDArray[np.int32], NDArray[np.uint8]]

# Kept postings, in bytes, and kept words.
KEPT_BYTES = 32 << 20
KEPT_WORDS = 50_000


class DatabaseKeywords:
    """The words, terms and postings of a release. Safe to share between threads."""

    def __init__(self, connection: Connection, release: Release, tokenizer: Any) -> None:
        """Takes the release, which has keywords, and the tokenizer for terms that are word pieces."""
        assert release.manifest.keywords is not None
        self._connection = connection
        self._schema = release.schema
        self._count = release.manifest.rows
        self._make_analyzer = functools.partial(load_analyzer, release.manifest.keywords["terms"], tokenizer)
        self._words: Kept[str, int | None] = Kept(KEPT_WORDS)
        self._postings: Kept[int, Posting] = Kept(
            KEPT_BYTES, lambda posting: posting[0].nbytes + posting[1].nbytes
        )

    @functools.cached_property
    def _analyzer(self) -> Analyzer:
        return self._make_analyzer()

    def query(self, text: str) -> KeywordQuery | None:
        """Looks up the terms of a query; None where no row holds any of them."""
        words = list(dict.fromkeys(word.text for word in self._analyzer.words(text)))
        known = self._look_up(words)
        # A word that the corpus lacks stands for its stem's term.
        stems = {word: self._analyzer.term(word) for word in words if known[word] is None}
        keys = {word: term_key(stem, self._analyzer.term(stem)) for word, stem in stems.items()}
        known_stems = self._look_up(list(keys.values()))
        terms: dict[int, str] = {}
        for word in words:
            term = known[word] if known[word] is not None else known_stems[keys[word]]
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
        found = self._words.find_all(words)
        new = [word for word in words if word not in found]
        if new:
            keys = [word.encode() for word in new]
            rows = self._connection.read(
                f"SELECT word, term FROM {self._schema}.words WHERE word = ANY(:words::bytea[])", words=keys
            )
            terms = {bytes(word): term for word, term in rows}
            read = {word: terms.get(key) for word, key in zip(new, keys, strict=True)}
            self._words.keep(read)
            found |= read
        return found

    def _fetch(self, terms: Sequence[int]) -> dict[int, Posting]:
        """Returns the rows and impacts of each term. Raises ArtifactError where they are damaged."""
        found = self._postings.find_all(terms)
        new = [term for term in terms if term not in found]
        if new:
            rows = self._connection.read(
                f"SELECT term, rows, impacts FROM {self._schema}.terms WHERE term = ANY(:terms::int4[])",
                terms=new,
            )
            read = {
                term: (np.frombuffer(ids, "<i4"), np.frombuffer(impacts, np.uint8))
                for term, ids, impacts in rows
            }
            for posting in read.values():
                self._check(*posting)
            self._postings.keep(read)
            found |= read
        if len(found) < len(terms):
            raise ArtifactError(f"{self._schema}.terms lacks a term of words: {PUBLISH}")
        return found

    def _check(self, rows: NDArray[np.int32], impacts: NDArray[np.uint8]) -> None:
        if not (len(rows) == len(impacts) > 0 and 0 <= rows[0] <= rows[-1] < self._count):
            raise ArtifactError(f"{self._schema}.terms has damaged rows: {PUBLISH}")
