"""Rounds a weight to int8 so that its products have small errors on usual inputs, and never saturate.

This module knows neither graphs nor models.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

DAMPING = 0.1
"""Share of the channels' mean square that is added to each channel's own, because the samples are few."""

BLOCK = 128
"""Rows that are rounded before their errors are spread over the rows after them."""


def int8_weight(
    weight: FloatArray, gram: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.int8], FloatArray]:
    """Returns a weight (k, n) float32 in int8, (k, n), and a scale per column, (n,) float32.

    AVX2 without VNNI adds u8 x s8 products in pairs, rows 2i and 2i + 1, in 16 bits. 255 * 128 still fits there, so two
    weights of one sign may reach 128 together. ONNX Runtime's reduce_range allows 64 each, which costs every column
    one of its 8 bits. This rule costs nearly no column anything.

    Args:
        weight: (k, n) float32.
        gram: x.T @ x of usual inputs x (tokens, k). With it, the rows after a row compensate its rounding
            error as far as their inputs correlate: GPTQ (Frantar et al., 2022, arXiv 2210.17323). Without it,
            every weight goes to the nearest step.
    """
    k, n = weight.shape
    scale = _scales(weight)
    left = weight / scale.astype(np.float64)
    spread = np.eye(k) if gram is None else _spread(gram)
    steps = np.zeros((k, n))
    for start in range(0, k, BLOCK):
        end = min(k, start + BLOCK)
        errors = np.zeros((end - start, n))
        for row in range(start, end):
            steps[row] = _step(left[row], steps[row - 1] if row % 2 else None)
            errors[row - start] = error = (left[row] - steps[row]) / spread[row, row]
            left[row + 1 : end] -= np.outer(spread[row, row + 1 : end], error)
        left[end:] -= spread[start:end, end:].T @ errors
    return steps.astype(np.int8), scale


def _scales(weight: FloatArray) -> FloatArray:
    """Returns the least scale (n,) at which no weight passes 127 and no pair passes 128."""
    k, n = weight.shape
    padded = np.concatenate([weight, np.zeros((k % 2, n), weight.dtype)]).astype(np.float64)
    pairs = padded.reshape(-1, 2, n)
    together = np.where(pairs.prod(axis=1) > 0, np.abs(pairs).sum(axis=1), 0)
    scale = np.maximum(np.abs(padded).max(axis=0) / 127, together.max(axis=0) / 128)
    return np.where(scale > 0, scale, 1).astype(np.float32)


def _step(row: NDArray[np.float64], before: NDArray[np.float64] | None) -> NDArray[np.float64]:
    """Returns the nearest allowed whole numbers. (n,) the row, (n,) the steps of its pair's first row -> (n,)."""
    low, high = (
        (-127.0, 127.0)
        if before is None
        else (
            np.where(before < 0, np.maximum(-128 - before, -127), -127.0),
            np.where(before > 0, np.minimum(128 - before, 127), 127.0),
        )
    )
    nearest: NDArray[np.float64] = np.clip(np.rint(row), low, high)
    return nearest


def _spread(gram: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns how each row's error is spread over the rows that follow, (k, k).

    It is the upper Cholesky factor of the inverse of the damped gram.
    """
    usual = float(np.mean(np.diag(gram))) or 1.0
    inverse = np.linalg.inv(gram + DAMPING * usual * np.eye(len(gram)))
    return np.asarray(np.linalg.cholesky((inverse + inverse.T) / 2).T, np.float64)
