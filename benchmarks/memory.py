"""Resident memory of a served corpus after many queries, ours and the textbook handler's, and where ours goes.

    python benchmarks/memory.py --artifact build/artifact [--queries 1000] [--json FILE]

Each is a fresh process on CPython 3.13, ours from the pruned layer as on Lambda. Queries are 2 to 6 words cut from the
corpus. MB are 2**20 bytes, as Lambda counts them.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from cold_start import OURS, PARTS, TEXTBOOK, Start, prepare
from cut import cut_queries
from record import default_file, save

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
SEARCH = "[texts[int(i)] for i in found.search(made.encode([text]), 5).ids[0]]"
RESIDENT = "int(open('/proc/self/statm').read().split()[1]) * 4096 / 2**20"


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--artifact", type=Path, default=Path("build/artifact"), metavar="DIR")
    parser.add_argument("--queries", type=int, default=1000)
    parser.add_argument("--work", type=Path, metavar="DIR", help="kept layers and files; temporary without")
    parser.add_argument("--json", type=Path, metavar="FILE", default=default_file())
    options = parser.parse_args()
    artifact = options.artifact.resolve()
    queries = cut_queries(artifact, options.queries)
    with tempfile.TemporaryDirectory() as temporary:
        starts, make_timeline = prepare(artifact, (options.work or Path(temporary)).resolve())
        figures: dict[str, Any] = {name: serve(starts[name], queries) for name in (OURS, TEXTBOOK)}
        parts = PARTS | {"all the queries": f"for text in {queries!r}: {SEARCH}"}
        grown = json.loads(make_timeline(parts, RESIDENT).run())
        figures["growth"] = {name: round(megabytes, 1) for name, megabytes in grown.items()}
    print(f"| MB resident after {options.queries:,} queries | in all | not of a file |\n|---|---|---|")
    for name in (OURS, TEXTBOOK):
        print(f"| {name} | {figures[name]['resident']:.0f} | {figures[name]['anonymous']:.0f} |")
    print("\n| of ours, pages of a file | MB |\n|---|---|")
    for name, megabytes in figures[OURS]["mapped"].items():
        print(f"| {name} | {megabytes:.1f} |")
    print("\n| ours grows by | MB |\n|---|---|")
    for part, grown in figures["growth"].items():
        print(f"| {part} | {grown:.1f} |")
    save(options.json, "memory", figures)


def serve(start: Start, queries: list[str]) -> dict[str, Any]:
    """MB after all queries: resident, of that what no file backs, and by file from half a megabyte on."""
    event = str(Path(__file__).resolve().parent.parent / "events" / "similar.json")
    code = start.command[-1] + SERVE.format(queries=queries, event=event)
    pages = json.loads(Start([*start.command[:-1], code], start.environ).run())
    mapped = {Path(name).name: both["Rss:"] - both["Anonymous:"] for name, both in pages.items()}
    return {
        "resident": round(sum(both["Rss:"] for both in pages.values()), 1),
        "anonymous": round(sum(both["Anonymous:"] for both in pages.values()), 1),
        "mapped": {
            name: round(megabytes, 1)
            for name, megabytes in sorted(mapped.items(), key=lambda item: -item[1])
            if megabytes >= 0.5
        },
    }


if __name__ == "__main__":
    main()
