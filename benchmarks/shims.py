"""Until export/build/sample.py is on main."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def cut_queries(documents: Sequence[str], count: int, seed: int = 0) -> list[str]:
    """Returns runs of 2 to 6 consecutive words, from documents drawn at random; always the same ones."""
    random = np.random.default_rng(seed)
    queries = []
    for _ in range(count):
        words = documents[int(random.integers(0, len(documents)))].split()
        length = int(random.integers(2, 7))
        start = int(random.integers(0, max(1, len(words) - length + 1)))
        queries.append(" ".join(words[start : start + length]))
    return queries
