"""From the start of a process to its first answer: our function, two textbook handlers, and sentence-transformers.

    python -m benchmarks.cold_start build/artifact [--rounds 10] [--quick] [--json FILE]

Each start is a new process on one core; benchmarks.starts says what it runs. The contenders take turns. Root measures a
cold page cache too. After `make sam-setup`, Lambda's own Runtime Interface Emulator is used too. A second table is our
own timeline. What Lambda does before a process exists, fetching and unpacking the package, isn't measured here.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from benchmarks.emulator import Emulated, make_emulated
from benchmarks.installs import prepare
from benchmarks.options import make_parser, results_file
from benchmarks.record import ROOT, save, spread
from benchmarks.starts import OURS_FASTAPI, TEXTBOOK, Start, make_starts
from benchmarks.timeline import MILLISECONDS, PARTS, make_timeline, measure_imports
from handler.searcher import Searcher

WORK = ROOT / "build" / "bench" / "starts"
WARM, COLD, INIT, ANSWER = "warm pages", "cold pages", "emulator, init", "emulator, answer"

Spreads = dict[str, dict[str, Any]]


def main() -> None:
    """Prepares, measures, prints and keeps the figures."""
    parser = make_parser(__doc__)
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--work", type=Path, metavar="DIR", default=WORK, help="kept layers and packages")
    options = parser.parse_args()
    rounds = 2 if options.quick else options.rounds
    prepared = prepare(options.artifact.resolve(), options.work.resolve())
    starts = make_starts(prepared)
    report: dict[str, Any] = {
        "documents": Searcher.load(options.artifact).manifest.count,
        "cores used": 1,
        "interpreters": {name: start.interpreter for name, start in starts.items()},
        WARM: measure(starts, rounds, lambda: None),
    }
    if os.geteuid() == 0:
        report[COLD] = measure(starts, max(2, rounds // 2), drop_pages)
    else:
        print("starts with a cold page cache are left out: only root can empty it", file=sys.stderr)
    if emulated := make_emulated(prepared):
        report |= measure_emulated(emulated, rounds)
    timeline = make_timeline(prepared, PARTS, MILLISECONDS)
    runs = [json.loads(timeline.run()) for _ in range(rounds)]
    report["timeline"] = {part: spread([run[part] for run in runs]) for part in PARTS}
    report["imports"] = measure_imports(starts[OURS_FASTAPI])
    print(render(report))
    save(
        results_file(options),
        "cold start",
        report,
        packages=("sentence-transformers", "torch", "transformers"),
        versions=prepared.versions(),
    )


def measure(starts: Mapping[str, Start], rounds: int, before: Callable[[], None]) -> Spreads:
    """Returns each start's milliseconds, after one untimed run. The starts take turns."""
    taken: dict[str, list[float]] = {name: [] for name in starts}
    for start in starts.values():
        start.milliseconds()
    for _ in range(rounds):
        for name, start in starts.items():
            before()
            taken[name].append(start.milliseconds())
    return {name: spread(times) for name, times in taken.items()}


def measure_emulated(emulated: Mapping[str, Emulated], rounds: int) -> dict[str, Spreads]:
    """Returns each function's milliseconds of init, and of init with the first answer. The functions take turns."""
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in emulated}
    for _ in range(rounds):
        for name, function in emulated.items():
            taken[name].append(function.milliseconds())
    return {
        column: {name: spread([times[place] for times in runs]) for name, runs in taken.items()}
        for place, column in enumerate((INIT, ANSWER))
    }


def drop_pages() -> None:
    """Empties the page cache, so that no file is in memory."""
    os.sync()
    Path("/proc/sys/vm/drop_caches").write_text("3\n")


def render(report: Mapping[str, Any]) -> str:
    """Returns the tables."""
    lines = [f"start to first answer, milliseconds, {report['documents']:,} documents, one core"]
    columns = [name for name in (WARM, COLD, INIT, ANSWER) if name in report]
    lines.append(f"{'':52}" + "".join(f"{name:>18}{'ratio':>6}" for name in columns))
    for name, interpreter in report["interpreters"].items():
        line = f"{f'{name} ({interpreter})':52}"
        for column in columns:
            if name in report[column]:
                took, textbook = (report[column][row]["median"] for row in (name, TEXTBOOK))
                line += f"{took:18.0f}{took / textbook:6.2f}"
        lines.append(line)
    lines += ["", "our timeline, milliseconds"]
    lines += [f"{name:40}{took['median']:8.1f}" for name, took in report["timeline"].items()]
    lines += ["", "imports with FastAPI loaded, milliseconds of each package alone, under the profiler"]
    lines += [f"{name:40}{took:8.1f}" for name, took in report["imports"].items()]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
