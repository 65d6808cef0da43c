"""A conversion in the cache: its files, and a record that shows whether they have changed since they were written.

The record, conversion.json, holds the SHA-256 of each file, and whether the graph is fused. It protects against damage,
but not against a person who can write to the cache.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from handler.artifact import DENSE_FILE, MODEL_FILE, TOKENIZER_FILE, WEIGHTS_FILE

FP32_FILE = "fp32.onnx"
RECORD_FILE = "conversion.json"
FILES = (MODEL_FILE, WEIGHTS_FILE, TOKENIZER_FILE, FP32_FILE)
# Of a model with Dense layers.
OPTIONAL_FILES = (DENSE_FILE,)
GRAPHS = ("fused", "unfused")


@dataclass(frozen=True, slots=True)
class Conversion:
    """A converted model."""

    folder: Path
    graph: str  # "fused", or "unfused" where attention runs node by node, which is slower

    @classmethod
    def load(cls, folder: Path) -> Conversion | None:
        """Reads the record in `folder` and hashes the files; returns None where one is missing or differs."""
        try:
            record = json.loads((folder / RECORD_FILE).read_bytes())
            if record["graph"] in GRAPHS and record["files"] == _hash_files(folder):
                return cls(folder, record["graph"])
        except (OSError, ValueError, TypeError, KeyError, RecursionError):
            pass
        return None

    def save(self) -> None:
        """Hashes the files in the folder and writes the record."""
        record = {"graph": self.graph, "files": _hash_files(self.folder)}
        (self.folder / RECORD_FILE).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")

    @property
    def model(self) -> Path:
        """The int8 graph."""
        return self.folder / MODEL_FILE

    @property
    def weights(self) -> Path:
        """The int8 graph's weights, which it loads from its own folder."""
        return self.folder / WEIGHTS_FILE

    @property
    def tokenizer(self) -> Path:
        """The tokenizer; it neither truncates nor pads."""
        return self.folder / TOKENIZER_FILE

    @property
    def fp32(self) -> Path:
        """The graph that the int8 one was made from."""
        return self.folder / FP32_FILE

    @property
    def dense(self) -> Path:
        """The weights of the Dense layers, where the model has any."""
        return self.folder / DENSE_FILE


def _hash_files(folder: Path) -> dict[str, str]:
    hashes = {}
    for name in (*FILES, *(name for name in OPTIONAL_FILES if (folder / name).exists())):
        with (folder / name).open("rb") as file:
            hashes[name] = hashlib.file_digest(file, "sha256").hexdigest()
    return hashes
