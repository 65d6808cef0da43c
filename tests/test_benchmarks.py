"""What benchmarks compute besides times, against oracles: rankings, exact ids, summaries, data sets, queries' sizes."""

from __future__ import annotations

import functools
import gzip
import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.artifacts import open_index, read_texts, write_scan_of
from benchmarks.datasets import Pairs, Retrieval, first_of, read_pairs, read_retrieval
from benchmarks.engines import recall
from benchmarks.exactness import compare, sort_in_float64
from benchmarks.hostile import score_every_row
from benchmarks.hostile_corpora import hostile_queries, make_hostile
from benchmarks.options import sizes_of
from benchmarks.scoring import score_pairs, score_ranking, score_vectors
from benchmarks.survivors import count_survivors
from benchmarks.timing import Plan, summary, time_blocks

F32 = NDArray[np.float32]


def unit_rows(count: int, dim: int = 16) -> F32:
    rows = np.random.default_rng(0).standard_normal((count, dim)).astype(np.float32)
    lengths: F32 = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / lengths


def test_ndcg_and_recall_by_hand() -> None:
    data = Retrieval(["a", "b", "c"], ["", "", ""], ["q"], [{"a": 1.0, "c": 1.0}])
    found = score_ranking([np.array([1, 0])], data)
    # The right one at rank 2 of an ideal of two: (1 / log2 3) / (1 + 1 / log2 3).
    assert found["ndcg@10"]["mean"] == pytest.approx(0.38685, abs=1e-5)
    assert found["recall@100"]["mean"] == 0.5


def test_vectors_are_ranked_by_their_products() -> None:
    rows = unit_rows(30)
    data = Retrieval(
        [str(row) for row in range(30)], [""] * 30, [""] * 30, [{str(row): 1.0} for row in range(30)]
    )
    assert score_vectors(rows, rows, data)["ndcg@10"]["mean"] == 1.0


def test_spearman_is_one_where_the_order_is_peoples() -> None:
    angles = np.linspace(0, np.pi, 20)
    second = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    first = np.repeat(np.array([[1, 0]], np.float32), 20, axis=0)
    pairs = Pairs(list(np.linspace(5, 0, 20)), [""] * 20, [""] * 20)
    assert score_pairs(first, second, pairs)["spearman"]["mean"] == pytest.approx(1)


def test_float64_sorts_across_its_parts_and_ties_by_lower_id() -> None:
    rows = np.concatenate(
        [unit_rows(20_000), unit_rows(20_000)[:50]]
    )  # more than one part, and ties across them
    queries = rows[[3, 20_003, 777]]
    ids, scores = sort_in_float64(rows, queries, 10)
    every = np.vecdot(rows[None].astype(np.float64), queries[:, None].astype(np.float64))
    wanted = np.argsort(-every, axis=1, kind="stable")[:, :10]
    assert (ids == wanted).all()
    assert ids[0, :2].tolist() == [3, 20_003]
    assert (scores == np.take_along_axis(every, wanted, axis=1)).all()


def test_a_scan_is_exact_and_scores_few_rows() -> None:
    rows = unit_rows(3000, 64)
    assert compare(rows, rows[:20], 10)["ids that differ"] == 0
    survivors = count_survivors(rows, rows[:20], 10)
    assert 10 <= survivors.min() <= survivors.max() < 3000


def test_few_rows_have_no_scan(tmp_path: Path) -> None:
    rows = unit_rows(100)
    write_scan_of(rows, tmp_path)
    assert not list(tmp_path.iterdir())
    assert open_index(rows, tmp_path).search(rows[:1], 1).ids.tolist() == [[0]]


@pytest.mark.parametrize(
    ("name", "rows"), list(make_hostile(3000, 64)), ids=lambda value: value if isinstance(value, str) else ""
)
def test_hostile_corpora_are_searched_right(name: str, rows: F32, tmp_path: Path) -> None:
    """Both sides of the comparison find rows of the same scores."""
    write_scan_of(rows, tmp_path)
    index = open_index(rows, tmp_path)
    for query in hostile_queries(rows)[:, None]:
        ours, theirs = index.search(query, 10).ids[0], score_every_row(rows, query)
        products = rows.astype(np.float64) @ query[0].astype(np.float64)
        assert products[ours] == pytest.approx(products[theirs], rel=1e-5, abs=1e-6 * np.abs(products).max())


def test_recall_counts_what_was_found() -> None:
    truth = np.array([[0, 1], [2, 3]])
    assert recall(lambda query: np.array([[0, 9]]), np.zeros((2, 4), np.float32), truth) == 0.25


def test_a_timing_is_a_median_of_medians_with_quartiles_and_p99() -> None:
    found = summary([[1, 2, 9], [4, 4, 4], [6, 6, 6]])
    assert (found["median"], found["quartiles"], found["samples"]) == (4, [3, 5], [2, 4, 6])
    assert found["calls"] == 9
    assert found["p99"] == pytest.approx(np.percentile([1, 2, 9, 4, 4, 4, 6, 6, 6], 99))


def test_calls_take_turns_in_blocks() -> None:
    order: list[str] = []
    plan = Plan(rounds=40, warm_up=1, timed=2, seconds=60)
    time_blocks({name: functools.partial(order.append, name) for name in "abc"}, plan)
    rounds = ["".join(order[start : start + 9]) for start in range(0, len(order), 9)]
    assert len(rounds) == 40
    # Each round has a block of each, and nobody always follows the same one.
    assert {*rounds} == {"".join(name * 3 for name in names) for names in itertools.permutations("abc")}


def test_a_slow_block_ends_after_one_timed_call() -> None:
    calls: list[int] = []
    time_blocks({"a": lambda: calls.append(1)}, Plan(rounds=1, warm_up=0, timed=50, seconds=-1))
    assert len(calls) == 1


def test_sizes_fit_the_corpus_and_come_once() -> None:
    assert sizes_of([20_000, 1000, 64_000], 20_000) == [1000, 20_000]
    assert sizes_of(None, 7) == [7]


def test_data_sets_are_read(tmp_path: Path) -> None:
    (tmp_path / "qrels").mkdir()
    (tmp_path / "qrels" / "test.tsv").write_text("query-id\tcorpus-id\tscore\nq1\td2\t1\nq2\td1\t2\n")
    lines = [{"_id": "d1", "title": "T", "text": "one"}, {"_id": "d2", "title": "", "text": "two"}]
    (tmp_path / "corpus.jsonl.gz").write_bytes(gzip.compress("\n".join(map(json.dumps, lines)).encode()))
    queries = [{"_id": f"q{row}", "text": f"t{row}"} for row in range(4)]
    (tmp_path / "queries.jsonl").write_text("\n".join(map(json.dumps, queries)))
    data = read_retrieval(tmp_path)
    assert data == Retrieval(["d1", "d2"], ["T one", "two"], ["t1", "t2"], [{"d2": 1.0}, {"d1": 2.0}])
    assert first_of(data, 1) == Retrieval(["d1"], ["T one"], ["t2"], [{"d1": 2.0}])
    (tmp_path / "pairs.tsv").write_text('score\tsentence1\tsentence2\n2.5\ta "b\tc\n')
    assert read_pairs(tmp_path / "pairs.tsv") == Pairs([2.5], ['a "b'], ["c"])


def test_texts_of_another_subject_are_read_from_any_kind_of_file(artifact: Path, tmp_path: Path) -> None:
    (tmp_path / "plain.txt").write_text("one\n\n two \nthree\n")
    assert read_texts(tmp_path / "plain.txt", 2) == ["one", "two"]
    (tmp_path / "lines.jsonl.gz").write_bytes(gzip.compress(b'{"id": "1", "text": "one"}\n'))
    assert read_texts(tmp_path / "lines.jsonl.gz") == ["one"]
    assert len(read_texts(artifact, 3)) == 3
