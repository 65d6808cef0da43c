"""An int8 pass over the whole corpus that gives every row an upper bound on its score.

One MatMulInteger in ONNX Runtime: the query as uint8 codes, the corpus as a constant int8 matrix.
docs/exact-search.md states the bound and proves it; export/scan.py writes the files.
Does not score exactly and does not choose rows: see index.py.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import NamedTuple

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from handler.errors import ArtifactError
from handler.scores import read_safetensors

MODEL_FILE = "scan.onnx"
MATRIX_FILE = "scan.bin"
BOUNDS_FILE = "scan.safetensors"
# The matrix is padded to a multiple of this many rows, so that any power of two up to it divides it.
PADDING = 128
# Query codes lie in -63..63 around a zero point of 64: AVX2 without VNNI adds pairs of products in
# 16 bits, where 2 * 127 * 127 still fits and 2 * 255 * 127 saturates.
LEVELS = 63
ZERO_POINT = 64
# A query's greatest entry in steps: whatever way it is rounded, up included, it stays within LEVELS.
_LARGEST_ENTRY = LEVELS - 2**-12
# Below this float32 divides by zero; a query of length SHORTEST stays far above it.
_SMALLEST_ENTRY = 1e-30
# Lengths within which float32 sums don't overflow, and underflow costs less than rounding does.
SHORTEST, LONGEST = 1e-9, 1e9
# Norms that must not come out too small are multiplied by this: far above float32's rounding of them.
ROUND_UP = 1 + 2**-13
# The padding's sums: below any row's.
_NO_ROW = np.iinfo(np.int32).min
_REMEDY = "run `python -m export` again"


class Bound(NamedTuple):
    """What a coded query's sums mean: a row's score is at most unit * its sum + slack."""

    unit: float
    slack: float


class Scan:
    """The int8 matrix in its session, and the few numbers that the bound needs."""

    def __init__(self, directory: Path, count: int, dim: int, threads: int = 1) -> None:
        """Open the scan's files; raise ArtifactError unless they are whole and fit count and dim."""
        path = directory / BOUNDS_FILE
        tensors = read_safetensors(path)
        try:
            rows, dimensions, self._head, self._groups = tensors["sizes"].tolist()
            self._unit, self._longest_codes, self._residual = tensors["limits"].tolist()
            # From a query to its columns: one factor each, or a (dim, dim) matrix whose first columns
            # are the head and whose others are equal groups of the tail. Both are in units of the codes.
            self._factors = np.array(tensors["factors"])
        except (KeyError, ValueError) as error:
            raise ArtifactError(f"{path} isn't a scan's ({error}): {_REMEDY}") from error
        if (rows, dimensions) != (count, dim):
            raise ArtifactError(
                f"{path} was made for {rows} rows of {dimensions}, not {count} of {dim}: {_REMEDY}"
            )
        self.columns = self._head + self._groups
        # The tail's norms mustn't come out too small.
        self._factors[..., self._head :] *= np.float32(ROUND_UP)
        # Rows to try for each one wanted. A tail's norms put rows with a long tail first, whatever they
        # score: with one try each, 1 query in 100 gets a threshold that half of the corpus reaches.
        self.tries = 4 if self._groups else 1
        self._count, self._padded = count, math.ceil(count / PADDING) * PADDING
        self._session = _session(directory, self.columns * self._padded, threads)
        # The entries' own rounding: up to LEVELS each, an error of a few 2**-24 in each.
        self._rounding = LEVELS * 2.0**-21 * math.sqrt(self._head)
        # Touches every page of the packed matrix: the first query is as fast as the second.
        self.sums(np.full((1, self.columns), ZERO_POINT, np.uint8))

    @staticmethod
    def exists(directory: Path) -> bool:
        """Say whether an artifact has a scan: small corpora have none."""
        return any((directory / name).exists() for name in (MODEL_FILE, MATRIX_FILE, BOUNDS_FILE))

    def encode(self, query: NDArray[np.float32], codes: NDArray[np.uint8]) -> Bound | None:
        """Code a query into codes. (dim,) float32, (columns,) uint8 to be filled.

        None where no bound holds: a query that is all zero, not finite, or of absurd length.
        """
        length = math.sqrt(query.dot(query))
        if not SHORTEST < length < LONGEST:
            return None
        head, columns = self._head, self.columns
        if self._groups:
            exact = query.dot(self._factors)
            groups = exact[head:].reshape(self._groups, -1)
            np.sqrt(np.vecdot(groups, groups), out=exact[head:columns])
            exact = exact[:columns]
        else:
            exact = query * self._factors
        largest = float(np.maximum.reduce(np.abs(exact)))
        if not largest > _SMALLEST_ENTRY:
            return None
        unit = largest / _LARGEST_ENTRY
        exact *= 1 / unit
        steps = np.rint(exact)
        # Rounded up, as the tail's norms are: their product is an upper bound by itself.
        np.ceil(exact[head:], out=steps[head:])
        exact -= steps
        np.add(steps, ZERO_POINT, out=codes, casting="unsafe")
        error = exact[:head]
        unit *= self._unit
        steps_missed = math.sqrt(error.dot(error)) + self._rounding
        return Bound(unit, unit * self._longest_codes * steps_missed + length * self._residual)

    def sums(self, codes: NDArray[np.uint8]) -> NDArray[np.int32]:
        """Sum code times matrix over the columns. (q, columns) uint8 -> (q, padded rows) int32."""
        sums: NDArray[np.int32] = self._session.run(["sums"], {"codes": codes})[0]
        sums[:, self._count :] = _NO_ROW
        return sums


def _session(directory: Path, matrix_bytes: int, threads: int) -> ort.InferenceSession:
    model, matrix = directory / MODEL_FILE, directory / MATRIX_FILE
    if not model.exists():
        raise ArtifactError(f"{model} is missing, though {BOUNDS_FILE} is there: {_REMEDY}")
    found = matrix.stat().st_size if matrix.exists() else 0
    if found != matrix_bytes:
        raise ArtifactError(f"{matrix} has {found} bytes, not {matrix_bytes}: {_REMEDY}")
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return ort.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
