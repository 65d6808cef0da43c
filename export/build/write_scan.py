"""Writes the scan: the int8 matrix that handler/bound.py multiplies with a query, and the numbers of its bound.

The corpus's size decides which of three forms it gets: no scan (every search scores every row), the
embeddings' own columns, or a head of rotated columns (the corpus's principal directions) and a tail of norms.
The handler reads the form from the files. docs/exact-search.md has the proof.
This module reads the embeddings in chunks, and does not change them.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

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
# Norms that stand for the tail in the rotated form.
GROUPS = 8

_CHUNK = 8192
_LARGEST = 127


@dataclass(frozen=True, slots=True)
class ScanPlan:
    """The form of scan that a corpus gets, by its number of rows. docs/adr/0004-scan-columns.md has the measurements.

    min_rows      with fewer rows there is no scan: to score every row is as fast
    rotated_rows  from this many rows on, the columns are rotated: the matrix has fewer columns, and is read faster
    head_energy   (rows, share): from this many rows on, the head holds this share of the energy. With a smaller
                  share, queries off the corpus's subject leave too many survivors. In a larger corpus a column
                  costs more time, so a smaller share is faster.
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
    """The columns of a scan: the row's own values, or the rotated row's head and the norms of its tail's groups."""

    head: int
    groups: int
    rotation: NDArray[np.float64] | None

    def of(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Computes the columns of rows. (m, dim) float64 -> (m, head + groups) float64."""
        if self.rotation is None:
            return values
        rotated = values @ self.rotation
        tail = rotated[:, self.head :].reshape(len(values), self.groups, -1)
        return np.concatenate([rotated[:, : self.head], np.linalg.norm(tail, axis=2)], axis=1)


def write_scan(embeddings: Embeddings, directory: Path, plan: ScanPlan = DEFAULT_PLAN) -> None:
    """Writes scan.onnx, scan.bin and scan.safetensors for the embeddings; no files if they are few.

    Embeddings that aren't finite, or are all zero, get no scan either: they have no bound. The same
    embeddings give the same bytes on the same machine.
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
    units = _column_units(embeddings, columns)
    worst = _write_matrix(embeddings, columns, units, directory / SCAN_MATRIX_FILE, padded)
    (directory / SCAN_BOUND_FILE).write_bytes(
        save(_bound_tensors(embeddings, columns, units, worst, longest))
    )
    _write_model(directory / SCAN_MODEL_FILE, columns.head + columns.groups, padded)


def _chunks(embeddings: Embeddings) -> Iterator[NDArray[np.float64]]:
    for start in range(0, embeddings.count, _CHUNK):
        yield embeddings.values(start, min(start + _CHUNK, embeddings.count))
        # Mapped pages count as this process's memory until they are released.
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
    # eigh may return each vector with either sign. The one that makes its largest entry positive is taken.
    vectors = vectors * np.sign(vectors[np.abs(vectors).argmax(0), np.arange(dim)])
    # Mixing the head evens out its columns, so that one step fits all of a query's entries.
    mixer = np.linalg.qr(np.random.default_rng(0).standard_normal((head, head)))[0]
    return Columns(head, GROUPS, np.concatenate([vectors[:, :head] @ mixer, vectors[:, head:]], axis=1))


class _Worst(NamedTuple):
    """The greatest value of any row."""

    length: float  # of a row's codes in the head
    error: float  # distance between a row's head and what its codes restore


def _column_units(embeddings: Embeddings, columns: Columns) -> NDArray[np.float64]:
    """Returns each column's unit, the value of one step: its greatest value over 127. (head + groups,) float64."""
    largest = np.max([np.abs(columns.of(values)).max(0) for values in _chunks(embeddings)], axis=0)
    # A column of zeros gets a small unit. Nothing is lost, and a query's entry in that column stays small.
    lifted = np.maximum(largest, largest.max() * 1e-6).astype(np.float32).astype(np.float64)
    units: NDArray[np.float64] = lifted * ROUND_UP / _LARGEST
    return units


def _write_matrix(
    embeddings: Embeddings, columns: Columns, units: NDArray[np.float64], path: Path, padded: int
) -> _Worst:
    """Writes the codes, (columns, padded rows) int8."""
    head, count = columns.head, columns.head + columns.groups
    with path.open("wb") as file:
        # A map over a full disk would end the process by SIGBUS; this raises OSError.
        os.posix_fallocate(file.fileno(), 0, count * padded)
    codes = np.memmap(path, np.int8, "r+", shape=(count, padded))
    start, length, error = 0, 0.0, 0.0
    for values in _chunks(embeddings):
        exact = columns.of(values)
        # The tail's norms are rounded up: they are part of an upper bound.
        steps = np.concatenate([np.rint(exact / units)[:, :head], np.ceil(exact / units)[:, head:]], axis=1)
        codes[:, start : start + len(values)] = steps.T
        start += len(values)
        restored = steps[:, :head] * units[:head]
        length = max(length, float(np.linalg.norm(steps[:, :head], axis=1).max()))
        error = max(error, float(np.linalg.norm(exact[:, :head] - restored, axis=1).max()))
    codes.flush()
    return _Worst(length, error)


def _bound_tensors(
    embeddings: Embeddings, columns: Columns, units: NDArray[np.float64], worst: _Worst, longest: float
) -> dict[str, NDArray[np.generic]]:
    """Returns the tensors of scan.safetensors; `longest` is the greatest length of a row."""
    head, groups, dim = columns.head, columns.groups, embeddings.dim
    factors = units
    # A float32 sum of dim products errs by at most gamma times the lengths.
    gamma = (dim + 8) * 2.0**-24
    relative = worst.error + gamma * longest
    if columns.rotation is not None:
        factors = columns.rotation * np.concatenate(
            [units[:head], np.repeat(units[head:], (dim - head) // groups)]
        )
        # The handler's product with the rotation errs too, and the rotation isn't quite orthogonal.
        defect = float(np.linalg.norm(np.eye(dim) - columns.rotation @ columns.rotation.T))
        relative = relative * (1 + defect) + (defect + 2 * gamma * math.sqrt(dim)) * longest
    return {
        "sizes": np.array([embeddings.count, dim, head, groups], np.int64),
        "factors": (factors / units.max()).astype(np.float32),
        # The factors' own unit, the greatest length of a row's codes, the greatest error for a query of length 1.
        "limits": np.array([units.max(), worst.length * ROUND_UP, relative * ROUND_UP]),
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
