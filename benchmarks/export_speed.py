"""Documents embedded per second: us and sentence-transformers' own `encode`, on the same texts and all cores.

    python benchmarks/export_speed.py build/artifact [--documents 1024] [--json FILE]

The texts are drawn at random from an artifact's documents. The peer has each of several batch sizes and the best one
counts; it sorts by length itself. They take turns; the figure is the median of the rounds.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from record import default_file, save

from export.model.source_model import default_folder
from handler.artifact import Manifest
from handler.documents import Documents
from handler.encoder import Encoder

# As export/embed.py asks for them.
CHUNK = 256
BATCH_SIZES = (8, 16, 32, 64)
OURS, PEER = "seeklet", "sentence-transformers, batches of "


def main() -> None:
    """Measures, prints, writes."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("artifact", type=Path, nargs="+", help="whose documents are embedded")
    parser.add_argument("--documents", type=int, default=1024, help="so many at random (default: 1024)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE", default=default_file())
    options = parser.parse_args()
    figures = {}
    for artifact in options.artifact:
        rates = measure(artifact, options.documents, options.rounds)
        best = max(rate for name, rate in rates.items() if name != OURS)
        print(f"\n| {artifact.name}, {options.documents:,} documents | a second | seeklet's, times theirs |")
        print("|---|---|---|")
        for name, rate in rates.items():
            print(f"| {name} | {rate:,.0f} | {rates[OURS] / rate:.2f} |")
        figures[artifact.name] = {"documents a second": rates, "times the best": rates[OURS] / best}
    save(options.json, "export", figures)


def measure(artifact: Path, count: int, rounds: int) -> dict[str, float]:
    """Documents a second by contender: the median over rounds."""
    from sentence_transformers import SentenceTransformer

    manifest = Manifest.load(artifact)
    documents = Documents.load(artifact, manifest.count)
    rows = random.Random(0).sample(range(manifest.count), min(count, manifest.count))
    texts = [documents[row].text for row in rows]
    encoder = Encoder.load(artifact, manifest, threads=len(os.sched_getaffinity(0)))
    peer = SentenceTransformer(str(default_folder()), device="cpu")

    def ours() -> None:
        for start in range(0, len(texts), CHUNK):
            encoder.encode(texts[start : start + CHUNK])

    def theirs(batch: int) -> Callable[[], object]:
        return lambda: peer.encode(
            texts, batch_size=batch, normalize_embeddings=True, show_progress_bar=False
        )

    calls: dict[str, Callable[[], object]] = {OURS: ours}
    calls |= {f"{PEER}{batch}": theirs(batch) for batch in BATCH_SIZES}
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            taken[name].append(len(texts) / (time.perf_counter() - started))
    return {name: round(statistics.median(rates), 1) for name, rates in taken.items()}


if __name__ == "__main__":
    main()
