"""The README's tables: what a results file says, by hand-made figures."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))

from record import save
from report import fill

RESULTS = {
    "latency": {
        "event, 20,000 documents": {"seeklet": 1.0, "the textbook handler": 4.0},
        "embed 6 tokens": {"seeklet": 0.5, "Candle": 4.0},
        "embed 128 tokens": {"seeklet": 6.0, "Candle": 5.0},
    },
    "search, 1 thread(s)": {
        "64000": {
            "seeklet": {"median_ms": 0.5, "recall": 1.0},
            "faiss flat": {"median_ms": 4.0, "recall": 1.0},
        },
        "1000": {
            "seeklet": {"median_ms": 0.05, "recall": 1.0},
            "hnswlib (ef 14)": {"median_ms": 0.1, "recall": 0.98},
        },
    },
    "quality": {"scifact": {"BM25": {"ndcg@10": 0.6}, "int8, mean": {"ndcg@10": 0.7}}},
    "cold start": {"warm pages": {"seeklet": 200.0, "textbook": 600.0}},
    "memory": {
        "seeklet": {"resident": 130.2, "anonymous": 51.6, "mapped": {"embeddings": 29.1, "libm": 0.6}},
        "textbook": {"resident": 180.0, "anonymous": 143.0},
        "growth": {},
    },
}
MARKED = "before\n<!-- figures: {} -->\nold\n<!-- end -->\nafter\n"


def lines(name: str) -> list[str]:
    """The lines between the marks."""
    return fill(MARKED.format(name), RESULTS).splitlines()[2:-2]


def test_ratios_are_ours_over_theirs_and_what_we_lose_stays() -> None:
    rows = lines("speed")
    assert "| embed 6 tokens | 0.50 ms | 0.125 |" in rows
    assert "| embed 128 tokens | 6.00 ms | 1.200 |" in rows
    assert "| event, 20,000 documents | 1.00 ms | 0.250 |" in rows
    assert "| seeklet | 130 MB | 52 MB |" in rows
    assert "| embeddings | 29 MB |" in rows
    assert not any("libm" in row for row in rows)


def test_sizes_in_order_and_recall_beside_what_is_not_exact() -> None:
    assert lines("search")[2:] == [
        "| 1,000 | 1 | 0.050 ms |  |  |  | 0.500 (0.980) |  |",
        "| 64,000 | 1 | 0.500 ms | 0.125 |  |  |  |  |",
    ]


def test_the_best_recipe_comes_first() -> None:
    assert lines("quality")[2:] == ["| int8, mean | 0.7000 |", "| BM25 | 0.6000 |"]


def test_other_processors_beside_this_one() -> None:
    row = {"spearman": 0.82, "least cosine": 0.99999, "ids": 1620, "ids that differ": 3}
    text = fill(MARKED.format("quality"), {"processors": {"arm64": row}})
    assert "| arm64 | 0.8200 | 0.999990 | 3 of 1,620 |" in text


def test_cost_by_hand() -> None:
    # 1 ms and 1,769 MB: 1.7275 GB-ms at $0.0000166667 a GB-s, a million times, and $1.20 of requests.
    assert lines("cost")[-1] == "| 1,769 MB | 1.0 ms | 200 ms | $1.23 | $0.0058 | $1.22 | $0.0046 |"
    # 512 MB have 0.289 of a vCPU: 3.46 ms, billed as 4, of half a GB.
    assert lines("cost")[2].startswith("| 512 MB | 3.5 ms | 691 ms | $1.23 |")


def test_filled_again_it_is_the_same_and_leaves_the_rest() -> None:
    once = fill(MARKED.format("quality"), RESULTS)
    assert fill(once, RESULTS) == once
    assert once.startswith("before\n<!-- figures: quality -->\n|")
    assert once.endswith("|\n<!-- end -->\nafter\n")


def test_a_table_that_is_not_there_is_named() -> None:
    with pytest.raises(SystemExit, match="no table is called 'x': the tables are quality, speed"):
        fill(MARKED.format("x"), RESULTS)


def test_sections_are_replaced_and_entries_updated(tmp_path: Path) -> None:
    path = tmp_path / "new" / "results.json"
    save(path, "a", {"x": 1})
    save(path, "b", {"x": 1})
    save(path, "a", {"y": 2})
    save(path, "b", {"y": 2}, update=True)
    kept = json.loads(path.read_text())
    assert (kept["a"], kept["b"]) == ({"y": 2}, {"x": 1, "y": 2})
    assert kept["machine"]["cpu"]
