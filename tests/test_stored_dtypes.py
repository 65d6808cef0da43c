"""What benchmarks.stored_dtypes computes besides times, and its table: against files, a full sort, and by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from benchmarks.artifacts import float32_rows
from benchmarks.asking import DTYPES, export_all, overlap
from benchmarks.datasets import Retrieval
from benchmarks.exactness import compare_stored
from benchmarks.record import Results
from benchmarks.report import fill
from benchmarks.stored_dtypes import draw_queries, measure, shortfalls
from benchmarks.timing import Plan
from export.build.vectors import DEFAULT_DTYPE
from handler.index import Found, Index
from handler.searcher import Searcher

QUERIES = 12


@pytest.fixture(scope="module")
def data(texts: list[str]) -> Retrieval:
    """The tests' texts, and each one's first words as a query for it."""
    ids = [str(row) for row in range(len(texts))]
    queries = {" ".join(text.split()[:3]): {name: 1.0} for name, text in zip(ids, texts, strict=True)}
    return Retrieval(ids, texts, list(queries), list(queries.values()))


@pytest.fixture(scope="module")
def artifacts(data: Retrieval, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return export_all(data, tmp_path_factory.mktemp("answers"), 2)[1]


@pytest.fixture(scope="module")
def figures(artifacts: dict[str, Path], data: Retrieval) -> dict[str, Any]:
    return measure(artifacts, data, QUERIES, Plan.chosen(quick=True))


def test_the_same_vectors_are_stored_as_each_dtype(artifacts: dict[str, Path]) -> None:
    for dtype, artifact in artifacts.items():
        manifest = json.loads((artifact / "manifest.json").read_text())
        assert manifest["dtype"] == dtype
    exact = float32_rows(artifacts["float32"])
    assert (float32_rows(artifacts["float16"]) == exact.astype(np.float16)).all()
    steps = np.abs(float32_rows(artifacts["int8"]) - exact) * 127 / np.abs(exact).max(axis=1, keepdims=True)
    assert steps.max() <= 0.51  # the scale is rounded up


def test_bytes_are_the_files(artifacts: dict[str, Path], figures: dict[str, Any]) -> None:
    assert list(figures["dtypes"]) == list(DTYPES)
    for dtype, artifact in artifacts.items():
        sizes = {path.name: path.stat().st_size for path in artifact.iterdir() if path.name != "lock"}
        assert figures["dtypes"][dtype]["bytes"] == {
            "embeddings": sizes["embeddings.safetensors"],
            "scan": sum(size for name, size in sizes.items() if name.startswith("scan.")),
            "artifact": sum(sizes.values()),
        }


def test_float32_is_like_itself_and_no_id_differs(figures: dict[str, Any], data: Retrieval) -> None:
    assert figures["default"] == DEFAULT_DTYPE
    for mode in ("semantic", "hybrid"):
        assert figures["dtypes"]["float32"]["answers"][mode]["overlap"] == 1
    for row in figures["dtypes"].values():
        assert row["ids"]["ids"] == QUERIES * min(10, len(data.ids))
        assert row["ids"]["float32"] == 0
    assert figures["dtypes"]["float32"]["search"]["ratio"]["samples"] == [1, 1]


def test_another_search_has_ids_that_differ(artifacts: dict[str, Path]) -> None:
    searcher = Searcher.load(artifacts["int8"])

    class Backwards:
        def search(self, *asked: Any) -> Found:
            found = searcher.local.index.search(*asked)
            return Found(found.ids[:, ::-1], found.scores[:, ::-1])

    queries = searcher.encoder.encode(["winter storms", "slow bread"])
    wrong = compare_stored(artifacts["int8"], cast(Index, Backwards()), queries, 2)
    assert (wrong["ids"], wrong["float32"], wrong["float64"]) == (4, 4, 4)
    assert wrong["greatest gap"] > 0.001


def test_queries_are_as_many_as_asked() -> None:
    documents = [f"one two three four five six seven eight {number}" for number in range(7)]
    assert len(draw_queries(documents, 20)) == 20
    assert len(draw_queries(documents, 3)) == 3
    assert all(2 <= len(query.split()) <= 6 for query in draw_queries(documents, 20))


def test_an_overlap_is_a_share_of_the_wanted() -> None:
    assert overlap([["a", "b"], ["c", "d"]], [["b", "x"], ["d", "c"]]) == 0.75
    assert overlap([[]], [["a"]]) == 0


def row(ndcg: float, differ: int, ratio: float) -> dict[str, Any]:
    spread = {"median": ratio, "quartiles": [ratio - 0.05, ratio + 0.05]}
    took = {"median": 0.5, "quartiles": [0.4, 0.6], "ratio": spread}
    return {
        "bytes": {"embeddings": 7_677_548, "scan": 0, "artifact": 40_000_000},
        "answers": {
            mode: {"ndcg@10": {"mean": ndcg, "error": 0.01}, "overlap": 0.99}
            for mode in ("semantic", "hybrid")
        },
        "ids": {"queries": 100, "ids": 1000, "float32": differ, "float64": 3, "greatest gap": 1e-8},
        "search": took,
        "event": took,
    }


def test_what_falls_short_is_said() -> None:
    exact = row(0.7, 0, 1.0)
    found = {"default": "int8", "dtypes": {"float32": exact, "int8": row(0.6985, 0, 1.04)}}
    assert shortfalls(found) == []
    found["dtypes"] = {"float32": exact, "float16": row(0.6, 0, 1.0), "int8": row(0.6975, 2, 1.06)}
    assert shortfalls(found) == [
        "int8 is the default, and loses 0.0025 of nDCG@10, semantic.",
        "int8 is the default, and loses 0.0025 of nDCG@10, hybrid.",
        "int8: 2 of 1,000 ids differ.",
        "int8: search takes 1.06 of float32's time.",
        "int8: event takes 1.06 of float32's time.",
    ]


def test_the_table() -> None:
    dtypes = {"float32": row(0.7, 0, 1.0), "int8": row(0.6985, 0, 0.9)}
    found = {"documents": 2000, "queries": 30, "default": "int8", "dtypes": dtypes}
    text = fill(
        "<!-- figures: stored_dtypes -->\n<!-- end -->",
        Results({"stored dtypes: aws": {"figures": found}}),
    )
    same = "7,677,548 | 0 | 40,000,000"
    assert text.splitlines()[3:-1] == [
        f"| aws | 2,000 | `float32` | {same} | 0.7000 / 0.7000 | 0.9900 / 0.9900 | 0 / 3 of 1,000 "
        "| 0.50 ms (0.40 to 0.60) | 0.50 ms (0.40 to 0.60) |",
        f"| aws | 2,000 | `int8`, the default | {same} | 0.6985 / 0.6985 | 0.9900 / 0.9900 | 0 / 3 of 1,000 "
        "| 0.90 (0.85 to 0.95) | 0.90 (0.85 to 0.95) |",
    ]
