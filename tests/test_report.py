"""The tables of docs/benchmarks.md: what a results file says, by hand-made figures."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from benchmarks.record import ROOT, Results
from benchmarks.report import EARLIER, MAKERS, NOT_MEASURED, fill


def took(median: float, p99: float = 9.0, **more: Any) -> dict[str, Any]:
    """A timing whose quartiles lie a tenth beside the median."""
    return {"median": median, "quartiles": [median * 0.9, median * 1.1], "p99": p99, **more}


def quality(value: float) -> dict[str, dict[str, float]]:
    return {"ndcg@10": {"mean": value, "error": 0.02}}


def search(rows: int, threads: int, **engines: dict[str, Any]) -> dict[str, Any]:
    named = {name.replace("_", " "): row for name, row in engines.items()}
    return {"rows": rows, "threads": threads, "k": 10, "queries": {"on subject": named}}


FIGURES: dict[str, Any] = {
    "latency": {
        "event, 20,000 documents, on subject": {
            "seeklet": took(1.0),
            "textbook (def)": took(4.0),
            "textbook (async def, one thread)": took(2.0),
        },
        "embed 6 tokens": {"seeklet": took(0.5), "Candle": took(4.0)},
        "embed 128 tokens": {"seeklet": took(6.0), "Candle": took(5.0)},
    },
    "search: 64000 rows, 1 thread": search(
        64000, 1, seeklet=took(0.5, recall=1.0), FAISS_flat=took(4.0, recall=1.0), numpy=took(4.0, recall=1.0)
    ),
    "search: 64000 rows, 2 threads": search(
        64000, 2, seeklet=took(0.4, recall=1.0), FAISS_flat=took(4.0, recall=1.0), numpy=took(2.0, recall=1.0)
    ),
    "search: 1000 rows, 1 thread": search(
        1000, 1, seeklet=took(0.05, recall=1.0), hnswlib=took(0.1, recall=0.98, effort=14)
    ),
    "quality: scifact": {"BM25": quality(0.6), "int8, mean": quality(0.7), "fp32, mean": quality(0.65)},
    "cold start": {
        "interpreters": {
            "seeklet": "CPython 3.13.0",
            "textbook (def)": "CPython 3.13.0",
            "torch's": "CPython 3.11.7",
        },
        "warm pages": {"seeklet": took(200.0), "textbook (def)": took(800.0), "torch's": took(1600.0)},
    },
    "memory": {
        "queries": 1000,
        "served": {
            "seeklet": {
                "resident": took(130.2),
                "anonymous": took(51.6),
                "mapped": {"embeddings": 29.1, "libm": 0.6},
            },
            "textbook (def)": {"resident": took(180.0), "anonymous": took(143.0), "mapped": {}},
        },
    },
    "processors": {
        "on": {
            "arm64": {
                "spearman": {"mean": 0.82, "error": 0.01},
                "least cosine": 0.99999,
                "ids": 1620,
                "ids that differ": 3,
                "hybrid ids": 2500,
                "hybrid ids that differ": 0,
            }
        }
    },
    "hostile: 3000 rows": {
        "rows": 3000,
        "corpora": {"equal": {"seeklet": took(0.3), "numpy": took(0.1), "ratio": took(3.0)}},
    },
    "export: demo": {
        "documents a second": {
            "seeklet": took(600.0),
            "batches of 8": took(100.0),
            "batches of 16": took(120.0),
        }
    },
}
MADE = {
    "commit": "0123456789ab",
    "date": "2026-11-25",
    "processor": {"name": "A chip", "family": 6, "model": 7, "cores": 2, "instructions": ["avx2"]},
    "python": "CPython 3.11.7",
    "versions": {"numpy": "2.4.6"},
}
RESULTS = Results({name: {"made": MADE, "figures": figures} for name, figures in FIGURES.items()})
MARKED = "before\n<!-- figures: {} -->\nold\n<!-- end -->\nafter\n"


def lines(name: str, results: Results = RESULTS) -> list[str]:
    """The lines between the marks."""
    return fill(MARKED.format(name), results).splitlines()[2:-2]


def test_ratios_are_ours_over_theirs_and_what_we_lose_stays() -> None:
    assert lines("embedding") == [
        "|  | 6 tokens | 128 tokens |",
        "|---|---|---|",
        "| seeklet | 0.50 ms (0.45 to 0.55) | 6.00 ms (5.40 to 6.60) |",
        "| Candle | 4.00 ms: **0.12** | 5.00 ms: **1.20** |",
    ]
    assert (
        "| 20,000 documents, on subject | textbook (def) | 4.00 ms (3.60 to 4.40) | 9.00 ms | 0.25 |"
        in lines("events")
    )


def test_sizes_in_order_and_recall_beside_what_is_not_exact() -> None:
    rows = lines("search")[2:]
    assert [row.split(" | ")[:2] for row in rows] == [["| 1,000", "1"], ["| 64,000", "1"], ["| 64,000", "2"]]
    assert rows[0].endswith("|  |  |  | 0.100, p99 9.000, recall 0.980: **0.50** |  |")
    assert "0.500 ms (0.450 to 0.550), p99 9.000 | 4.000, p99 9.000: **0.12**" in rows[1]


def test_a_peer_that_does_not_use_the_second_thread_is_named_so() -> None:
    flat, numpy = lines("search")[4].split(" | ")[4:6]
    assert flat == "one thread"
    assert numpy == "2.000, p99 9.000: **0.20**"


def test_the_best_recipe_comes_first_with_its_error() -> None:
    assert lines("quality")[2:] == [
        "| int8, mean | 0.7000 ± 0.0200 |",
        "| fp32, mean | 0.6500 ± 0.0200 |",
        "| BM25 | 0.6000 ± 0.0200 |",
    ]


def test_the_export_is_compared_with_the_best_batch_size() -> None:
    assert lines("export")[2] == "| demo | 600 (540 to 660) | 120 (batches of 16) | 5.0 |"


def test_who_else_takes_turns_beside_rust_is_a_row() -> None:
    figures = {
        "start, HTTP": {
            "seeklet": took(300.0),
            "the same in Rust": took(100.0),
            "uvicorn alone": took(200.0),
            "an earlier commit": took(600.0),
        }
    }
    name = "start to first answer by HTTP, ms"
    assert lines("rust", Results({"rust peer": {"made": MADE, "figures": figures}}))[2:] == [
        f"| {name} | 300.0 (270.0 to 330.0) | 100.0 (90.0 to 110.0) | **3.00** |",
        f"| {name}: uvicorn alone | 200.0 (180.0 to 220.0) |  |  |",
        f"| {name}: an earlier commit | 600.0 (540.0 to 660.0) |  | 0.50 of it |",
        f"| {name}, p99 | 9.0 | 9.0 | 1.00 |",
    ]


def test_small_tables() -> None:
    assert "| arm64 | 0.8200 ± 0.0100 | 0.999990 | 3 of 1,620 | 0 of 2,500 |" in lines("processors")
    assert "| seeklet | 130 MB | 52 MB |" in lines("memory")
    assert "| embeddings | 29 MB |" in lines("memory")
    assert not any("libm" in row for row in lines("memory"))
    assert lines("hostile")[2].endswith("| 3.00 (2.70 to 3.30) |")


def test_a_start_names_its_interpreter() -> None:
    assert lines("start")[2:] == [
        "| seeklet | CPython 3.13.0 | 200 ms (180 to 220): **0.25** |",
        "| textbook (def) | CPython 3.13.0 | 800 ms (720 to 880): **1.00** |",
        "| torch's | CPython 3.11.7 | 1,600 ms (1,440 to 1,760): **2.00** |",
    ]


def test_cost_by_hand() -> None:
    # 1 ms and 1,769 MB: 1.7275 GB-ms at $0.0000166667 a GB-s, a million times, and $1.20 of requests.
    assert lines("cost")[-1] == "| 1,769 MB | 1.0 ms | 200 ms | $1.23 | $0.0058 | $1.22 | $0.0046 |"
    # 512 MB have 0.289 of a vCPU: 3.46 ms, billed as 4, of half a GB.
    assert lines("cost")[2].startswith("| 512 MB | 3.5 ms | 691 ms | $1.23 |")


def test_the_summary_compares_with_the_faster_textbook() -> None:
    assert lines("summary")[2:] == [
        "| a query by meaning, warm: event to response | 1.0 ms | 2.0 ms |",
        "| the first answer of a new process | 200 ms | 800 ms |",
        "| quality: nDCG@10 on SciFact | 0.700 | 0.650 (the model in fp32) |",
    ]


def test_how_they_were_made_once_for_all_of_one_run() -> None:
    assert len(lines("made")) == 3
    kinds, *how = lines("made")[2].strip("| ").split(" | ")
    assert kinds == "latency, search, quality, cold start, memory, processors, hostile, export"
    assert how == [
        "0123456789ab",
        "2026-11-25",
        "A chip, family 6, model 7, 2 cores (avx2)",
        "CPython 3.11.7",
        "numpy 2.4.6",
    ]


def test_filled_again_it_is_the_same_and_leaves_the_rest() -> None:
    once = fill(MARKED.format("quality"), RESULTS)
    assert fill(once, RESULTS) == once
    assert once.startswith("before\n<!-- figures: quality -->\n|")
    assert once.endswith("|\n<!-- end -->\nafter\n")


@pytest.mark.parametrize("name", MAKERS)
def test_what_was_not_measured_is_said(name: str) -> None:
    empty = f"<!-- figures: {name} -->\n<!-- end -->"
    assert fill(empty, Results({})).splitlines()[1:-1] == [NOT_MEASURED]


def test_figures_of_an_earlier_run_stay_and_are_marked() -> None:
    measured = fill(MARKED.format("quality"), RESULTS)
    once = fill(measured, Results({}))
    assert fill(once, Results({})) == once
    assert once.replace(EARLIER, "") == measured
    assert once.count(EARLIER) == 1
    assert fill(once, RESULTS) == measured


def test_a_table_of_another_file_stays_what_that_file_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("benchmarks.report.RESULTS", tmp_path)
    (tmp_path / "another-chip.json").write_text(json.dumps(RESULTS.sections))
    filled = lines("memory, another-chip", Results({}))
    assert filled == lines("memory")
    with pytest.raises(SystemExit, match=r"no .*no-chip\.json"):
        lines("memory, no-chip")
    with pytest.raises(SystemExit, match=r"another-chip\.json has no figures of 'rust'"):
        lines("rust, another-chip")
    with pytest.raises(SystemExit, match=r"no .*No\.chip\.json"):
        lines("memory,No.chip")


def test_a_table_that_is_not_there_is_named() -> None:
    with pytest.raises(SystemExit, match="no table is called 'x': the tables are quality, known_items"):
        fill(MARKED.format("x"), RESULTS)


def test_the_documents_have_every_table_once() -> None:
    documents = [ROOT / "docs" / name for name in ("artifact-format.md", "benchmarks.md", "deploy.md")]
    marks = [
        mark
        for document in documents
        for mark in re.findall(r"<!-- figures: ([^,\n]+(?:,.*)?) -->", document.read_text(encoding="utf-8"))
    ]
    # One of a named file may stand in the place of the default file's, or beside it.
    assert len(set(marks)) == len(marks)
    assert {mark.partition(",")[0] for mark in marks} | {"summary"} == {*MAKERS}
