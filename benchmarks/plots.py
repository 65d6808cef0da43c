"""Draws the pictures of a results file: search by corpus size, embedding by length, and our start's timeline."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.engines import OURS
from benchmarks.record import Results

ON_SUBJECT = "on subject"
Series = dict[str, list[tuple[int, float]]]


def draw(results: Results, folder: Path) -> None:
    """Writes latency.svg and cold-start.svg into a folder, each only if its figures were measured."""
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "seeklet"
    by_size, by_length = search_series(results), embedding_series(results)
    if by_size and by_length:
        figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4))
        _lines(left, by_size, xlabel="documents", ylabel="ms, top 10, 1 thread", title="search")
        _lines(right, by_length, xlabel="tokens", ylabel="ms, 1 thread", title="embedding of one text")
        _save(figure, folder / "latency.svg")
    if timeline := results.figures("cold start").get("timeline"):
        figure, axes = plt.subplots(figsize=(8, 4))
        begun = 0.0
        for place, took in enumerate(part["median"] for part in timeline.values()):
            axes.barh(place, took, left=begun)
            axes.text(begun + took, place, f" {took:.1f}", va="center", fontsize=8)
            begun += took
        axes.set_yticks(range(len(timeline)), list(timeline), fontsize=8)
        axes.invert_yaxis()
        axes.set(xlabel="ms since the interpreter is up")
        _save(figure, folder / "cold-start.svg")


def search_series(results: Results) -> Series:
    """Returns each engine's (rows, milliseconds) on one thread, for queries on the corpus's subject."""
    series: Series = {}
    for row in sorted(results.each("search").values(), key=lambda row: row["rows"]):
        if row["threads"] == 1:
            for name, took in row["queries"][ON_SUBJECT].items():
                series.setdefault(name, []).append((row["rows"], took["median"]))
    return series


def embedding_series(results: Results) -> Series:
    """Returns each encoder's (tokens, milliseconds)."""
    series: Series = {}
    for title, row in results.figures("latency").items():
        if found := re.fullmatch(r"embed (\d+) tokens", title):
            for name, took in row.items():
                series.setdefault(name, []).append((int(found[1]), took["median"]))
    return series


def _lines(axes: Any, series: Series, **labels: str) -> None:
    for name, points in series.items():
        axes.plot(*zip(*points, strict=True), marker=".", label=name, linewidth=2.5 if name == OURS else 1)
    axes.set(xscale="log", yscale="log", **labels)
    axes.grid(alpha=0.3)
    axes.legend(frameon=False, fontsize=7)


def _save(figure: Any, path: Path) -> None:
    """Writes a picture; the same figures give the same bytes."""
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


def draw_selectivity(every: Sequence[Mapping[str, Any]], path: Path) -> None:
    """Draws benchmarks.filters' figures: for each corpus the time of a search by the share of documents that pass."""
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "seeklet"
    figure, panels = plt.subplots(1, len(every), figsize=(5 * len(every), 4), squeeze=False)
    for axes, figures in zip(panels[0], every, strict=True):
        for place, (mode, timings) in enumerate(figures["modes"].items()):
            for kind, style in (("at random", "-"), ("neighbours", ":")):
                points = [
                    (_share_of(name, figures["documents"]), took["median"])
                    for name, took in timings.items()
                    if name.endswith(kind)
                ]
                axes.plot(
                    *zip(*points, strict=True), style, marker=".", color=f"C{place}", label=f"{mode}, {kind}"
                )
            axes.axhline(timings["no filter"]["median"], color=f"C{place}", alpha=0.3)
        axes.set(
            xscale="log",
            yscale="log",
            xlabel="% of the documents that pass",
            ylabel="ms, top 10, 1 thread",
            title=f"{figures['documents']:,} documents (pale: no filter)",
        )
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, fontsize=7)
    _save(figure, path)


def _share_of(name: str, documents: int) -> float:
    return 100 / documents if name.startswith("1 document") else float(name.partition("%")[0])
