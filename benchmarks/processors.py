"""The same artifact on other processors: are the vectors as near, the quality the same, and the search still exact?

    python benchmarks/processors.py build/artifact --pairs stsb_test.tsv --on "haswell=COMMAND" --on "arm64=COMMAND"

COMMAND runs CPython 3.13 as that processor would, the function's packages for it on PYTHONPATH, for instance

    env PYTHONPATH=build/layer-x86/python qemu-x86_64-static -cpu Haswell-noTSX python3.13

after `python -m layers.runtime.build --target python3.13-x86_64 --out build/layer-x86`. PAIRS are lines of score,
sentence1, sentence2, as STS-B's. Every processor encodes them all, searches the artifact and hostile corpora, and
compares the ids with a full sort of its own scores. Emulation is slow: nothing is timed.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from numpy.typing import NDArray

from handler.artifact import Manifest
from handler.encoder import Encoder
from handler.index import Index
from handler.scores import Embeddings

F32 = NDArray[np.float32]
K = 10
# The first switches on the form with own columns, the second the rotated one.
HOSTILE_ROWS = (3_000, 17_000)
HOSTILE_DIM = 64


def main() -> None:
    """Asks every processor, compares, prints."""
    if sys.argv[1:2] == ["--answer"]:
        answer(Path(sys.argv[2]))
        return
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--pairs", type=Path, required=True, metavar="TSV")
    parser.add_argument("--on", type=named, action="append", default=[], metavar="NAME=COMMAND")
    parser.add_argument("--searches", type=int, default=50, help="queries to the artifact (default: 50)")
    # Not where they are emulated: the function's packages hold none of theirs.
    from quality import read_pairs
    from record import default_file, save
    from scipy.stats import spearmanr

    parser.add_argument("--json", type=Path, metavar="FILE", default=default_file())
    options = parser.parse_args()
    commands = {"this one": sys.executable} | dict(options.on)
    human, *sentences = read_pairs(options.pairs)
    figures: dict[str, dict[str, Any]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        texts = [*sentences[0], *sentences[1]]
        task = {"artifact": str(options.artifact.resolve()), "texts": texts, "searches": options.searches}
        (folder / "task.json").write_text(json.dumps(task))
        write_hostile(folder)
        print(
            f"| processor | STS-B | cosine with {next(iter(commands))}, least | ids that aren't a full sort's |"
        )
        print("|---|---|---|---|")
        for processor, command in commands.items():
            subprocess.run([*shlex.split(command), __file__, "--answer", name], check=True)
            vectors, found = np.load(folder / "vectors.npy"), json.loads((folder / "found.json").read_text())
            if not figures:
                ours = vectors
            first, second = np.split(vectors, 2)
            figures[processor] = {
                "spearman": float(spearmanr((first * second).sum(axis=1), human).statistic),
                "least cosine": float((vectors * ours).sum(axis=1).min()),
                "ids": found["ids"],
                "ids that differ": found["differ"],
            }
            row = figures[processor]
            print(
                f"| {processor} | {row['spearman']:.4f} | {row['least cosine']:.7f} "
                f"| {row['ids that differ']} of {row['ids']:,} |",
                flush=True,
            )
    save(options.json, "processors", figures)


def named(entry: str) -> tuple[str, str]:
    """NAME=COMMAND in two."""
    name, mark, command = entry.partition("=")
    if not mark:
        raise argparse.ArgumentTypeError(f"{entry!r} has no '=': write NAME=COMMAND")
    return name, command


def write_hostile(folder: Path) -> None:
    """Corpora that a bound has trouble with: folder/hostile/<n> with embeddings, scan and queries.npy."""
    from export.build.vectors import write_embeddings
    from export.build.write_scan import write_scan

    rng = np.random.default_rng(0)
    for count in HOSTILE_ROWS:
        random = rng.standard_normal((count, HOSTILE_DIM)) * 0.95 ** np.arange(HOSTILE_DIM)
        random /= np.linalg.norm(random, axis=1, keepdims=True)
        huge, spike = random.copy(), random.copy()
        huge[:, 5] *= 1000
        spike[17, 3] = 1e6
        for name, rows in {
            "random": random,
            "equal": np.repeat(random[:1], count, axis=0),
            "nearly-equal": random[0] + 1e-7 * rng.standard_normal(random.shape),
            "duplicates": random[rng.integers(0, 3, count)],
            "antipodal": np.concatenate([random[: count // 2], -random[: count // 2]]),
            "huge-dimension": huge,
            "huge-entry": spike,
            "not-normalised": random * rng.lognormal(0, 2, (count, 1)),
        }.items():
            target = folder / "hostile" / f"{name}-{count}"
            target.mkdir(parents=True)
            values = rows.astype(np.float32)
            write_embeddings(target / "embeddings.safetensors", [values], count, HOSTILE_DIM, "float32")
            write_scan(Embeddings(values), target)
            others = rng.standard_normal((3, HOSTILE_DIM)).astype(np.float32)
            np.save(target / "queries.npy", np.concatenate([values[:3], -values[:1], others]))


def answer(folder: Path) -> None:
    """On whichever processor this is: vectors.npy, (n, dim) float32, and found.json."""
    task = json.loads((folder / "task.json").read_text())
    artifact = Path(task["artifact"])
    manifest = Manifest.load(artifact)
    vectors = Encoder.load(artifact, manifest).encode(task["texts"])
    np.save(folder / "vectors.npy", vectors)
    differ = wrong(artifact, manifest.count, manifest.dim, vectors[: task["searches"]])
    ids = task["searches"] * K
    for corpus in sorted((folder / "hostile").iterdir()):
        queries = np.load(corpus / "queries.npy")
        count = int(corpus.name.rpartition("-")[2])
        differ += wrong(corpus, count, HOSTILE_DIM, queries)
        ids += len(queries) * K
    (folder / "found.json").write_text(json.dumps({"ids": ids, "differ": differ}))


def wrong(directory: Path, count: int, dim: int, queries: F32) -> int:
    """How many ids of a search aren't those of a full sort of this processor's own scores."""
    found = Index.load(directory, count, dim).search(queries, K).ids
    scores = Embeddings.load(directory, count, dim).all_scores(queries)
    return int((found != (-scores).argsort(axis=1, kind="stable")[:, :K]).sum())


if __name__ == "__main__":
    main()
