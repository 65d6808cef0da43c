"""Measures resident memory after many queries, ours and the textbook handlers', and what ours is used for.

    python -m benchmarks.memory build/artifact [--queries 1000] [--quick] [--json FILE]

Each run is a new process on CPython 3.13; ours uses the pruned layer, as on Lambda. Queries are 2 to 6 words cut from
the corpus. MB are 2**20 bytes, as Lambda counts them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from benchmarks.artifacts import ENOUGH, draw_texts
from benchmarks.cold_start import WORK
from benchmarks.installs import prepare
from benchmarks.options import make_parser, results_file
from benchmarks.record import save, spread
from benchmarks.starts import EVENT, OURS, TEXTBOOK, TEXTBOOK_ASYNC, Start, make_starts
from benchmarks.timeline import MEGABYTES, PARTS, SEARCH, make_timeline
from export.build.sample import cut_queries

RUNS = 3
# Appended to a start's own code, which leaves `module` and `json`.
SERVE = """
for text in {queries!r}:
    event = json.load(open({event!r}))
    event["body"], event["isBase64Encoded"] = json.dumps({{"text": text, "num_results": 5}}), False
    assert module.handler(event, None)["statusCode"] == 200
pages, name = {{}}, ""
for line in open("/proc/self/smaps"):
    first, *rest = line.split()
    if not first.endswith(":"):
        name = rest[4] if len(rest) > 4 else ""
    elif first in ("Rss:", "Anonymous:"):
        counted = pages.setdefault(name, {{"Rss:": 0, "Anonymous:": 0}})
        counted[first] += int(rest[0]) / 1024
print(json.dumps(pages))
"""


def main() -> None:
    """Measures, prints and keeps the figures."""
    parser = make_parser(__doc__)
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--work", type=Path, metavar="DIR", default=WORK, help="kept layers and packages")
    options = parser.parse_args()
    artifact = options.artifact.resolve()
    queries = cut_queries(draw_texts(artifact, ENOUGH), 20 if options.quick else options.queries)
    prepared = prepare(artifact, options.work.resolve())
    starts = make_starts(prepared)
    runs = 1 if options.quick else RUNS
    served = {name: serve(starts[name], queries, runs) for name in (OURS, TEXTBOOK, TEXTBOOK_ASYNC)}
    parts = PARTS | {"all the queries": f"for text in {queries!r}: {SEARCH}"}
    grown = json.loads(make_timeline(prepared, parts, MEGABYTES).run())
    figures = {
        "queries": len(queries),
        "served": served,
        "growth": {name: round(megabytes, 1) for name, megabytes in grown.items()},
    }
    print(render(figures))
    save(results_file(options), "memory", figures, versions=prepared.versions())


def serve(start: Start, queries: list[str], runs: int) -> dict[str, Any]:
    """Returns the MB after all queries: resident, anonymous (not of a file), and by file from half a MB on."""
    code = start.command[-1] + SERVE.format(queries=queries, event=str(EVENT))
    serving = Start([*start.command[:-1], code], start.environ, start.interpreter)
    every = [json.loads(serving.run()) for _ in range(runs)]
    mapped = {Path(name).name: both["Rss:"] - both["Anonymous:"] for name, both in every[0].items()}
    return {
        "resident": spread([sum(both["Rss:"] for both in pages.values()) for pages in every]),
        "anonymous": spread([sum(both["Anonymous:"] for both in pages.values()) for pages in every]),
        "mapped": {
            name: round(megabytes, 1)
            for name, megabytes in sorted(mapped.items(), key=lambda item: -item[1])
            if megabytes >= 0.5
        },
    }


def render(figures: dict[str, Any]) -> str:
    """Returns the tables, in Markdown."""
    lines = [
        f"| MB resident after {figures['queries']:,} queries | in all | not of a file |",
        "|---|---|---|",
    ]
    for name, row in figures["served"].items():
        lines.append(f"| {name} | {row['resident']['median']:.0f} | {row['anonymous']['median']:.0f} |")
    lines += ["", "| of ours, pages of a file | MB |", "|---|---|"]
    lines += [
        f"| {name} | {megabytes:.1f} |" for name, megabytes in figures["served"][OURS]["mapped"].items()
    ]
    lines += ["", "| ours grows by | MB |", "|---|---|"]
    lines += [f"| {part} | {grown:.1f} |" for part, grown in figures["growth"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
