"""Corpora of vectors, easy and hostile, and their index's files in each of the three forms."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file

from export.build.write_scan import ScanPlan, write_scan
from handler.artifact import SCAN_FILES
from handler.bound import Scan
from handler.index import Index
from handler.scores import Embeddings, Rows

F32 = NDArray[np.float32]


PLANS = {
    "none": ScanPlan(min_rows=math.inf),
    "own columns": ScanPlan(min_rows=1, rotated_rows=math.inf),
    "rotated": ScanPlan(min_rows=1, rotated_rows=1),
}
FORMS = list(PLANS)


def write(
    directory: Path,
    rows: Rows,
    form: str = "none",
    scales: F32 | None = None,
    plan: ScanPlan | None = None,
) -> Embeddings:
    """Writes an index's files in one form, whatever the corpus's size."""
    tensors: dict[str, NDArray[np.generic]] = {"embeddings": rows}
    if scales is not None:
        tensors["scales"] = scales
    save_file(tensors, directory / "embeddings.safetensors")
    embeddings = Embeddings.load(directory, *rows.shape)
    write_scan(embeddings, directory, plan or PLANS[form])
    return embeddings


def load_index(directory: Path, count: int, dim: int, threads: int = 1, **more: Any) -> Index:
    """The index of a folder that has no manifest."""
    embeddings = Embeddings.load(directory, count, dim)
    has_scan = any((directory / name).exists() for name in SCAN_FILES)
    scan = Scan.load(directory, count, dim, threads) if has_scan else None
    return Index(embeddings, scan, threads, **more)


class CountedEmbeddings(Embeddings):
    """Embeddings that count how many rows are scored: those picked out by each call, and passes over all."""

    def __init__(self, rows: Rows) -> None:
        super().__init__(rows)
        self.picked: list[int] = []
        self.passes = 0

    def scores(self, ids: NDArray[np.int64], query: F32) -> F32:
        self.picked.append(len(ids))
        return super().scores(ids, query)

    def all_scores(self, queries: F32, pool: ThreadPoolExecutor | None = None) -> F32:
        self.passes += 1
        return super().all_scores(queries, pool)


def unit(rows: NDArray[np.float64]) -> F32:
    lengths: NDArray[np.float64] = np.linalg.norm(rows, axis=1, keepdims=True)
    return (rows / lengths).astype(np.float32)


def clustered(n: int = 3000, dim: int = 64, seed: int = 0) -> F32:
    """Unit vectors in clusters whose variance falls from column to column, as an encoder's does."""
    rng = np.random.default_rng(seed)
    spread = 0.93 ** np.arange(dim)
    turn = np.linalg.qr(rng.standard_normal((dim, dim)))[0]
    centres = rng.standard_normal((40, dim))
    return unit(((centres[rng.integers(0, 40, n)] + 0.7 * rng.standard_normal((n, dim))) * spread) @ turn)


def corpora() -> dict[str, F32]:
    rng = np.random.default_rng(1)
    real = clustered()
    outlier = real.copy()
    outlier[:, 5] = 1000 * np.abs(outlier[:, 5])
    spike = real.copy()
    spike[17, 3] = 1e6
    dead = real.copy()
    dead[:, 40:] = 0
    zeros = real.copy()
    zeros[::3] = 0
    half = real[:1500]
    return {
        "clustered": real,
        "random": unit(rng.standard_normal((3000, 64))),
        "odd sizes": clustered(2077, 37),
        "not normalised": real * rng.lognormal(0, 2, (3000, 1)).astype(np.float32),
        "all rows equal": np.repeat(real[:1], 3000, axis=0),
        "nearly equal": (real[0] + 1e-7 * rng.standard_normal((3000, 64))).astype(np.float32),
        "duplicates": real[rng.integers(0, 3, 3000)],
        "antipodal pairs": np.concatenate([half, -half]),
        "one huge dimension": outlier,
        "one huge entry": spike,
        "dead dimensions": dead,
        "zero vectors among others": zeros,
        "all zero": np.zeros((300, 16), np.float32),
        "tiny": real * np.float32(1e-12),
        "tinier": real * np.float32(1e-25),
        "huge": real * np.float32(1e12),
        "whole numbers": rng.integers(-3, 4, (3000, 5)).astype(np.float32),
        "one dimension": rng.standard_normal((500, 1)).astype(np.float32),
        "one row": real[:1],
        "two rows": real[:2],
    }
