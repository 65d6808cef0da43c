"""Makes corpora that are hard for the scan's bound, of random numbers; always the same ones.

In some, such as equal rows, all bounds are alike, so every row is scored. Others would show a bound that is wrong.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
# Later dimensions have less energy, as in real embeddings.
DECAY = 0.95


def make_hostile(count: int, dim: int) -> Iterator[tuple[str, F32]]:
    """Yields each corpus by its name: (count, dim) float32, of any length."""
    rng = np.random.default_rng(0)
    random = rng.standard_normal((count, dim)) * np.maximum(DECAY ** np.arange(dim), 0.01)
    random /= np.linalg.norm(random, axis=1, keepdims=True)
    huge, spike = random.copy(), random.copy()
    huge[:, 5] *= 1000
    spike[17, 3] = 1e6
    corpora = {
        "random": random,
        "equal": np.repeat(random[:1], count, axis=0),
        "nearly-equal": random[0] + 1e-7 * rng.standard_normal(random.shape),
        "duplicates": random[rng.integers(0, 3, count)],
        "antipodal": np.concatenate([random[: count // 2], -random[: count // 2]]),
        "huge-dimension": huge,
        "huge-entry": spike,
        "not-normalised": random * rng.lognormal(0, 2, (count, 1)),
    }
    for name, rows in corpora.items():
        yield name, rows.astype(np.float32)


def hostile_queries(rows: F32, others: int = 3) -> F32:
    """Returns queries for such a corpus: three of its rows, one row times -1, and random ones. -> (4 + others, dim)."""
    random = np.random.default_rng(1).standard_normal((others, rows.shape[1])).astype(np.float32)
    return np.concatenate([rows[:3], -rows[:1], random])
