"""Times one text to its vector, and one API Gateway event to its response, by us and the peers in one run.

    python -m benchmarks.latency build/artifact [--quick] [--json FILE]

Each has one thread. An event's query has 2 to 6 words, cut from the corpus's own documents ("on subject") or from texts
of other subjects ("off subject"). The figure is the median over rounds of each block's median.
"""

from __future__ import annotations

import os
import random
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.artifacts import ENOUGH, draw_texts, read_texts
from benchmarks.contenders import OURS, PACKAGES, load_contenders
from benchmarks.options import make_parser, results_file
from benchmarks.record import save
from benchmarks.sample_events import answer_in_turn, make_event
from benchmarks.textbook import make_async_handler, make_handler
from benchmarks.textbook_files import write_textbook_files
from benchmarks.timing import Plan, has_threads, run_again, time_blocks
from export.build.sample import cut_queries
from export.graph.sentences import PASSAGES, SENTENCES
from handler.function import Function
from handler.searcher import Searcher
from handler.settings import Settings

# Each is one token of BERT's vocabulary, so a text of n - 2 words has n tokens.
WORDS = [
    "storm",
    "city",
    "water",
    "market",
    "school",
    "river",
    "music",
    "doctor",
    "court",
    "game",
    "island",
    "winter",
    "train",
    "law",
    "energy",
    "book",
]
# Different queries of one table; each contender gets them in the same order.
QUERIES = 200
FASTAPI, TEXTBOOK, TEXTBOOK_ASYNC = (
    "seeklet, through FastAPI",
    "textbook (def)",
    "textbook (async def, one thread)",
)

Timings = dict[str, dict[str, Any]]


def main() -> None:
    """Measures, prints tables and keeps the figures."""
    parser = make_parser(__doc__)
    parser.add_argument("artifact", type=Path, help="the artifact that the events ask")
    parser.add_argument("--lengths", type=int, nargs="+", default=[6, 16, 32, 128, 256], metavar="TOKENS")
    parser.add_argument(
        "--off",
        type=Path,
        metavar="TEXTS",
        help="a corpus of another subject (default: a few texts of our own)",
    )
    options = parser.parse_args()
    if not has_threads(1):
        run_again("benchmarks.latency", 1, sys.argv[1:])
        return
    plan = Plan.chosen(options.quick)
    rows = measure_events(options.artifact, options.off, plan)
    rows |= measure_embedding(options.lengths[:2] if options.quick else options.lengths, plan)
    print(as_table(rows))
    save(results_file(options), "latency", rows, packages=[*PACKAGES, "fastapi", "mangum", "pydantic"])


def measure_embedding(lengths: Sequence[int], plan: Plan) -> dict[str, Timings]:
    """Returns each contender's milliseconds, by the text's length in tokens."""
    chooser = random.Random(0)
    rows = {}
    with tempfile.TemporaryDirectory() as work:
        contenders = load_contenders(Path(work))
        for length in lengths:
            text = " ".join(chooser.choice(WORDS) for _ in range(length - 2))
            calls = {name: lambda embed=embed, text=text: embed(text) for name, embed in contenders.items()}
            rows[f"embed {length} tokens"] = time_blocks(calls, plan)
    return rows


def measure_events(artifact: Path, off: Path | None, plan: Plan) -> dict[str, Timings]:
    """Returns each handler's milliseconds for an event, by the source of its query."""
    searcher = Searcher.load(artifact)
    settings = Settings.from_env({**os.environ, "ARTIFACT_DIR": str(artifact), "THREADS": "1"})
    texts = {
        "on subject": draw_texts(artifact, ENOUGH),
        "off subject": read_texts(off) if off else [*SENTENCES, *PASSAGES],
    }
    rows = {}
    with tempfile.TemporaryDirectory() as work:
        write_textbook_files(artifact, Path(work))
        handlers = {
            OURS: Function(settings, searcher),
            FASTAPI: Function(settings, searcher, direct=False),
            TEXTBOOK: make_handler(Path(work)),
            TEXTBOOK_ASYNC: make_async_handler(Path(work)),
        }
        for source, documents in texts.items():
            events = [make_event(query) for query in cut_queries(documents, QUERIES)]
            calls = {name: answer_in_turn(handler, events) for name, handler in handlers.items()}
            rows[f"event, {searcher.manifest.count:,} documents, {source}"] = time_blocks(calls, plan)
    return rows


def as_table(rows: Mapping[str, Timings]) -> str:
    """Returns Markdown: milliseconds, and our time as a share of each peer's."""
    lines = []
    for title, timings in rows.items():
        lines += [f"| {title} | ms | p99 | ours / theirs |", "|---|---|---|---|"]
        ours = timings[OURS]["median"]
        lines += [
            f"| {name} | {took['median']:.3f} | {took['p99']:.3f} | {ours / took['median']:.3f} |"
            for name, took in timings.items()
        ]
        lines.append("")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
