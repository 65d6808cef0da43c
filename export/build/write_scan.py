"""Writes the int8 matrix that handler/bound.py searches, and the numbers that bound its error.

Three forms, chosen by the corpus's size: none (every row is scored each time), the embeddings'
own columns, or the leading columns of a rotation by the corpus's principal components and the
norms of the rest. The handler reads the form from the files. docs/exact-search.md has the proof.
Reads the embeddings in chunks, and does not change them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper
from safetensors.numpy import save

from handler.artifact import SCAN_BOUND_FILE, SCAN_FILES, SCAN_MATRIX_FILE, SCAN_MODEL_FILE
from handler.bound import (
    LONGEST,
    PADDING,
    ROUND_UP,
    SHORTEST,
    ZERO_POINT,
)
from handler.scores import Embeddings

# Raise it with every change that gives other bytes for the same embeddings.
SCAN_VERSION = 1
GROUPS = 8

_CHUNK = 8192
_LARGEST = 127


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """Which form of scan a corpus gets, by its number of rows. docs/adr/0004-scan-columns.md has the measurements.

    min_rows      below this many rows there is no scan: a pass over everything is as fast
    rotated_rows  from this many rows on the columns are rotated: fewer are read, and the matrix is smaller
    head_energy   (rows, share): from so many rows on, the head holds this share of the energy. With less, queries
                  off the corpus's subject leave too many survivors; the larger a corpus, the more survivors cost
                  less than a column.
    """

    min_rows: float = 2_000
    rotated_rows: float = 16_384
    head_energy: tuple[tuple[int, float], ...] = (
        (0, 0.985),
        (32_768, 0.97),
        (200_000, 0.95),
        (500_000, 0.93),
    )


DEFAULT_PLAN = ScanPlan()


@dataclass(frozen=True, slots=True)
class Columns:
    """How a row becomes columns: rotated if there is a rotation, the tail as norms of groups."""

    head: int
    groups: int
    rotation: NDArray[np.float64] | None

    def of(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(m, dim) float64 -> (m, head + groups) float64."""
        if self.rotation is None:
            return values
        rotated = values @ self.rotation
        tail = rotated[:, self.head :].reshape(len(values), self.groups, -1)
        return np.concatenate([rotated[:, : self.head], np.linalg.norm(tail, axis=2)], axis=1)


def write_scan(embeddings: Embeddings, directory: Path, plan: ScanPlan = DEFAULT_PLAN) -> None:
    """Writes scan.onnx, scan.bin and scan.safetensors for the embeddings; nothing if they are few.

    Embeddings that aren't finite, or are all zero, get no scan either: there is nothing to bound. The
    same embeddings give the same bytes on the same machine.
    """
    for name in SCAN_FILES:
        (directory / name).unlink(missing_ok=True)
    longest = max(
        (float(np.linalg.norm(values, axis=1).max()) for values in _chunks(embeddings)), default=0.0
    )
    if embeddings.count < plan.min_rows or not SHORTEST < longest < LONGEST:
        return
    columns = _choose(embeddings, plan)
    padded = math.ceil(embeddings.count / PADDING) * PADDING
    bounds = _write_codes(embeddings, columns, longest, directory / SCAN_MATRIX_FILE, padded)
    (directory / SCAN_BOUND_FILE).write_bytes(save(bounds))
    _write_model(directory / SCAN_MODEL_FILE, columns.head + columns.groups, padded)


def _chunks(embeddings: Embeddings) -> Iterator[NDArray[np.float64]]:
    for start in range(0, embeddings.count, _CHUNK):
        yield embeddings.values(start, min(start + _CHUNK, embeddings.count))
        # Mapped pages count as this process's memory until they're given back.
        embeddings.let_go()


def _choose(embeddings: Embeddings, plan: ScanPlan) -> Columns:
    dim = embeddings.dim
    plain = Columns(dim, 0, None)
    if embeddings.count < plan.rotated_rows:
        return plain
    moment = sum((values.T @ values for values in _chunks(embeddings)), np.zeros((dim, dim)))
    energy, vectors = np.linalg.eigh(moment)
    energy, vectors = energy[::-1].cumsum() / energy.sum(), vectors[:, ::-1]
    wanted = max((rows, share) for rows, share in plan.head_energy if rows <= embeddings.count)[1]
    head = dim - (dim - int(np.searchsorted(energy, wanted)) - 1) // GROUPS * GROUPS
    if head + GROUPS > 0.8 * dim:
        return plain
    # eigh leaves each vector's sign open; its largest entry decides.
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(0), np.arange(dim)])
    # Mixing the head evens out its columns, so that one step fits all of a query's entries.
    mixer = np.linalg.qr(np.random.default_rng(0).standard_normal((head, head)))[0]
    return Columns(head, GROUPS, np.concatenate([vectors[:, :head] @ mixer, vectors[:, head:]], axis=1))


def _write_codes(
    embeddings: Embeddings, columns: Columns, longest: float, path: Path, padded: int
) -> dict[str, NDArray[np.generic]]:
    """Writes the (columns, padded rows) int8 codes; returns the tensors of the bound."""
    head, groups, dim = columns.head, columns.groups, embeddings.dim
    largest = np.max([np.abs(columns.of(values)).max(0) for values in _chunks(embeddings)], axis=0)
    # A column of zeros gets a small unit: nothing is lost by it, and a query's entry there stays small.
    scale = (
        np.maximum(largest, largest.max() * 1e-6).astype(np.float32).astype(np.float64) * ROUND_UP / _LARGEST
    )
    with path.open("wb") as file:
        # A map over a full disk would end the process by SIGBUS; this raises OSError.
        os.posix_fallocate(file.fileno(), 0, (head + groups) * padded)
    codes = np.memmap(path, np.int8, "r+", shape=(head + groups, padded))
    start, longest_codes, residual = 0, 0.0, 0.0
    for values in _chunks(embeddings):
        exact = columns.of(values)
        # The tail's norms are rounded up: they are part of an upper bound.
        steps = np.concatenate([np.rint(exact / scale)[:, :head], np.ceil(exact / scale)[:, head:]], axis=1)
        codes[:, start : start + len(values)] = steps.T
        start += len(values)
        restored = steps[:, :head] * scale[:head]
        longest_codes = max(longest_codes, float(np.linalg.norm(steps[:, :head], axis=1).max()))
        residual = max(residual, float(np.linalg.norm(exact[:, :head] - restored, axis=1).max()))
    codes.flush()
    factors = scale
    # A float32 sum of dim products errs by at most gamma times the lengths.
    gamma = (dim + 8) * 2.0**-24
    relative = residual + gamma * longest
    if columns.rotation is not None:
        factors = columns.rotation * np.concatenate(
            [scale[:head], np.repeat(scale[head:], (dim - head) // groups)]
        )
        # The handler's product with the rotation errs too, and the rotation isn't quite orthogonal.
        defect = float(np.linalg.norm(np.eye(dim) - columns.rotation @ columns.rotation.T))
        relative = relative * (1 + defect) + (defect + 2 * gamma * math.sqrt(dim)) * longest
    return {
        "sizes": np.array([embeddings.count, dim, head, groups], np.int64),
        "factors": (factors / scale.max()).astype(np.float32),
        # The factors' own unit, the greatest length of a row's codes, how far from them the row may be.
        "limits": np.array([scale.max(), longest_codes * ROUND_UP, relative * ROUND_UP]),
    }


def _write_model(path: Path, columns: int, padded: int) -> None:
    """Writes scan.onnx: codes (q, columns) uint8 x matrix (columns, padded) int8 -> sums int32."""
    matrix = TensorProto(
        name="matrix", data_type=TensorProto.INT8, dims=[columns, padded], data_location=TensorProto.EXTERNAL
    )
    for key, value in (("location", SCAN_MATRIX_FILE), ("offset", "0"), ("length", str(columns * padded))):
        matrix.external_data.add(key=key, value=value)
    graph = helper.make_graph(
        [helper.make_node("MatMulInteger", ["codes", "matrix", "zero_point"], ["sums"])],
        "scan",
        [helper.make_tensor_value_info("codes", TensorProto.UINT8, ["queries", columns])],
        [helper.make_tensor_value_info("sums", TensorProto.INT32, ["queries", padded])],
        [matrix, helper.make_tensor("zero_point", TensorProto.UINT8, [], [ZERO_POINT])],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9, producer_name="seeklet"
    )
    path.write_bytes(model.SerializeToString(deterministic=True))
