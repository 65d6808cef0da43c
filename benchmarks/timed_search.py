"""The part of benchmarks.search for one number of threads, in a process of its own: BLAS reads the number only once."""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.artifacts import float32_rows
from benchmarks.engines import OURS, PACKAGES, Corpus, Engine, make_engines, recall
from benchmarks.record import save
from benchmarks.timing import Plan, time_blocks

F32 = NDArray[np.float32]
RECALL_QUERIES = 500
# For exact engines, fewer queries say as much. At a million rows each takes a tenth of a second.
EXACT_QUERIES = 50


def main() -> None:
    """Measures every size of the task, and prints and keeps its figures."""
    folder, threads = Path(sys.argv[1]), int(sys.argv[2])
    task = json.loads((folder / "task.json").read_text())
    artifact = Path(task["artifact"])
    queries = {source: np.load(folder / f"{source}.npy") for source in task["queries"]}
    tuning = next(iter(queries.values()))[:RECALL_QUERIES]
    every = float32_rows(artifact)
    for size in task["sizes"]:
        rows = np.ascontiguousarray(every[:size])
        engines = list(make_engines(Corpus(artifact, rows, folder / str(size), task["k"], threads), tuning))
        figures = {
            source: measure(engines, asked, Plan.chosen(task["quick"])) for source, asked in queries.items()
        }
        print(as_table(f"{size:,} rows, top {task['k']}, {threads} thread(s)", figures), flush=True)
        section = f"search: {size} rows, {threads} thread{'' if threads == 1 else 's'}"
        save(
            Path(task["json"]),
            section,
            {"rows": size, "threads": threads, "k": task["k"], "queries": figures},
            packages=list(PACKAGES.values()),
        )


def measure(engines: Sequence[Engine], queries: F32, plan: Plan) -> dict[str, dict[str, Any]]:
    """Returns each engine's milliseconds for a query, its recall and, if it is a graph, its effort."""
    figures = time_blocks({engine.name: _in_turn(engine, queries) for engine in engines}, plan)
    # Other queries than those by which a graph's effort was found.
    asked = queries[-RECALL_QUERIES:]
    truth = np.concatenate([engines[0].search(query[None]) for query in asked])
    for engine in engines:
        some = EXACT_QUERIES if engine.effort is None else len(asked)
        figures[engine.name]["recall"] = recall(engine.search, asked[:some], truth[:some])
        if engine.effort is not None:
            figures[engine.name]["effort"] = engine.effort
    return figures


def _in_turn(engine: Engine, queries: F32) -> Callable[[], object]:
    upcoming = itertools.cycle(queries[:, None])
    return lambda: engine.search(next(upcoming))


def as_table(title: str, figures: dict[str, dict[str, dict[str, Any]]]) -> str:
    """Returns Markdown: milliseconds, our share of them, recall."""
    lines = []
    for source, engines in figures.items():
        lines += [
            f"\n| {title}, {source} | median ms | p99 | ours / theirs | recall |",
            "|---|---|---|---|---|",
        ]
        for name, row in engines.items():
            ratio = engines[OURS]["median"] / row["median"]
            lines.append(
                f"| {name} | {row['median']:.3f} | {row['p99']:.3f} | {ratio:.3f} | {row['recall']:.3f} |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
