"""A sample of an artifact's documents, and queries as people type them, cut from texts.

Always the same for the same artifact. A perturbed document would be an easier query than a few of its words.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handler.artifact import DOCUMENTS_FILE, OFFSETS_FILE


def sample_rows(total: int, count: int) -> NDArray[np.int64]:
    """Up to `count` of `total` rows, evenly spread, the first and the last among them. -> (m,) int64, ascending."""
    return np.unique(np.linspace(0, total - 1, count).astype(np.int64))


def sample_documents(artifact: Path, count: int) -> list[str]:
    """The texts of up to `count` documents, evenly spread over the corpus: those of `sample_rows`."""
    offsets = np.load(artifact / OFFSETS_FILE, mmap_mode="r", allow_pickle=False)
    texts = []
    with (artifact / DOCUMENTS_FILE).open("rb") as file:
        for row in sample_rows(len(offsets) - 1, count):
            file.seek(int(offsets[row]))
            texts.append(str(json.loads(file.readline())["text"]))
    return texts


def cut_queries(documents: Sequence[str], count: int, seed: int = 0) -> list[str]:
    """Up to `count` runs of 2 to 6 words from the documents, one from each that is chosen, evenly spread."""
    random = np.random.default_rng(seed)
    queries = []
    for document in documents[:: max(1, len(documents) // count)][:count]:
        words = document.split()
        length = int(random.integers(2, 7))
        start = int(random.integers(0, max(1, len(words) - length + 1)))
        queries.append(" ".join(words[start : start + length]))
    return queries
