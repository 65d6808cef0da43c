"""A batch takes the memory of a few of its queries, however many they are and however deep its offset is."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from keyword_corpora import open_keywords, words, zipf_texts
from large_artifact import make_large
from vector_corpora import clustered, load_index, write

from handler.asking import Asked
from handler.local import LocalEngine
from handler.ranking import rank
from handler.searcher import Searcher

QUERIES = 64
COUNT = 4000
NAMES = words(400)


@pytest.fixture(scope="module")
def engine(tiny_artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> LocalEngine:
    """A corpus whose words are in most of its documents."""
    directory = tmp_path_factory.mktemp("many")
    local = Searcher.load(make_large(tiny_artifact, directory / "artifact", COUNT)).local
    local.keywords = open_keywords(directory, zipf_texts(COUNT))
    return local


def peak(work: Callable[[], object]) -> int:
    """The most bytes that the work takes at once, what it returns included."""
    work()
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "asked",
    [
        Asked(1, COUNT - 1),
        Asked(1, COUNT - 1, share=1.0),
        Asked(1, COUNT - 1, mode="keyword"),
        Asked(1, mode="keyword"),
        Asked(1, 10**9),
    ],
    ids=["deep", "deep, by words", "deep, of words", "common words", "beyond the last"],
)
def test_a_batch_takes_little_more_than_one_query(
    engine: LocalEngine, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handler.local.BATCH_BYTES", 1)
    asked = asked.completed(("hybrid", "semantic", "keyword"), 0.5)

    def answer(count: int) -> int:
        vectors = None if asked.mode == "keyword" else clustered(count, engine.manifest.dim)
        return peak(
            lambda: list(engine.answer(vectors, [engine.keywords_of(NAMES[0]) for _ in range(count)], asked))
        )

    # One query's keyword part of every row has 4 bytes for each, and its ranking ten times as many.
    assert answer(QUERIES) < answer(1) + 8 * COUNT + QUERIES * 3000


def test_the_documents_of_one_answer_are_in_memory(engine: LocalEngine) -> None:
    asked = Asked(500).completed(("semantic",), 0.5)

    def answer(count: int) -> int:
        vectors = clustered(count, engine.manifest.dim)
        return peak(lambda: [len(found.hits) for found in engine.answer(vectors, [None] * count, asked)])

    # Of all 32, the documents would take 30 times as much as one.
    assert answer(32) < 4 * answer(1)


def test_the_sums_of_a_batch_are_let_go(tmp_path: Path) -> None:
    rows = clustered(COUNT)
    write(tmp_path, rows, "own columns")
    keywords = open_keywords(tmp_path, zipf_texts(COUNT))
    index = load_index(tmp_path, *rows.shape, batch_bytes=4 * COUNT)

    def search(count: int) -> int:
        # A rare word: where all rows are raised one by one, a query keeps its sums before that.
        asked = [keywords.query(NAMES[399])] * count
        return peak(lambda: index.search(rows[:count], 1, asked, 0.5))

    assert search(QUERIES) < search(1) + 8 * COUNT + QUERIES * 3000


def test_nothing_is_ranked_for_an_offset_beyond_the_last_document(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    ranked = []

    def spied(*given: Any) -> Any:
        ranked.append(given[3])
        return rank(*given)

    monkeypatch.setattr("handler.local.rank", spied)
    asked = Asked(5, COUNT).completed(("hybrid",), 0.5)
    (found,) = engine.answer(clustered(1, engine.manifest.dim), [None], asked)
    assert (found.hits, found.total, ranked) == ([], COUNT, [0])
