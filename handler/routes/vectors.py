"""Vectors in answers: cut to a width, and written as JSON.

A vector becomes text at once. As a list of numbers for the JSON encoder it took twice the time, and the numbers of all vectors
of an answer, several MB, were in memory together.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from handler.pooling import l2_normalize

# The longest float32 as text, -1.1754944e-38, has 14 characters.
_TEXT = "U16"


def cut(vectors: NDArray[np.float32], dimensions: int | None) -> NDArray[np.float32]:
    """Keeps the first dimensions of each vector, and makes them of length 1 again. (n, dim) -> (n, dimensions)."""
    if dimensions is None or dimensions == vectors.shape[1]:
        return vectors
    kept: NDArray[np.float32] = np.stack([l2_normalize(vector[:dimensions]) for vector in vectors])
    return kept


def write_vector(vector: NDArray[np.float32]) -> bytes:
    """Writes a vector as a JSON list of numbers in their shortest form. (dim,) -> [0.1,-0.25,...].

    Raises ValueError for NaN and infinity, which JSON can't hold.
    """
    if not np.isfinite(vector).all():
        raise ValueError("the vector has a number that isn't finite")
    numbers: list[str] = vector.astype(_TEXT).tolist()
    return f"[{','.join(numbers)}]".encode()


def with_vector(written: bytes, name: str, vector: bytes) -> bytes:
    """Adds a written vector to a written JSON object, which has other members, as its last one."""
    return b'%b,"%b":%b}' % (written[:-1], name.encode(), vector)
