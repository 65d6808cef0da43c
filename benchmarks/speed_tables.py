"""The tables about time, memory and cost: embedding, events, exports, memory, starts, costs, and the README's figures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from benchmarks.markdown import milliseconds, ratio, table
from benchmarks.record import Results
from handler.variables import MEMORY_PER_VCPU_MB

OURS, TEXTBOOK = "seeklet", "textbook (def)"
TEXTBOOKS = (TEXTBOOK, "textbook (async def, one thread)")
WAYS = ("warm pages", "cold pages", "emulator, init", "emulator, answer")
EMBED, EVENT, ON_SUBJECT = "embed ", "event, ", "on subject"
# AWS's list prices in dollars, US East, January 2025, first tier: https://aws.amazon.com/lambda/pricing/
GIGABYTE_SECOND = {"x86_64": 0.0000166667, "arm64": 0.0000133334}
REQUESTS = 0.20  # a million requests
HTTP_API = 1.00  # a million requests
MEMORIES = (512, 1024, MEMORY_PER_VCPU_MB)
# A file with fewer MB in memory isn't listed.
LEAST_MAPPED = 5


def embedding(results: Results) -> str:
    """Returns the milliseconds of one text to its vector by length, and our share of each peer's."""
    rows = {
        name.removeprefix(EMBED): row
        for name, row in results.figures("latency").items()
        if name.startswith(EMBED)
    }
    names = list(dict.fromkeys(name for row in rows.values() for name in row))
    body = [
        [
            name,
            *(
                f"{row[name]['median']:.2f} ms: **{ratio(row[OURS], row[name]):.2f}**"
                for row in rows.values()
            ),
        ]
        for name in names
        if name != OURS
    ]
    ours = [[OURS, *(milliseconds(row[OURS]) for row in rows.values())]] if rows else []
    return table(["", *rows], ours + body)


def events(results: Results) -> str:
    """Returns the milliseconds of one event to its response."""
    rows = [
        [
            title.removeprefix(EVENT),
            name,
            milliseconds(took),
            f"{took['p99']:.2f} ms",
            f"{ratio(row[OURS], took):.2f}",
        ]
        for title, row in _events(results).items()
        for name, took in row.items()
    ]
    return table(["", "handler", "median", "p99", "seeklet's share"], rows)


def _events(results: Results) -> dict[str, dict[str, Any]]:
    return {title: row for title, row in results.figures("latency").items() if title.startswith(EVENT)}


def export(results: Results) -> str:
    """Returns the documents embedded a second, by us and by the peer with its best batch size."""
    rows = []
    for name, section in results.each("export").items():
        rates = section["documents a second"]
        best = max((peer for peer in rates if peer != OURS), key=lambda peer: rates[peer]["median"])
        low, high = rates[OURS]["quartiles"]
        times = ratio(rates[OURS], rates[best])
        ours = f"{rates[OURS]['median']:,.0f} ({low:,.0f} to {high:,.0f})"
        rows.append([name, ours, f"{rates[best]['median']:,.0f} ({best})", f"{times:.1f}"])
    return table(["corpus", "seeklet, a second", "the peer's best, a second", "times"], rows)


def memory(results: Results) -> str:
    """Returns the resident memory after many queries, and our pages of files."""
    figures = results.figures("memory")
    if not figures:
        return ""
    served = figures["served"]
    body = [
        [name, f"{row['resident']['median']:.0f} MB", f"{row['anonymous']['median']:.0f} MB"]
        for name, row in served.items()
    ]
    parts = [table([f"resident after {figures['queries']:,} queries", "in all", "not of a file"], body)]
    mapped = served[OURS]["mapped"].items()
    body = [[name, f"{megabytes:.0f} MB"] for name, megabytes in mapped if megabytes >= LEAST_MAPPED]
    parts.append(table(["of ours, pages of a file", ""], body))
    return "\n\n".join(part for part in parts if part)


def start(results: Results) -> str:
    """Returns the times of cold starts by kind of start, with quartiles and the share of the textbook's time."""
    report = results.figures("cold start")
    ways = [way for way in WAYS if way in report]
    rows = []
    for name, interpreter in report.get("interpreters", {}).items():
        cells = []
        for way in ways:
            took = report[way].get(name)
            share = f": **{ratio(took, report[way][TEXTBOOK]):.2f}**" if took else ""
            cells.append(f"{milliseconds(took, 0)}{share}" if took else "")
        rows.append([name, interpreter, *cells])
    return table(["start to first answer", "interpreter", *ways], rows)


def cost(results: Results) -> str:
    """Returns dollars by memory and processor, computed from the milliseconds of an event and of a start on one core."""
    begun, event = _first_answer(results), _warm_event(results)
    if begun is None or event is None:
        return ""
    rows = []
    for megabytes in MEMORIES:
        # Less memory gives less of a vCPU. More than one vCPU doesn't help a query on one thread.
        slower = max(1.0, MEMORY_PER_VCPU_MB / megabytes)
        query, started = event[OURS]["median"] * slower, begun[OURS]["median"] * slower
        row = [f"{megabytes:,} MB", f"{query:.1f} ms", f"{started:,.0f} ms"]
        for price in GIGABYTE_SECOND.values():
            per_ms = megabytes / 1024 / 1000 * price
            # Lambda bills whole milliseconds.
            row.append(f"${math.ceil(query) * per_ms * 1e6 + REQUESTS + HTTP_API:.2f}")
            row.append(f"${math.ceil(started) * per_ms * 1e3:.4f}")
        rows.append(row)
    head = ["memory", "a query", "a cold start"]
    for processor in GIGABYTE_SECOND:
        head += [f"{processor}: a million queries", f"{processor}: a thousand cold starts"]
    return table(head, rows)


def summary(results: Results) -> str:
    """Returns the README's three figures: a warm query, a new process's first answer, and the quality with fp32's."""
    rows = []
    for title, found, digits in (
        ("a query by meaning, warm: event to response", _warm_event(results), 1),
        ("the first answer of a new process", _first_answer(results), 0),
    ):
        if found:
            ours, theirs = (
                found[OURS]["median"],
                min(found[name]["median"] for name in TEXTBOOKS if name in found),
            )
            rows.append([title, f"{ours:.{digits}f} ms", f"{theirs:.{digits}f} ms"])
    if scifact := results.figures("quality: scifact"):
        ours, fp32 = (f"{scifact[recipe]['ndcg@10']['mean']:.3f}" for recipe in ("int8, mean", "fp32, mean"))
        rows.append(["quality: nDCG@10 on SciFact", ours, f"{fp32} (the model in fp32)"])
    return table(["", OURS, "a textbook handler, the faster of two"], rows)


def _warm_event(results: Results) -> Mapping[str, Any] | None:
    return next((row for title, row in _events(results).items() if title.endswith(ON_SUBJECT)), None)


def _first_answer(results: Results) -> Mapping[str, Any] | None:
    report = results.figures("cold start")
    found: Mapping[str, Any] | None = report.get("emulator, answer", report.get("warm pages"))
    return found


def made(results: Results) -> str:
    """Returns how the sections were made: a row for those of one commit, date, processor and interpreter."""
    groups: dict[tuple[str, ...], tuple[dict[str, None], dict[str, set[str]]]] = {}
    for name, section in results.sections.items():
        how = section["made"]
        key: tuple[str, ...] = (how["commit"], how["date"], _chip(how["processor"]), how["python"])
        kinds, versions = groups.setdefault(key, ({}, {}))
        kinds[name.split(":")[0]] = None
        for package, version in how["versions"].items():
            versions.setdefault(package, set()).add(version)
    rows = []
    for made_by, (kinds, versions) in groups.items():
        packages = (f"{package} {' and '.join(sorted(found))}" for package, found in sorted(versions.items()))
        rows.append([", ".join(kinds), *made_by, ", ".join(packages)])
    return table(["tables", "commit", "date", "processor", "interpreter", "versions"], rows)


def _chip(processor: Mapping[str, Any]) -> str:
    family = f", family {processor['family']}, model {processor['model']}" if "family" in processor else ""
    return f"{processor['name']}{family}, {processor['cores']} cores ({', '.join(processor['instructions'])})"
