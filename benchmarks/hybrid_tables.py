"""The tables about vectors and keywords together: answers, times beside other libraries, exactness."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from benchmarks.markdown import mean, milliseconds, ratio, table
from benchmarks.record import Results

OURS = "seeklet"
# The parts of a corpus's timings, and how the table calls them.
KINDS = {"search": "search", "events": "event"}


def hybrid_answers(results: Results) -> str:
    """Returns nDCG@10 by way to answer and set."""
    sets = results.each("hybrid answers")
    ways = list(dict.fromkeys(way for figures in sets.values() for way in figures["ways"]))
    rows = [
        [way, *(mean(figures["ways"].get(way, {}).get("ndcg@10")) for figures in sets.values())]
        for way in ways
    ]
    return table(["", *(f"{name} ({_count(figures)})" for name, figures in sets.items())], rows)


def _count(figures: Mapping[str, Any]) -> str:
    return f"{figures['documents']:,} documents, {figures['queries']:,} queries, terms: {figures['terms']}"


def hybrid_search(results: Results) -> str:
    """Returns the times of a search by both and of its event, ours first, by corpus."""
    found = sorted(results.each("hybrid").values(), key=lambda row: row["documents"])
    names = list(
        dict.fromkeys(name for row in found for kind in KINDS for name in row.get(kind, {}) if name != OURS)
    )
    rows = []
    for row in found:
        for kind, called in KINDS.items():
            if timings := row.get(kind):
                ours = timings[OURS]
                took = f"{milliseconds(ours, 3)}, p99 {ours['p99']:.3f}"
                cells = [_cell(timings, name) for name in names]
                rows.append([row["corpus"], f"{row['documents']:,}", called, took, *cells])
    return table(["corpus", "documents", "", OURS, *names], rows)


def _cell(timings: Mapping[str, Mapping[str, Any]], name: str) -> str:
    if name not in timings:
        return ""
    peer = timings[name]
    return f"{peer['median']:.3f}, p99 {peer['p99']:.3f}: **{ratio(timings[OURS], peer):.2f}**"


def hybrid_exactness(results: Results) -> str:
    """Returns by share how many ids of hybrid search aren't those of a full sort."""
    found = sorted(results.each("hybrid exactness").items(), key=lambda item: int(item[1]["documents"]))
    shares = list(dict.fromkeys(share for _, row in found for share in row["shares"]))
    rows = [
        [
            name.partition(",")[0],
            f"{row['documents']:,}",
            f"{row['queries']:,}",
            *(_differ(row["shares"].get(share)) for share in shares),
        ]
        for name, row in found
    ]
    return table(["corpus", "documents", "queries", *(f"share {share}" for share in shares)], rows)


def _differ(row: Mapping[str, int] | None) -> str:
    return "" if row is None else f"{row['ids that differ']} of {row['ids']:,}"
