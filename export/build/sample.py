"""A sample of an artifact's rows, and short queries cut from them.

The same artifact always gives the same sample. A query is a few words, as people type them: a whole document with small
changes would be easier to find.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from handler.artifact import DOCUMENTS_FILE, OFFSETS_FILE, PASSAGES_FILE
from handler.passages import Passages


def sample_rows(total: int, count: int) -> NDArray[np.int64]:
    """Returns up to `count` of `total` rows, evenly spread, with the first and the last. -> (m,) int64, ascending."""
    return np.unique(np.linspace(0, total - 1, count).astype(np.int64))


def sample_texts(artifact: Path, count: int) -> list[str]:
    """Reads the texts of up to `count` rows, evenly spread over the corpus: those of `sample_rows`."""
    offsets = np.load(artifact / OFFSETS_FILE, mmap_mode="r", allow_pickle=False)
    passages = Passages.load(artifact) if (artifact / PASSAGES_FILE).exists() else None
    texts = []
    read, text = -1, ""
    with (artifact / DOCUMENTS_FILE).open("rb") as file:
        for row in sample_rows(passages.rows if passages else len(offsets) - 1, count).tolist():
            document = passages.document_of(row) if passages else row
            # A long document has many of the rows, one after another.
            if document != read:
                file.seek(int(offsets[document]))
                read, text = document, str(json.loads(file.readline())["text"])
            start, end = passages.span_of(row, text) if passages else (0, len(text))
            texts.append(text[start:end])
    return texts


def cut_queries(documents: Sequence[str], count: int, seed: int = 0) -> list[str]:
    """Cuts up to `count` queries of 2 to 6 consecutive words, one from each of evenly spread documents."""
    random = np.random.default_rng(seed)
    queries = []
    for document in documents[:: max(1, len(documents) // count)][:count]:
        words = document.split()
        length = int(random.integers(2, 7))
        start = int(random.integers(0, max(1, len(words) - length + 1)))
        queries.append(" ".join(words[start : start + length]))
    return queries
