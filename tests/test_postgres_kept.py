"""What the search of a database keeps of words and terms, between threads that ask for the same. It needs no database."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

# It imports the database's client.
pytestmark = pytest.mark.scale

# One row and its impact.
POSTING = 5
WORDS = ["apple", "bread", "cheese", "storm"]


class Database:
    """A connection that knows the terms of WORDS; `meanwhile` is called once, in the middle of a read of postings."""

    def __init__(self) -> None:
        self.reads: list[Any] = []
        self.meanwhile: Callable[[], object] | None = None

    def read(self, _sql: str, words: Any = None, terms: Any = None) -> list[Any]:
        self.reads.append(words or terms)
        if words is not None:
            return [[word, WORDS.index(word.decode())] for word in words]
        meanwhile, self.meanwhile = self.meanwhile, None
        if meanwhile is not None:
            meanwhile()
        return [[term, np.array([term], "<i4").tobytes(), b"\x07"] for term in terms]


@pytest.fixture
def database() -> Database:
    return Database()


@pytest.fixture
def make_keywords(database: Database, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Makes the keywords of a release, with room for so many postings and words."""
    from handler.postgres import terms

    def make(postings: int, words: int) -> Any:
        monkeypatch.setattr(terms, "KEPT_BYTES", postings * POSTING)
        monkeypatch.setattr(terms, "KEPT_WORDS", words)
        manifest = SimpleNamespace(keywords={"terms": "english"}, rows=len(WORDS))
        release = SimpleNamespace(schema="seeklet_0123456789abcdef", manifest=manifest)
        return terms.DatabaseKeywords(database, release, None)  # type: ignore[arg-type]

    return make


def rows(keywords: Any, word: str) -> Any:
    query = keywords.query(word)
    return [posting.rows.tolist() for posting in query.postings]


def test_a_term_that_two_ask_for_at_once_is_counted_once(
    database: Database, make_keywords: Callable[..., Any]
) -> None:
    keywords = make_keywords(2, len(WORDS))
    for _ in range(3):
        database.meanwhile = lambda: keywords.query(WORDS[0])
        assert rows(keywords, WORDS[0]) == [[0]]
    keywords.query(WORDS[1])
    database.reads.clear()
    # There is room for both.
    assert [rows(keywords, word) for word in WORDS[:2]] == [[[0]], [[1]]]
    assert not database.reads
    # A third one takes the place of the one that was used longest ago.
    keywords.query(WORDS[2])
    database.reads.clear()
    keywords.query(WORDS[1])
    assert not database.reads
    keywords.query(WORDS[0])
    assert database.reads == [[0]]


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    """Threads that take turns all the time."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def test_threads_share_what_is_kept(make_keywords: Callable[..., Any], hasty_threads: None) -> None:
    # Room for fewer than are asked for: what one thread has found, another drops.
    keywords = make_keywords(2, 2)
    failed: list[Exception] = []

    def ask(first: int) -> None:
        try:
            for place in range(2000):
                wanted = (first + place) % 4
                assert rows(keywords, WORDS[wanted]) == [[wanted]]
        except Exception as error:  # noqa: BLE001 - it is raised below
            failed.append(error)

    threads = [threading.Thread(target=ask, args=(first,)) for first in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed
