"""How many documents fit: into a function's 250 MB, into an image's 10 GB, and into its memory, by text length and dtype.

    python -m benchmarks.capacity ARTIFACT [--runtime-mb 88]

It measures nothing but sizes: those of the artifact's files, by document and by byte of text. MB are 2**20 bytes. What grows with
the texts (documents.jsonl, the keywords) is scaled by their mean length, the rest is the same for each document. In memory it
counts all files but the texts, which are read a few lines at a time, and 130 MB for the rest of the process.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from handler.artifact import (
    DOCUMENTS_FILE,
    EMBEDDINGS_FILE,
    ENCODER_FILES,
    KEYWORDS_FILE,
    Artifact,
)

MB = 2**20
PACKAGE, IMAGE, MEMORY = 250 * MB, 10_240 * MB, 10_240 * MB
PROCESS = 130 * MB
# Bytes of a number; an int8 row has its scale besides.
BYTES = {"float32": (4, 0), "float16": (2, 0), "int8": (1, 4)}
# Bytes of text: a headline, a title with a sentence, an abstract.
LENGTHS = (50, 200, 1000)
# Of tokens that aren't kept in a function.
LEFT_OUT = ("documents.tokens.npy", "map.safetensors")


class Sizes(NamedTuple):
    """What an artifact's files have: `model` once, `fixed` for each document, `texts` and `keywords` for a byte of text."""

    dim: int
    model: float
    fixed: float
    line: float
    keywords: float

    def document(self, dtype: str, length: int, *, texts: bool = True) -> float:
        """Returns the bytes of a document whose text has so many."""
        size, more = BYTES[dtype]
        own = self.fixed + self.dim * size + more + self.keywords * length
        return own + (self.line + length if texts else 0)


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("artifact", type=Path, metavar="ARTIFACT")
    parser.add_argument(
        "--runtime-mb", type=float, default=88, metavar="MB", help="of the layer, as `make build` prints it"
    )
    options = parser.parse_args()
    print(as_table(read_sizes(options.artifact), options.runtime_mb * MB))


def read_sizes(folder: Path) -> Sizes:
    """Reads the sizes of an artifact's files."""
    manifest = Artifact.open(folder).manifest
    files: Mapping[str, int] = {name: entry.bytes for name, entry in manifest.files.items()}
    lines = (folder / DOCUMENTS_FILE).read_bytes().splitlines()
    texts = sum(len(json.loads(line)["text"].encode()) for line in lines)
    model = sum(files.get(name, 0) for name in ENCODER_FILES)
    others = {DOCUMENTS_FILE, EMBEDDINGS_FILE, KEYWORDS_FILE, *ENCODER_FILES, *LEFT_OUT}
    fixed = sum(size for name, size in files.items() if name not in others)
    return Sizes(
        manifest.dim,
        model,
        fixed / len(lines),
        (files[DOCUMENTS_FILE] - texts) / len(lines),
        files.get(KEYWORDS_FILE, 0) / texts,
    )


def as_table(sizes: Sizes, runtime: float) -> str:
    """Returns Markdown: a line for each dtype and length."""
    lines = [
        "| embeddings | text | in 250 MB | in an image | in 10 GB of memory | MB of memory for 100,000 |",
        "|---" * 6 + "|",
    ]
    for dtype in BYTES:
        for length in LENGTHS:
            whole, held = sizes.document(dtype, length), sizes.document(dtype, length, texts=False)
            counts = [
                (PACKAGE - runtime - sizes.model) / whole,
                (IMAGE - runtime - sizes.model) / whole,
                (MEMORY - PROCESS) / held,
            ]
            cells = " | ".join(f"{rounded(count):,}" for count in counts)
            lines.append(f"| `{dtype}` | {length:,} bytes | {cells} | {(PROCESS + 1e5 * held) / MB:,.0f} |")
    return "\n".join(lines)


def rounded(count: float) -> int:
    """Returns it with two digits that count, rounded down."""
    unit: int = 10 ** max(0, len(str(int(count))) - 2)
    return int(count) // unit * unit


if __name__ == "__main__":
    main()
