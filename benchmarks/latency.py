"""One text to one vector, and one API Gateway event to its response: us and the peers, side by side in one run.

    python benchmarks/latency.py --artifact build/artifact [--json FILE]

One thread each. Contenders take turns in blocks of warm-up and timed calls, since models evict each other from the
cache when they alternate call by call; the figure is the median over rounds of each block's median.
"""

from __future__ import annotations

import os

# Before any library that reads them is imported.
for _name in ("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import argparse  # noqa: E402
import importlib  # noqa: E402
import json  # noqa: E402
import random  # noqa: E402
import statistics  # noqa: E402
import tempfile  # noqa: E402
import time  # noqa: E402
from collections.abc import Callable, Mapping, Sequence  # noqa: E402
from pathlib import Path  # noqa: E402
from typing import Any  # noqa: E402

from cold_start import build_textbook  # noqa: E402
from contenders import OURS, load_contenders  # noqa: E402
from record import default_file, save  # noqa: E402

WARM_UP = 5
# Each one token of BERT's vocabulary, so that a text of n - 2 of them has n tokens.
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
EVENT = Path(__file__).parent.parent / "events" / "similar.json"

Timings = dict[str, float]


def time_blocks(calls: Mapping[str, Callable[[], Any]], rounds: int, timed: int) -> Timings:
    """Median milliseconds of each call, taken in interleaved blocks."""
    medians: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            for _ in range(WARM_UP):
                call()
            times = []
            for _ in range(timed):
                started = time.perf_counter()
                call()
                times.append(time.perf_counter() - started)
            medians[name].append(statistics.median(times) * 1000)
    return {name: statistics.median(values) for name, values in medians.items()}


def measure_embedding(lengths: Sequence[int], rounds: int, timed: int) -> dict[str, Timings]:
    """Length in tokens -> contender -> milliseconds."""
    chooser = random.Random(0)
    rows = {}
    with tempfile.TemporaryDirectory() as work:
        contenders = load_contenders(Path(work))
        for length in lengths:
            text = " ".join(chooser.choice(WORDS) for _ in range(length - 2))
            calls = {name: lambda embed=embed, text=text: embed(text) for name, embed in contenders.items()}
            rows[f"embed {length} tokens"] = time_blocks(calls, rounds, max(5, timed // max(1, length // 32)))
    return rows


def measure_event(artifact: Path, rounds: int, timed: int) -> dict[str, Timings]:
    """The sample event through the whole handler, ours and the textbook's."""
    os.environ["THREADS"] = "1"
    event = json.loads(EVENT.read_text())
    with tempfile.TemporaryDirectory() as work:
        build_textbook(artifact, Path(work))
        os.environ["ARTIFACT_DIR"] = work
        textbook = importlib.import_module("textbook").handler
    os.environ["ARTIFACT_DIR"] = str(artifact)
    ours = importlib.import_module("handler.app")
    calls = {
        OURS: lambda: ours.handler(event, None),
        "seeklet, through FastAPI": lambda: ours._mangum()(event, None),
        "the textbook handler": lambda: textbook(event, None),
    }
    return {f"event, {ours.searcher.manifest.count:,} documents": time_blocks(calls, rounds, timed)}


def as_table(rows: Mapping[str, Timings]) -> str:
    """Markdown: milliseconds, and what share of each peer's time is ours."""
    lines = []
    for title, timings in rows.items():
        lines += [f"| {title} | ms | ours / theirs |", "|---|---|---|"]
        lines += [f"| {name} | {ms:.3f} | {timings[OURS] / ms:.3f} |" for name, ms in timings.items()]
        lines.append("")
    return "\n".join(lines)


def main() -> None:
    """Reads the arguments, measures, prints tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--artifact", type=Path, metavar="DIR", help="for the whole event; left out without")
    parser.add_argument("--lengths", type=int, nargs="+", default=[6, 16, 32, 128, 256], metavar="TOKENS")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--timed", type=int, default=40, metavar="CALLS", help="timed calls a block")
    parser.add_argument("--json", type=Path, metavar="FILE", default=default_file())
    options = parser.parse_args()
    rows: dict[str, Timings] = {}
    if options.artifact:
        rows |= measure_event(options.artifact, options.rounds, options.timed)
    rows |= measure_embedding(options.lengths, options.rounds, options.timed)
    print(as_table(rows))
    save(options.json, "latency", rows)


if __name__ == "__main__":
    main()
