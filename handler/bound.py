"""The int8 scan and its bound: an upper bound on the score of every row, in one pass over the corpus.

The pass is one MatMulInteger in ONNX Runtime: the query as uint8 codes, the corpus as a constant int8 matrix.
docs/exact-search.md states the bound and proves it; export/build/write_scan.py writes the files.
It computes no exact score and chooses no rows: scores.py and index.py do.
"""

from __future__ import annotations

import binascii
import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from handler.artifact import SCAN_BOUND_FILE, SCAN_MATRIX_FILE, SCAN_MODEL_FILE
from handler.errors import ArtifactError, reason
from handler.light_typing import TYPE_CHECKING, Any
from handler.manifest import REMEDY
from handler.named import NamedTuple
from handler.safetensors import read_safetensors
from handler.session import open_session

if TYPE_CHECKING:
    from pathlib import Path

# The matrix is padded to a multiple of this many rows, so that any power of two up to it divides it.
PADDING = 128
# Query codes lie in -63..63 around a zero point of 64: AVX2 without VNNI adds pairs of products in
# 16 bits, where 2 * 127 * 127 still fits and 2 * 255 * 127 saturates.
LEVELS = 63
ZERO_POINT = 64
# A query's greatest entry, in steps. Rounded up or down, it stays within LEVELS.
_LARGEST_ENTRY = LEVELS - 2**-12
# A smaller entry would make float32 divide by zero. A query of length SHORTEST has a far greater one.
_SMALLEST_ENTRY = 1e-30
# Lengths within which float32 sums don't overflow, and underflow costs less than rounding does.
SHORTEST, LONGEST = 1e-9, 1e9
# Norms that must not be too small are multiplied by this. It is far greater than float32's rounding error.
ROUND_UP = 1 + 2**-13
# The sum of padding rows, less than any row's.
NO_ROW = np.iinfo(np.int32).min


class Bound(NamedTuple):
    """The meaning of a coded query's sums: a row's score is at most unit * sum + slack."""

    unit: float
    slack: float


class Scan:
    """The int8 matrix in its session, and the few numbers that the bound needs."""

    def __init__(self, tensors: Mapping[str, NDArray[Any]], session: Any) -> None:
        """Takes the tensors of scan.safetensors and a session over scan.onnx, both checked by `load`."""
        self._count, _, self._head, self._groups = tensors["sizes"].tolist()
        self._unit, self._longest_codes, self._residual = tensors["limits"].tolist()
        # From a query to its columns: one factor each, or a (dim, dim) matrix whose first columns
        # are the head and whose others are equal groups of the tail. Both are in units of the codes.
        self._factors = np.array(tensors["factors"])
        self.columns = self._head + self._groups
        # The tail's norms must not be too small.
        self._factors[..., self._head :] *= np.float32(ROUND_UP)
        # Because of the tail's norms, rows with a long tail have high sums, but not always high scores. With one
        # candidate for each hit, 1 query in 100 gets a threshold that half of the corpus reaches.
        self.candidates_per_hit = 4 if self._groups else 1
        self._session = session
        # The rounding of the entries themselves: each is up to LEVELS, with an error of a few 2**-24.
        self._rounding = LEVELS * 2.0**-21 * math.sqrt(self._head)

    @classmethod
    def load(
        cls, directory: Path, count: int, dim: int, threads: int = 1, crc32: Mapping[str, int] | None = None
    ) -> Scan:
        """Opens the scan's files; count and dim are what the manifest says, crc32 are its checksums, if it has any.

        Raises ArtifactError unless the files are whole, fit count and dim, and give the checksums.
        """
        path = directory / SCAN_BOUND_FILE
        tensors = read_safetensors(path)
        columns = _check_tensors(path, tensors, count, dim)
        padded = math.ceil(count / PADDING) * PADDING
        matrix = directory / SCAN_MATRIX_FILE
        found = matrix.stat().st_size if matrix.exists() else 0
        if found != columns * padded:
            raise ArtifactError(f"{matrix} has {found} bytes, not {columns * padded}: {REMEDY}")
        # The arena keeps the sums' memory between queries; their size never varies.
        scan = cls(tensors, open_session(directory / SCAN_MODEL_FILE, threads=threads, arena=True))
        scan._check(directory, padded, crc32)
        return scan

    def _check(self, directory: Path, padded: int, crc32: Mapping[str, int] | None) -> None:
        """Runs the scan once, and checks its sums.

        That touches every page of the matrix, so that the first query is as fast as the second.
        """
        codes = _probe(self.columns)
        try:
            sums = self.sums(codes)
        except Exception as error:  # noqa: BLE001 - onnxruntime's errors share no base class but this one
            raise ArtifactError(
                f"{directory / SCAN_MODEL_FILE} can't be run ({reason(error)}): {REMEDY}"
            ) from None
        if sums.shape != (1, padded) or sums.dtype != np.int32:
            raise ArtifactError(
                f"{directory / SCAN_MODEL_FILE} gives {sums.shape} {sums.dtype}, not (1, {padded}) int32: {REMEDY}"
            )
        if crc32 is not None and (found := self._crc32(directory, sums)) != crc32:
            raise ArtifactError(
                f"the scan of {directory} has the checksums {found}, its manifest says {dict(crc32)!a:.80}: "
                f"copy it again, or {REMEDY}"
            )

    def checksums(self, directory: Path) -> dict[str, int]:
        """Computes what `load` compares: the CRC-32 of scan.safetensors, and of every row's sum for one fixed query.

        Each of the fixed query's codes differs from the zero point, so a changed bit of a row's codes changes its sum.
        """
        return self._crc32(directory, self.sums(_probe(self.columns)))

    def _crc32(self, directory: Path, sums: NDArray[np.int32]) -> dict[str, int]:
        return {
            "bound": binascii.crc32((directory / SCAN_BOUND_FILE).read_bytes()),
            "sums": binascii.crc32(sums.astype("<i4", copy=False).tobytes()),
        }

    def encode(self, query: NDArray[np.float32], codes: NDArray[np.uint8]) -> Bound | None:
        """Codes a query into `codes`. (dim,) float32, (columns,) uint8 to be filled.

        Returns None where there is no bound: the query is all zero, not finite, or of a length outside
        SHORTEST to LONGEST.
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
        """Sums code times matrix over the columns. (q, columns) uint8 -> (q, padded rows) int32."""
        sums: NDArray[np.int32] = self._session.run(["sums"], {"codes": codes})[0]
        sums[:, self._count :] = NO_ROW
        return sums


def _probe(columns: int) -> NDArray[np.uint8]:
    """Returns the codes of a fixed query. None of them is the zero point. -> (1, columns) uint8."""
    return (ZERO_POINT + 1 + np.arange(columns) * 37 % LEVELS).astype(np.uint8)[None]


def _check_tensors(path: Path, tensors: Mapping[str, NDArray[Any]], count: int, dim: int) -> int:
    """Checks the tensors; returns the number of columns.

    Raises ArtifactError unless they are a bound's and fit count and dim.
    """
    shapes = {name: tensors[name].shape for name in ("sizes", "limits", "factors") if name in tensors}
    if shapes.get("sizes") != (4,) or shapes.get("limits") != (3,) or "factors" not in shapes:
        raise ArtifactError(f"{path} isn't a scan's, its tensors are {shapes}: {REMEDY}")
    if tensors["sizes"].dtype != np.int64 or tensors["limits"].dtype != np.float64:
        raise ArtifactError(
            f"{path} has sizes of {tensors['sizes'].dtype} and limits of {tensors['limits'].dtype}, "
            f"not int64 and float64: {REMEDY}"
        )
    rows, dimensions, head, groups = (int(size) for size in tensors["sizes"].tolist())
    if (rows, dimensions) != (count, dim):
        raise ArtifactError(
            f"{path} was made for {rows} rows of {dimensions}, not {count} of {dim}: {REMEDY}"
        )
    factors = (dim, dim) if groups else (dim,)
    fits = (
        0 < head <= dim
        and groups >= 0
        and (not groups or (dim - head) % groups == 0)
        and (groups or head == dim)
    )
    if not fits or shapes["factors"] != factors or tensors["factors"].dtype != np.float32:
        raise ArtifactError(
            f"{path} has {head} columns and {groups} groups with factors {shapes['factors']}, "
            f"which don't fit {dim} dimensions: {REMEDY}"
        )
    limits = tensors["limits"]
    if not (np.isfinite(limits).all() and (limits >= 0).all() and np.isfinite(tensors["factors"]).all()):
        raise ArtifactError(f"{path} has limits that aren't finite numbers from 0 on: {REMEDY}")
    # Each search divides by it.
    if not limits[0] > 0:
        raise ArtifactError(f"{path} has a unit of 0: {REMEDY}")
    return head + groups
