"""Puts a results file into words and pictures: Markdown tables into README.md and docs/deploy.md, plots into docs/.

    python benchmarks/report.py [benchmarks/results/FILE.json] [--documents README.md ...] [--plots docs]

Tables go between `<!-- figures: NAME -->` and `<!-- end -->`; NAME is one of quality, speed, search, start, cost. What
a section doesn't hold is left out; what we lose stays in. Does not measure.
"""

from __future__ import annotations

import argparse
import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from record import default_file

ROOT = Path(__file__).resolve().parent.parent
OURS = "seeklet"
Results = Mapping[str, Any]

# AWS's list prices in dollars, US East, January 2025, first tier: https://aws.amazon.com/lambda/pricing/
GIGABYTE_SECOND = {"x86_64": 0.0000166667, "arm64": 0.0000133334}
REQUESTS = 0.20  # a million
HTTP_API = 1.00  # a million
MEMORIES = (512, 1024, 1769)
MEMORY_PER_VCPU = 1769
# Files with fewer MB in memory aren't listed.
MAPPED = 5


def main() -> None:
    """Reads the results, writes the tables and the plots."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, nargs="?", default=default_file())
    parser.add_argument(
        "--documents", type=Path, nargs="+", default=[ROOT / "README.md", ROOT / "docs" / "deploy.md"]
    )
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw there too; needs matplotlib")
    options = parser.parse_args()
    results = json.loads(options.results.read_text())
    for document in options.documents:
        document.write_text(fill(document.read_text(encoding="utf-8"), results), encoding="utf-8")
    if options.plots:
        draw(results, options.plots)


def fill(text: str, results: Results) -> str:
    """The text with every marked place filled anew."""
    makers = {"quality": quality, "speed": speed, "search": search, "start": start, "cost": cost}

    def one(found: re.Match[str]) -> str:
        name = found[1]
        if name not in makers:
            raise SystemExit(f"error: no table is called {name!r}: the tables are {', '.join(makers)}")
        return f"<!-- figures: {name} -->\n{makers[name](results)}\n<!-- end -->"

    return re.sub(r"<!-- figures: (\w+) -->\n.*?<!-- end -->", one, text, flags=re.DOTALL)


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def quality(results: Results) -> str:
    """What the answers are worth, by recipe and data set; then known items; then other processors."""
    sets = results.get("quality", {})
    columns = [(name, figure) for name, rows in sets.items() for figure in next(iter(rows.values()))]
    recipes = list(dict.fromkeys(recipe for rows in sets.values() for recipe in rows))
    first = columns[0] if columns else None
    recipes.sort(key=lambda recipe: -sets[first[0]].get(recipe, {}).get(first[1], 0) if first else 0)
    rows = [
        [recipe, *(number(sets[name].get(recipe, {}).get(figure)) for name, figure in columns)]
        for recipe in recipes
    ]
    parts = [table(["", *(f"{name} {figure}" for name, figure in columns)], rows)] if rows else []
    for name, figures in results.get("known items", {}).items():
        found = [
            [f"{name}, in the {rank}", number(row[OURS]), number(row["fp32"])]
            for rank, row in figures.items()
        ]
        parts.append(table(["the right document", OURS, "sentence-transformers fp32"], found))
    if processors := results.get("processors"):
        body = [
            [
                name,
                number(row["spearman"]),
                f"{row['least cosine']:.6f}",
                f"{row['ids that differ']} of {row['ids']:,}",
            ]
            for name, row in processors.items()
        ]
        head = ["the same artifact on", "stsb_test spearman", "least cosine", "ids that aren't a full sort's"]
        parts.append(table(head, body))
    return "\n\n".join(parts)


def number(value: float | None) -> str:
    """Four places, as the field writes these figures."""
    return "" if value is None else f"{value:.4f}"


def speed(results: Results) -> str:
    """Milliseconds of ours, and our share of each peer's time; then whole exports and memory."""
    parts = []
    for event in (False, True):
        rows = {
            name: row for name, row in results.get("latency", {}).items() if name.startswith("event") == event
        }
        if not rows:
            continue
        peers = [name for name in next(iter(rows.values())) if name != OURS]
        body = [
            [title, f"{row[OURS]:.2f} ms", *(f"{row[OURS] / row[peer]:.3f}" for peer in peers)]
            for title, row in rows.items()
        ]
        parts.append(table(["", OURS, *(f"of {peer}" for peer in peers)], body))
    if exports := results.get("export"):
        body = [
            [name, f"{row['documents a second'][OURS]:,.0f}", f"{row['times the best']:.1f}"]
            for name, row in exports.items()
        ]
        parts.append(
            table(["export, both cores", "documents a second", "times sentence-transformers'"], body)
        )
    if memory := results.get("memory"):
        body = [
            [name, f"{memory[name]['resident']:.0f} MB", f"{memory[name]['anonymous']:.0f} MB"]
            for name in memory
            if name != "growth"
        ]
        parts.append(table(["resident after 1,000 queries", "in all", "not of a file"], body))
        files = memory.get(OURS, {}).get("mapped", {})
        body = [[name, f"{megabytes:.0f} MB"] for name, megabytes in files.items() if megabytes >= MAPPED]
        if body:
            parts.append(table(["of ours, pages of a file", ""], body))
    return "\n\n".join(parts)


def search(results: Results) -> str:
    """Exact search by size and threads."""
    rows = []
    for section, sizes in results.items():
        if not section.startswith("search, "):
            continue
        for size, engines in sorted(sizes.items(), key=lambda item: int(item[0])):
            ours = engines[OURS]["median_ms"]
            cells = []
            for kind in ("faiss flat", "numpy", "usearch", "hnswlib", "faiss HNSW"):
                peer = next((row for name, row in engines.items() if name.startswith(kind)), None)
                recall = f" ({peer['recall']:.3f})" if peer and peer["recall"] < 0.9995 else ""
                cells.append(f"{ours / peer['median_ms']:.3f}{recall}" if peer else "")
            rows.append([f"{int(size):,}", section.removeprefix("search, ")[0], f"{ours:.3f} ms", *cells])
    head = ["documents", "threads", OURS, "of FAISS flat", "of numpy", "of usearch exact"]
    return table([*head, "of hnswlib (recall)", "of FAISS HNSW (recall)"], rows)


def start(results: Results) -> str:
    """Cold starts, by way of starting."""
    report = results.get("cold start", {})
    ways = [
        name for name in ("warm pages", "cold pages", "emulator, init", "emulator, answer") if name in report
    ]
    names = list(dict.fromkeys(name for way in ways for name in report[way]))
    rows = []
    for name in names:
        cells = []
        for way in ways:
            took = report[way].get(name)
            cells.append("" if took is None else f"{took:,.0f} ms ({took / report[way]['textbook']:.2f})")
        rows.append([name, *cells])
    return table(["start to first answer (of the textbook's)", *ways], rows)


def cost(results: Results) -> str:
    """Dollars by memory and processor, from the event's and the cold start's milliseconds on one core."""
    starts = results.get("cold start", {})
    begun = starts.get("emulator, answer", starts.get("warm pages", {})).get(OURS)
    event = next(
        (row[OURS] for name, row in results.get("latency", {}).items() if name.startswith("event")), None
    )
    if begun is None or event is None:
        return ""
    rows = []
    for memory in MEMORIES:
        # Less memory is less of a vCPU; more than one doesn't help a query on one thread.
        slower = max(1.0, MEMORY_PER_VCPU / memory)
        row = [f"{memory:,} MB", f"{event * slower:.1f} ms", f"{begun * slower:,.0f} ms"]
        for price in GIGABYTE_SECOND.values():
            per_ms = memory / 1024 / 1000 * price
            # Lambda bills whole milliseconds.
            row.append(f"${math.ceil(event * slower) * per_ms * 1e6 + REQUESTS + HTTP_API:.2f}")
            row.append(f"${math.ceil(begun * slower) * per_ms * 1e3:.4f}")
        rows.append(row)
    head = ["memory", "a query", "a cold start"]
    for processor in GIGABYTE_SECOND:
        head += [f"{processor}: a million queries", f"{processor}: a thousand cold starts"]
    return table(head, rows)


def draw(results: Results, folder: Path) -> None:
    """latency.svg (search by corpus size, embedding by length) and cold-start.svg."""
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "seeklet"
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
    sizes = results.get("search, 1 thread(s)", {})
    series: dict[str, list[tuple[int, float]]] = {}
    for size, engines in sorted(sizes.items(), key=lambda item: int(item[0])):
        for name, row in engines.items():
            series.setdefault(name.split(" (")[0], []).append((int(size), row["median_ms"]))
    for name, points in series.items():
        left.plot(*zip(*points, strict=True), marker=".", label=name, linewidth=2.5 if name == OURS else 1)
    left.set(xscale="log", yscale="log", xlabel="documents", ylabel="ms, top 10, 1 thread", title="search")
    lengths: dict[str, list[tuple[int, float]]] = {}
    for title, row in results.get("latency", {}).items():
        if found := re.fullmatch(r"embed (\d+) tokens", title):
            for name, took in row.items():
                lengths.setdefault(name, []).append((int(found[1]), took))
    for name, points in lengths.items():
        right.plot(*zip(*points, strict=True), marker=".", label=name, linewidth=2.5 if name == OURS else 1)
    right.set(
        xscale="log", yscale="log", xlabel="tokens", ylabel="ms, 1 thread", title="embedding of one text"
    )
    for axes in (left, right):
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, fontsize=8)
    save(figure, folder / "latency.svg")
    if timeline := results.get("cold start", {}).get("timeline"):
        figure, axes = plt.subplots(figsize=(8, 4))
        begun = 0.0
        for place, took in enumerate(timeline.values()):
            axes.barh(place, took, left=begun)
            axes.text(begun + took, place, f" {took:.1f}", va="center", fontsize=8)
            begun += took
        axes.set_yticks(range(len(timeline)), list(timeline), fontsize=8)
        axes.invert_yaxis()
        axes.set(xlabel="ms since the interpreter is up")
        save(figure, folder / "cold-start.svg")


def save(figure: Any, path: Path) -> None:
    """The same figures give the same bytes."""
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
