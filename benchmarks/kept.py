"""Keeps the peers' vectors under build/: they take most of a run's time, and don't depend on our code."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from importlib.metadata import version

import numpy as np
from numpy.typing import NDArray

from benchmarks.record import ROOT

F32 = NDArray[np.float32]
KEPT = ROOT / "build" / "bench" / "vectors"


def keep_vectors(
    recipe: Sequence[str],
    packages: Sequence[str],
    texts: Sequence[str],
    encode: Callable[[Sequence[str]], F32],
) -> F32:
    """Returns encode(texts), (n, dim) float32, or the same vectors kept by an earlier run.

    Args:
        recipe: the other things that decide the vectors, such as the weights' digest and the pooling.
        packages: distributions whose versions decide the vectors.
        texts: the texts to encode.
        encode: the peer's own function, called where no run has kept the vectors.
    """
    parts = [*recipe, *(f"{name} {version(name)}" for name in packages), *texts]
    path = KEPT / f"{hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]}.npy"
    if path.exists():
        kept: F32 = np.load(path)
        return kept
    vectors = encode(texts)
    KEPT.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial.npy")
    np.save(partial, vectors)
    partial.rename(path)
    return vectors
