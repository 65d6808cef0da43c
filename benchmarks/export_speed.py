"""Measures documents embedded per second, by seeklet and by sentence-transformers' own `encode`, on all cores.

    python -m benchmarks.export_speed build/artifact [--documents 512] [--quick] [--json FILE]

Both embed the same texts, drawn at random from an artifact's documents. The peer runs with several batch sizes, of
which the best counts; it sorts by length itself. The two take turns. The figure is the median of the rounds.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.artifacts import draw_texts
from benchmarks.options import make_parser, results_file
from benchmarks.record import save, spread
from export.model.places import default_folder
from handler.encoder import Encoder

# As in export/build/embed.py.
CHUNK = 256
BATCH_SIZES = (8, 16, 32)
OURS, PEER = "seeklet", "sentence-transformers, batches of "


def main() -> None:
    """Measures, prints and keeps the figures."""
    parser = make_parser(__doc__)
    parser.add_argument("artifact", type=Path, nargs="+", help="the artifacts whose documents are embedded")
    parser.add_argument("--documents", type=int, default=512, help="how many, drawn at random (default: 512)")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    rounds, count = (1, 32) if options.quick else (options.rounds, options.documents)
    for artifact in options.artifact:
        rates = measure(artifact, draw_texts(artifact, count), rounds)
        name = artifact.resolve().name
        print(f"\n| {name}, {count:,} documents | a second | seeklet's, times theirs |\n|---|---|---|")
        for contender, rate in rates.items():
            print(f"| {contender} | {rate['median']:,.0f} | {rates[OURS]['median'] / rate['median']:.2f} |")
        save(
            results_file(options),
            f"export: {name}",
            {"documents": count, "documents a second": rates},
            packages=["sentence-transformers", "torch", "transformers"],
        )


def measure(artifact: Path, texts: Sequence[str], rounds: int) -> dict[str, dict[str, Any]]:
    """Returns documents a second by contender, with a sample for each round."""
    from sentence_transformers import SentenceTransformer

    encoder = Encoder.load(artifact, threads=len(os.sched_getaffinity(0)))
    peer = SentenceTransformer(str(default_folder()), device="cpu")

    def ours() -> None:
        for start in range(0, len(texts), CHUNK):
            encoder.encode(texts[start : start + CHUNK])

    def theirs(batch: int) -> Callable[[], object]:
        return lambda: peer.encode(
            list(texts), batch_size=batch, normalize_embeddings=True, show_progress_bar=False
        )

    calls: dict[str, Callable[[], object]] = {OURS: ours}
    calls |= {f"{PEER}{batch}": theirs(batch) for batch in BATCH_SIZES}
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            started = time.perf_counter()
            call()
            taken[name].append(len(texts) / (time.perf_counter() - started))
    return {name: spread(rates) for name, rates in taken.items()}


if __name__ == "__main__":
    main()
