"""What the benchmark of passages asks: about documents that are kept, and words that the model doesn't read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from texts import TEXTS

from benchmarks.datasets import Retrieval
from benchmarks.passages import TOP, WORDS, Beyond, beyond_the_cut, find_documents, measure, thinned
from handler.searcher import Searcher


def test_every_nth_document_and_all_that_are_wanted() -> None:
    ids = [f"d{row}" for row in range(10)]
    data = Retrieval(
        ids, [f"text {row}" for row in range(10)], ["q", "p"], [{"d1": 1.0}, {"d4": 1.0, "d9": 1.0}]
    )
    thin = thinned(data, 4)
    assert thin.ids == ["d0", "d1", "d4", "d8", "d9"]
    assert thin.documents == ["text 0", "text 1", "text 4", "text 8", "text 9"]
    assert (thin.queries, thin.gains) == (data.queries, data.gains)
    assert thinned(data, 1) == data


def test_the_words_are_in_the_part_that_isnt_read(tiny_artifact: Path) -> None:
    searcher = Searcher.load(tiny_artifact)
    documents = [" ".join(text.text for text in TEXTS[start : start + 12]) for start in range(0, 40, 4)]
    found = beyond_the_cut(searcher, [*documents, TEXTS[0].text])
    assert sorted(one.document for one in found) == list(range(len(documents)))
    for one in found:
        text = documents[one.document]
        assert len(one.words.split()) == WORDS
        before = text[: text.rindex(one.words)]
        whole, cut = searcher.encoder.encode([text, before])
        assert whole.tobytes() == cut.tobytes()


def test_figures_of_an_artifact_without_passages(tiny_artifact: Path, texts: list[str]) -> None:
    searcher = Searcher.load(tiny_artifact)
    data = Retrieval(
        [str(row) for row in range(len(texts))], texts, texts[:5], [{str(row): 1.0} for row in range(5)]
    )
    figures = measure(searcher, data, [Beyond(texts[7], 7), Beyond(texts[8], 7)])
    assert figures["ndcg@10"]["mean"] == 1.0
    assert figures["unread@10"]["mean"] in (0.5, 1.0)
    assert (figures["rows"], figures["searches"]) == (len(texts), 1.0)
    asked: list[int] = []
    query = searcher.encoder.encode(texts[:1])[0]
    stored = searcher.encoder.encode(texts)
    order = np.argsort(-np.vecdot(stored, query), kind="stable")[:TOP]
    assert find_documents(searcher, query, TOP, asked.append).tolist() == order.tolist()
