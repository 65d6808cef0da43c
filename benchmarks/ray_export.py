"""Measures what an export on Ray costs beside the local one: wall time, and every file's bytes.

    python -m benchmarks.ray_export --texts FILE [--count 100000] [--workers N] [--rounds 1] [--quick] [--json FILE]

The file has a text a line, and may be gzipped. Each round exports its first --count lines by both engines, each in a
process of its own, with as many threads as the other has workers. The ratio is Ray's time over the local one's, and
includes starting and stopping Ray. The same of the processor seconds of all processes, which other programs on the
machine disturb less. Any file of the two artifacts that differs is an error. Run it in the environment of
`make scale-setup`.
"""

from __future__ import annotations

import gzip
import statistics
import subprocess
import sys
import time
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import psutil

from benchmarks.options import make_parser, results_file
from benchmarks.record import ROOT, save
from handler.threads import available_cpus

WORK = ROOT / "build" / "bench" / "ray"
QUICK_COUNT = 2000


def main() -> None:
    """Measures, prints a line for each export and the ratio, and keeps the figures."""
    parser = make_parser(__doc__)
    parser.add_argument("--texts", type=Path, required=True, metavar="FILE")
    parser.add_argument("--count", type=int, default=100_000, metavar="N")
    parser.add_argument("--workers", type=int, default=available_cpus(), metavar="N")
    parser.add_argument("--rounds", type=int, default=1, metavar="N")
    options = parser.parse_args()
    corpus, count = take(options.texts, QUICK_COUNT if options.quick else options.count, WORK / "corpus.txt")
    engines = {
        "local": ["--threads", str(options.workers)],
        "ray": ["--threads", str(options.workers), "--engine", "ray", "--ray-workers", str(options.workers)],
    }
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    processor: dict[str, list[float]] = {name: [] for name in engines}
    for turn in range(options.rounds):
        # The order changes, so that neither engine always comes first.
        for name in list(engines)[:: 1 if turn % 2 == 0 else -1]:
            cost = export(corpus, WORK / name, engines[name])
            seconds[name].append(cost.seconds)
            processor[name].append(cost.processor)
            print(
                f"{name}: {count:,} texts in {cost.seconds:.1f} s, {cost.processor:.1f} of a core", flush=True
            )
        if different := differing(WORK / "local", WORK / "ray"):
            sys.exit(f"error: these files differ: {', '.join(different)}")
    ratios = {"ratio": ratio(seconds), "processor_ratio": ratio(processor)}
    print(f"{ratios}, and every file of both artifacts has the same bytes")
    figures = {"seconds": seconds, "processor_seconds": processor, **ratios}
    save(results_file(options), f"ray: {count:,} texts, {options.workers} workers", figures, packages=["ray"])


def take(source: Path, count: int, path: Path) -> tuple[Path, int]:
    """Writes the first `count` lines to `path`; returns the path and how many they are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with (
        gzip.open(source, "rb") if source.suffix == ".gz" else source.open("rb") as lines,
        path.open("wb") as file,
    ):
        for line in islice(lines, count):
            file.write(line)
            written += 1
    return path, written


class Cost(NamedTuple):
    """What an export took: seconds on the clock, and of a core by all its processes."""

    seconds: float
    processor: float


def export(corpus: Path, out: Path, options: list[str]) -> Cost:
    """Exports to `out`; returns what it took."""
    command = [sys.executable, "-m", "seeklet", "export", "--corpus", str(corpus), "--text", "text"]
    started = time.perf_counter()
    process = subprocess.Popen(
        [*command, "--out", str(out), "--no-verify", "--force", "--quiet", *options],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
    )
    used: dict[tuple[int, float], float] = {}
    while process.poll() is None:
        used |= processor_seconds(process.pid)
        time.sleep(0.5)
    seconds = time.perf_counter() - started
    if process.returncode:
        sys.exit(f"error: the export ended with status {process.returncode}")
    return Cost(seconds, sum(used.values()))


def processor_seconds(pid: int) -> dict[tuple[int, float], float]:
    """Returns what each process under `pid` has used up to now, by its id and when it began."""
    used = {}
    try:
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            with suppress(psutil.Error), process.oneshot():
                times = process.cpu_times()
                used[process.pid, process.create_time()] = times.user + times.system
    except psutil.Error:
        pass
    return used


def ratio(figures: dict[str, list[float]]) -> float:
    """Returns Ray's median over the local one's."""
    return statistics.median(figures["ray"]) / statistics.median(figures["local"])


def differing(one: Path, other: Path) -> list[str]:
    """Returns the names of files that differ, or that only one of the two folders has."""
    names = sorted({path.name for folder in (one, other) for path in folder.iterdir()})
    return [name for name in names if _bytes(one / name) != _bytes(other / name)]


def _bytes(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


if __name__ == "__main__":
    main()
