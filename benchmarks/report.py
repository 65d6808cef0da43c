"""Writes a results file as Markdown tables into documents, and as plots into docs/.

    python -m benchmarks.report [benchmarks/results/FILE.json] [--documents README.md ...] [--plots docs]

Tables go between `<!-- figures: NAME -->` and `<!-- end -->`. A table that these results don't have keeps the figures
of an earlier run, and says so. `<!-- figures: NAME, FILE -->` is a table of benchmarks/results/FILE.json, of another processor:
it is the same whatever results are written. This module measures nothing.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from benchmarks import answer_tables, hybrid_tables, load_tables, peer_tables, search_tables, speed_tables
from benchmarks.plots import draw
from benchmarks.record import RESULTS, ROOT, Results, default_file

DOCUMENTS = (
    ROOT / "README.md",
    *(ROOT / "docs" / name for name in ("artifact-format.md", "benchmarks.md", "deploy.md")),
)
MAKERS = {
    maker.__name__: maker
    for maker in (
        answer_tables.quality,
        answer_tables.known_items,
        hybrid_tables.hybrid_answers,
        answer_tables.stored_dtypes,
        answer_tables.cosines,
        answer_tables.processors,
        answer_tables.exactness,
        hybrid_tables.hybrid_exactness,
        search_tables.search,
        hybrid_tables.hybrid_search,
        search_tables.hostile,
        search_tables.survivors,
        speed_tables.embedding,
        speed_tables.events,
        speed_tables.export,
        speed_tables.memory,
        speed_tables.start,
        speed_tables.cost,
        speed_tables.summary,
        peer_tables.rust,
        peer_tables.observability,
        load_tables.load_table,
        load_tables.overload_table,
        speed_tables.made,
    )
}
NOT_MEASURED = "*Not measured in this run.*"
EARLIER = (
    "*Not measured in this run: these figures are from an earlier run, on another processor or commit.*\n\n"
)


def main() -> None:
    """Reads the results, writes the tables and the plots."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, nargs="?", default=default_file())
    parser.add_argument("--documents", type=Path, nargs="+", default=DOCUMENTS, metavar="FILE")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw there too; needs matplotlib")
    options = parser.parse_args()
    results = Results.read(options.results)
    for document in options.documents:
        document.write_text(fill(document.read_text(encoding="utf-8"), results), encoding="utf-8")
    if options.plots:
        draw(results, options.plots)


def fill(text: str, results: Results) -> str:
    """Fills every marked place of a text anew; raises SystemExit where a mark names no table, or a file without it."""

    def one(found: re.Match[str]) -> str:
        mark, name, file, before = found.groups()
        if name not in MAKERS:
            raise SystemExit(f"error: no table is called {name!r}: the tables are {', '.join(MAKERS)}")
        table = MAKERS[name](Results.read(RESULTS / f"{file}.json") if file else results)
        if file and not table:
            raise SystemExit(f"error: {file}.json has no figures of {name!r}")
        return f"{mark}\n{table or _earlier(before.strip())}\n<!-- end -->"

    return re.sub(
        r"(<!-- figures: ([^,\n]*?)(?:, *(.*?))? -->)\n(.*?)<!-- end -->", one, text, flags=re.DOTALL
    )


def _earlier(table: str) -> str:
    """Marks a table that stays as it was."""
    if table in ("", NOT_MEASURED):
        return NOT_MEASURED
    return EARLIER + table.removeprefix(EARLIER.strip()).lstrip()


if __name__ == "__main__":
    main()
