"""How near our vectors are to sentence-transformers' in fp32, over texts of 1 to 600 words.

    python benchmarks/cosines.py build/artifact [--texts 1000] [--json FILE]

The texts are runs of consecutive words over the artifact's documents, every length as likely.
"""

from __future__ import annotations

import argparse
import random
from pathlib import Path

import numpy as np
from record import default_file, save

from export.model.source_model import default_folder
from handler.artifact import Manifest
from handler.documents import Documents
from handler.encoder import Encoder

LONGEST = 600


def main() -> None:
    """Prints the mean and the least cosine."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--texts", type=int, default=1000)
    parser.add_argument("--json", type=Path, metavar="FILE", default=default_file())
    options = parser.parse_args()
    from sentence_transformers import SentenceTransformer

    texts = draw_texts(options.artifact, options.texts)
    ours = Encoder.load(options.artifact, threads=2).encode(texts)
    peer = SentenceTransformer(str(default_folder()), device="cpu")
    cosines = (ours * peer.encode(texts, normalize_embeddings=True, show_progress_bar=True)).sum(axis=1)
    least = int(cosines.argmin())
    print(
        f"{len(texts):,} texts: cosine mean {cosines.mean():.5f}, 1 in 100 under {np.quantile(cosines, 0.01):.5f}, "
        f"least {cosines[least]:.5f} ({len(texts[least].split())} words)"
    )
    save(
        options.json,
        "cosines",
        {"texts": len(texts), "mean": float(cosines.mean()), "least": float(cosines.min())},
    )


def draw_texts(artifact: Path, count: int) -> list[str]:
    """`count` texts of 1 to 600 words; always the same ones."""
    chooser = random.Random(0)
    manifest = Manifest.load(artifact)
    documents = Documents.load(artifact, manifest.count)
    texts = []
    for _ in range(count):
        length, words = chooser.randint(1, LONGEST), list[str]()
        row = chooser.randrange(manifest.count)
        while len(words) < length:
            words += documents[row % manifest.count].text.split()
            row += 1
        texts.append(" ".join(words[:length]))
    return texts


if __name__ == "__main__":
    main()
