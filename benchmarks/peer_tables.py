"""The tables of the function beside the same function in Rust, and with its lines and metrics on, in Markdown."""

from __future__ import annotations

from benchmarks.markdown import ratio, table
from benchmarks.record import Results

# What a figure is called in the table, with its unit.
NAMES = {
    "start": "start to first answer, ms",
    "start, HTTP": "start to first answer by HTTP, ms",
    "request": "request in process, ms",
    "MB not of a file": "memory not of a file, MB",
}
# Contenders beside the two: the server without a handler, and an earlier commit of ours.
ALONE, BEFORE = "uvicorn alone", "an earlier commit"


def rust(results: Results) -> str:
    """Returns ours, the Rust function's, and the ratio of the medians, each with its quartiles."""
    rows = []
    for name, figures in results.figures("rust peer").items():
        (ours, theirs, *_), title = figures.values(), NAMES.get(name, name)
        cells = [
            f"{one['median']:,.1f} ({one['quartiles'][0]:,.1f} to {one['quartiles'][1]:,.1f})"
            for one in figures.values()
        ]
        rows.append([title, *cells[:2], f"**{ratio(ours, theirs):.2f}**"])
        # What else took turns.
        for other, cell in [*zip(figures, cells, strict=True)][2:]:
            share = f"{ratio(ours, figures[other]):.2f} of it" if other == BEFORE else ""
            rows.append([f"{title}: {other}", cell, "", share])
        if "p99" in ours:
            rows.append(
                [
                    f"{title}, p99",
                    f"{ours['p99']:,.1f}",
                    f"{theirs['p99']:,.1f}",
                    f"{ours['p99'] / theirs['p99']:.2f}",
                ]
            )
    return table(["", "seeklet", "the same in Rust", "ratio"], rows)


def observability(results: Results) -> str:
    """Returns what each thing that can be turned on adds to a warm event and to a start."""
    figures = results.figures("observability")
    if not figures:
        return ""
    warm, start = figures["warm"], figures["start"]
    rows = []
    for name, took in warm.items():
        cells = [f"{took['median']:.3f} ({took['of off']['median'] - 1:+.1%})"]
        begun = start.get(name)
        cells.append(f"{begun['median']:,.0f} ({begun['of off']['median'] - 1:+.1%})" if begun else "")
        rows.append([name, *cells])
    return table(["", "warm event, ms", "start to first answer, ms"], rows)
