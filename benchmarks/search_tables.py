"""The tables about search: times by library, times on hostile corpora, and numbers of scored rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.engines import FAISS_HNSW, FLAT, HNSWLIB, NUMPY, OURS, USEARCH
from benchmarks.markdown import milliseconds, ratio, table
from benchmarks.record import Results

PEERS = (FLAT, NUMPY, USEARCH, HNSWLIB, FAISS_HNSW)
# A peer doesn't use the second thread if its median with two is more than this share of that with one.
GAIN = 0.95
NO_GAIN = "one thread"

Engines = Mapping[str, Mapping[str, Any]]


def search(results: Results) -> str:
    """Returns the times of top-k search by size, threads and source of the queries."""
    found = sorted(results.each("search").values(), key=lambda row: (row["threads"], row["rows"]))
    single = {
        (row["rows"], source): engines
        for row in found
        if row["threads"] == 1
        for source, engines in row["queries"].items()
    }
    rows = []
    for row in found:
        for source, engines in row["queries"].items():
            alone = single.get((row["rows"], source), {}) if row["threads"] > 1 else {}
            ours = engines[OURS]
            cells = [_cell(engines, name, alone) for name in PEERS]
            took = f"{milliseconds(ours, 3)}, p99 {ours['p99']:.3f}"
            rows.append([f"{row['rows']:,}", str(row["threads"]), source, took, *cells])
    return table(["documents", "threads", "queries", OURS, *PEERS], rows)


def _cell(engines: Engines, name: str, alone: Engines) -> str:
    if name not in engines:
        return ""
    peer = engines[name]
    if name in alone and peer["median"] > GAIN * alone[name]["median"]:
        return NO_GAIN
    # Exact engines show no recall: they may differ only in rows of equal score.
    recall = f", recall {peer['recall']:.3f}" if "effort" in peer else ""
    return f"{peer['median']:.3f}, p99 {peer['p99']:.3f}{recall}: **{ratio(engines[OURS], peer):.2f}**"


def hostile(results: Results) -> str:
    """Returns the times of search and of plain numpy where the bound can't help."""
    found = sorted(results.each("hostile").values(), key=lambda row: row["rows"])
    rows = []
    for row in found:
        for name, figures in row["corpora"].items():
            low, high = figures["ratio"]["quartiles"]
            cells = [milliseconds(figures[one], 3) for one in (OURS, NUMPY)]
            share = f"{figures['ratio']['median']:.2f} ({low:.2f} to {high:.2f})"
            rows.append([f"{row['rows']:,}", name, *cells, share])
    return table(["documents", "corpus", OURS, NUMPY, "ratio"], rows)


def survivors(results: Results) -> str:
    """Returns the number of rows that need an exact score, by percentile of the queries."""
    found = sorted((int(name.split()[0]), row) for name, row in results.each("survivors").items())
    rows = [
        [f"{size:,}", source, *(f"{count:,}" for count in counts.values())]
        for size, row in found
        for source, counts in row.items()
    ]
    head = list(next(iter(found[0][1].values()))) if found else []
    return table(["documents", "queries", *head], rows)
