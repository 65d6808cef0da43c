"""Compares processors: are one artifact's vectors as near to fp32, its quality the same, and its search still exact?

    python -m benchmarks.processors build/artifact --pairs stsb_test.tsv --on "Haswell=COMMAND" --on "arm64=COMMAND"

COMMAND runs CPython 3.13 as that processor would, with the function's packages for it on PYTHONPATH, for instance

    env PYTHONPATH=build/layer-x86/python qemu-x86_64-static -cpu Haswell-noTSX python3.13

after `python -m layers.runtime.build --target python3.13-x86_64 --out build/layer-x86`. PAIRS has lines of score,
sentence1, sentence2, as STS-B has; --every 4 takes each fourth. Every processor encodes them, searches the artifact and
hostile corpora by vectors, and the artifact by vectors and keywords, and compares the ids with a full sort of its own
scores. Emulation is slow, so nothing is timed.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.artifacts import write_scan_of
from benchmarks.datasets import Pairs, read_pairs
from benchmarks.hostile_corpora import hostile_queries, make_hostile
from benchmarks.options import make_parser, results_file
from benchmarks.record import ROOT, save
from benchmarks.scoring import score_pairs

# The first size has a scan with the embeddings' own columns, the second a rotated one.
HOSTILE_ROWS = (3_000, 17_000)
HOSTILE_DIM = 64
QUICK_EVERY = 60
THIS = "this one"


def main() -> None:
    """Runs the task on every processor, and compares, prints and keeps the figures."""
    parser = make_parser(__doc__)
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--pairs", type=Path, required=True, metavar="TSV")
    parser.add_argument(
        "--every", type=int, default=1, metavar="N", help="take each N-th pair (default: all)"
    )
    parser.add_argument("--on", type=named, action="append", default=[], metavar="NAME=COMMAND")
    parser.add_argument("--searches", type=int, default=50, help="queries to the artifact (default: 50)")
    options = parser.parse_args()
    if not options.on:
        print("other processors are left out: name one with --on", file=sys.stderr)
    every = QUICK_EVERY if options.quick else options.every
    read = read_pairs(options.pairs)
    pairs = Pairs(read.human[::every], read.first[::every], read.second[::every])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        task = {
            "artifact": str(options.artifact.resolve()),
            "texts": [*pairs.first, *pairs.second],
            "searches": options.searches,
        }
        (folder / "task.json").write_text(json.dumps(task))
        write_hostile(folder / "hostile", HOSTILE_ROWS[:1] if options.quick else HOSTILE_ROWS)
        figures = ask({THIS: sys.executable} | dict(options.on), folder, pairs)
    save(results_file(options), "processors", {"pairs": len(pairs.human), "on": figures})


def named(entry: str) -> tuple[str, str]:
    """Splits NAME=COMMAND. Raises ArgumentTypeError, which argparse reports."""
    name, mark, command = entry.partition("=")
    if not mark:
        raise argparse.ArgumentTypeError(f"{entry!r} has no '=': write NAME=COMMAND")
    return name, command


def write_hostile(folder: Path, sizes: tuple[int, ...]) -> None:
    """Writes folder/<name>-<rows>, each with rows.npy, queries.npy and the scan."""
    for count in sizes:
        for name, rows in make_hostile(count, HOSTILE_DIM):
            target = folder / f"{name}-{count}"
            write_scan_of(rows, target)
            np.save(target / "rows.npy", rows)
            np.save(target / "queries.npy", hostile_queries(rows))


def ask(commands: Mapping[str, str], folder: Path, pairs: Pairs) -> dict[str, dict[str, Any]]:
    """Returns each processor's figures. The cosines are with the first processor's vectors."""
    figures: dict[str, dict[str, Any]] = {}
    reference: NDArray[np.float32] | None = None
    print(
        "| on | STS-B spearman | least cosine | ids that aren't a full sort's | hybrid |\n|---|---|---|---|---|"
    )
    for name, command in commands.items():
        run = [*shlex.split(command), "-m", "benchmarks.answer", str(folder)]
        status = subprocess.run(run, cwd=ROOT, check=False).returncode
        if status and name == THIS:
            raise SystemExit(status)
        if status:
            # Where an emulator fails, the other processors' figures are still worth keeping.
            print(f"{name} is left out: its command ended with status {status}", file=sys.stderr)
            continue
        vectors, found = np.load(folder / "vectors.npy"), json.loads((folder / "found.json").read_text())
        reference = vectors if reference is None else reference
        first, second = np.split(vectors, 2)
        row = figures[name] = {
            **score_pairs(first, second, pairs),
            "least cosine": float((vectors * reference).sum(axis=1).min()),
            "ids": found["ids"],
            "ids that differ": found["differ"],
            "hybrid ids": found["hybrid ids"],
            "hybrid ids that differ": found["hybrid differ"],
        }
        print(
            f"| {name} | {row['spearman']['mean']:.4f} | {row['least cosine']:.7f} "
            f"| {row['ids that differ']} of {row['ids']:,} "
            f"| {row['hybrid ids that differ']} of {row['hybrid ids']:,} |",
            flush=True,
        )
    return figures


if __name__ == "__main__":
    main()
