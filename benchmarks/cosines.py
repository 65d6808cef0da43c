"""Measures how near our and the peers' int8 vectors are to sentence-transformers' fp32, for texts of 1 to 600 words.

    python -m benchmarks.cosines build/artifact [--texts 1000] [--quick] [--json FILE]

A text is a run of consecutive words of the artifact's documents. Every length is equally likely.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.artifacts import load_documents
from benchmarks.onnx_peers import load_onnx_peers
from benchmarks.options import make_parser, results_file
from benchmarks.record import save
from export.model.places import default_folder
from handler.encoder import Encoder

F32 = NDArray[np.float32]
LONGEST = 600
OURS = "seeklet"


def main() -> None:
    """Prints and keeps the mean, the least and the quantiles of the cosines."""
    parser = make_parser(__doc__)
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--texts", type=int, default=1000)
    options = parser.parse_args()
    from sentence_transformers import SentenceTransformer

    texts = join_texts(options.artifact, 20 if options.quick else options.texts)
    peer = SentenceTransformer(str(default_folder()), device="cpu")
    wanted = peer.encode(texts, normalize_embeddings=True, show_progress_bar=True)
    encoders: dict[str, Callable[[Sequence[str]], F32]] = {
        OURS: Encoder.load(options.artifact, threads=2).encode
    }
    encoders |= {name: load().encode for name, load in load_onnx_peers().items()}
    figures = {name: describe((encode(texts) * wanted).sum(axis=1)) for name, encode in encoders.items()}
    print(f"| {len(texts):,} texts | cosine mean | 1 in 100 under | least |\n|---|---|---|---|")
    for name, row in figures.items():
        print(f"| {name} | {row['mean']:.5f} | {row['1 in 100 under']:.5f} | {row['least']:.5f} |")
    save(
        results_file(options),
        "cosines",
        {"texts": len(texts), "encoders": figures},
        packages=["sentence-transformers", "torch", "transformers", "optimum-onnx", "onnx"],
    )


def describe(cosines: F32) -> dict[str, float | list[float]]:
    """Returns mean, quartiles, first percentile and least."""
    return {
        "mean": float(cosines.mean()),
        "quartiles": [round(float(value), 6) for value in np.quantile(cosines, (0.25, 0.75))],
        "1 in 100 under": float(np.quantile(cosines, 0.01)),
        "least": float(cosines.min()),
    }


def join_texts(artifact: Path, count: int) -> list[str]:
    """Returns `count` texts of 1 to 600 words; always the same ones."""
    chooser = random.Random(0)
    documents = load_documents(artifact)
    texts = []
    for _ in range(count):
        length, words = chooser.randint(1, LONGEST), list[str]()
        row = chooser.randrange(len(documents))
        while len(words) < length:
            words += documents[row % len(documents)].text.split()
            row += 1
        texts.append(" ".join(words[:length]))
    return texts


if __name__ == "__main__":
    main()
