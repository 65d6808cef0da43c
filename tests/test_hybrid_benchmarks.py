"""What the benchmarks of hybrid search compute besides times, and their tables: by hand, and against a full sort."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from benchmarks.artifacts import load_embeddings
from benchmarks.asking import export_all
from benchmarks.datasets import Retrieval
from benchmarks.full_sort import SHARES, Asked, count_wrong, sort_rows, total
from benchmarks.fusion import best_rows, fuse_ranks, fuse_scores
from benchmarks.hybrid import EVERY_ROW, OURS, VECTORS, make_ours
from benchmarks.hybrid_answers import measure
from benchmarks.hybrid_corpora import HybridCorpus, read_corpus, resample
from benchmarks.hybrid_exactness import compare
from benchmarks.hybrid_peers import PACKAGES, make_handler, make_peers
from benchmarks.record import Results
from benchmarks.report import fill
from benchmarks.sample_events import make_event
from export.build.vectors import DEFAULT_DTYPE
from handler.artifact import EMBEDDINGS_FILE
from handler.index import Found, Index
from handler.scores import Embeddings
from handler.searcher import Searcher

RESAMPLED = 3000


@pytest.fixture(scope="module")
def small(artifact: Path, searcher: Searcher) -> HybridCorpus:
    return read_corpus(artifact, searcher, 5)


@pytest.mark.parametrize("k", [0, 1, 7, 40, 99])
def test_the_best_rows_are_a_stable_sorts(k: int) -> None:
    scores = np.random.default_rng(k).integers(0, 6, 40).astype(np.float32)
    assert best_rows(scores, k).tolist() == np.argsort(-scores, kind="stable")[:k].tolist()


def test_rank_fusion_by_hand() -> None:
    scores = fuse_ranks([np.array([2, 0]), np.array([2])], 4)
    assert scores.tolist() == pytest.approx([1 / 62, 0, 2 / 61, 0])


def test_scores_are_scaled_and_a_missing_row_has_none() -> None:
    vectors = (np.array([5, 1, 9]), np.array([0.8, 0.6, 0.4], np.float32))
    words = (np.array([1, 3]), np.array([4.0, 2.0], np.float32))
    # Row 5: 0.5 * 1, row 1: 0.5 * 0.5 + 0.5 * 1, and the last of each side has 0.
    assert fuse_scores(vectors, words, 0.5, 3).tolist() == [1, 5, 3]
    assert fuse_scores(vectors, (np.empty(0, np.int64), np.empty(0, np.float32)), 0.5, 1).tolist() == [5]


def test_a_full_sort_weighs_both_parts() -> None:
    cosines, words = np.array([0.9, 0.5, 0.1], np.float32), np.array([0, 0.2, 0.8], np.float32)
    assert sort_rows(cosines, words, 0.0, 3).tolist() == [0, 1, 2]
    assert sort_rows(cosines, words, 1.0, 3).tolist() == [2, 1, 0]
    assert sort_rows(cosines, words, 0.55, 3).tolist() == [2, 0, 1]
    assert sort_rows(cosines, None, 1.0, 1).tolist() == [0]


def test_the_product_has_no_wrong_id_and_another_search_has(artifact: Path, searcher: Searcher) -> None:
    texts = ["winter storms in Europe", "zzzz", "slow bread"]
    figures = compare(artifact, texts, 3)
    assert figures["without a known word"] == 1
    assert total(figures["shares"]) == [3 * 3 * len(SHARES), 0]

    class Backwards:
        def search(self, *asked: Any) -> Found:
            found = searcher.local.index.search(*asked)
            return Found(found.ids[:, ::-1], found.scores[:, ::-1])

    assert searcher.local.keywords
    queries = [
        Asked(searcher.encoder.encode([text])[0], searcher.local.keywords.query(text)) for text in texts
    ]
    wrong = count_wrong(cast(Index, Backwards()), load_embeddings(artifact), queries, 3)
    assert total(wrong) == [45, 30]  # the one in the middle stays where it is


def test_a_resampled_corpus_is_searched_as_an_artifact_is(
    small: HybridCorpus, searcher: Searcher, tmp_path: Path
) -> None:
    large = resample([small], searcher, RESAMPLED, tmp_path)
    assert len(large.texts) == len(large.rows) == RESAMPLED
    assert np.linalg.norm(large.rows, axis=1) == pytest.approx(1, abs=0.01)
    ours = make_ours(large, 0.5, 10)
    embeddings = Embeddings.load(tmp_path, RESAMPLED, large.rows.shape[1])
    assert (tmp_path / EMBEDDINGS_FILE).exists()
    for question in large.questions:
        cosines, asked = embeddings.all_scores(question.vector)[0], large.keywords.query(question.text)
        words = None if asked is None else asked.all_scores()
        wanted = sort_rows(cosines, words, 0.5, 10)
        assert ours[OURS](question).tolist() == wanted.tolist()
        assert ours[VECTORS](question).tolist() == best_rows(cosines, 10).tolist()
        # Scored in another order of the sums, so rows of nearly equal score may change places.
        every = cosines if words is None else 0.5 * cosines + 0.5 * words
        assert every[ours[EVERY_ROW](question)] == pytest.approx(every[wanted], abs=1e-5)


@pytest.mark.parametrize("name", PACKAGES)
def test_a_peer_finds_the_text_of_both(
    name: str, small: HybridCorpus, searcher: Searcher, tmp_path: Path
) -> None:
    for module in PACKAGES[name]:
        pytest.importorskip(module)
    wanted = searcher.search("Winter storms reach western Europe", 1)[0].index
    for peer, search in make_peers(small, 0.5, 3, tmp_path):
        answer = make_handler(searcher.encoder, search, small)(make_event(small.texts[wanted]), None)
        assert f'"index": {wanted}, ' in answer["body"].partition("}")[0], peer


def test_answers_are_the_searchers(tmp_path: Path) -> None:
    texts = [
        "Winter storms reach western Europe",
        "A slow dough makes better bread",
        "Rice, storms and bread",
    ]
    data = Retrieval(["s", "d", "r"], texts, ["bread", "storms of the winter"], [{"d": 1.0}, {"r": 1.0}])
    artifact = export_all(data, tmp_path, 1)[1][DEFAULT_DTYPE]
    figures = measure(artifact, data)
    searcher = Searcher.load(artifact)
    asked: dict[str, dict[str, Any]] = {
        "vectors": {"mode": "semantic"},
        "keywords": {"mode": "keyword"},
        "hybrid": {},
    }
    for way, how in asked.items():
        ranks = [
            [hit.id for hit in searcher.search(query, 10, **how)].index(next(iter(gains)))
            for query, gains in zip(data.queries, data.gains, strict=True)
        ]
        ndcg = float(np.mean(1 / np.log2(np.array(ranks) + 2)))
        assert figures["ways"][way]["ndcg@10"]["mean"] == pytest.approx(ndcg)
    assert figures["ways"]["hybrid, share 0.5"] == figures["ways"]["hybrid"]


def timed(median: float) -> dict[str, Any]:
    return {"median": median, "quartiles": [median * 0.9, median * 1.1], "p99": 9.0}


def table(name: str, **sections: Any) -> list[str]:
    """The lines of a table of made-up figures; a section's name has spaces for _ and ends with its corpus, aws."""
    kept = {f"{kind.replace('_', ' ')}: aws": {"figures": figures} for kind, figures in sections.items()}
    return fill(f"<!-- figures: {name} -->\n<!-- end -->", Results(kept)).splitlines()[1:-1]


def test_tables_of_answers() -> None:
    score = {"ndcg@10": {"mean": 0.7, "error": 0.01}}
    found = {"documents": 2000, "queries": 30, "terms": "english", "ways": {"keywords": score}}
    assert table("hybrid_answers", hybrid_answers=found) == [
        "|  | aws (2,000 documents, 30 queries, terms: english) |",
        "|---|---|",
        "| keywords | 0.7000 ± 0.0100 |",
    ]


def test_the_table_of_times_has_our_share_of_each() -> None:
    searches = {"seeklet": timed(0.3), "seeklet, vectors alone": timed(0.2), "LanceDB, linear": timed(6.0)}
    found = {"corpus": "aws", "documents": 2000, "search": searches, "events": {"seeklet": timed(4.0)}}
    assert table("hybrid_search", hybrid=found) == [
        "| corpus | documents |  | seeklet | seeklet, vectors alone | LanceDB, linear |",
        "|---|---|---|---|---|---|",
        "| aws | 2,000 | search | 0.300 ms (0.270 to 0.330), p99 9.000 "
        "| 0.200, p99 9.000: **1.50** | 6.000, p99 9.000: **0.05** |",
        "| aws | 2,000 | event | 4.000 ms (3.600 to 4.400), p99 9.000 |  |  |",
    ]


def test_the_table_of_exactness() -> None:
    found = {"documents": 2000, "queries": 30, "shares": {"0.5": {"ids": 3000, "ids that differ": 1}}}
    assert table("hybrid_exactness", hybrid_exactness=found)[2:] == ["| aws | 2,000 | 30 | 1 of 3,000 |"]
