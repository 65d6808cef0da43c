"""The stored embeddings and the exact score of a row.

This module maps the embeddings without reading them, and scores row by row. It does not search (index.py does), writes
no files, and compares no hashes (artifact.py does).
"""

from __future__ import annotations

import mmap

import numpy as np
from numpy.typing import NDArray

from handler.artifact import EMBEDDINGS_FILE
from handler.errors import ArtifactError
from handler.light_typing import TYPE_CHECKING, Any, TypeAlias
from handler.manifest import REMEDY
from handler.safetensors import read_safetensors

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor
    from pathlib import Path

Rows: TypeAlias = NDArray[np.float32] | NDArray[np.float16] | NDArray[np.int8]

# Rows scored at a time: with 384 dimensions as float32 they stay in a core's second-level cache.
_CHUNK = 512
# Rows that aren't stored as float32 are kept as float32 too where they have at most so many bytes then. Most corpora of that size
# have no scan, so each search needs all of them, and to convert float16 takes ten times as long as to score it.
_KEPT_BYTES = 6 << 20
# numpy asks the system for pages of this size for arrays of twice as many bytes. Rows in small pages push each other out of the
# cache, and a search takes a tenth longer.
_LARGE_PAGE = 2 << 20
# With fewer chunks than this, one thread ends before a second one has started.
_SHARED = 8


class Embeddings:
    """The corpus as it is stored: (n, dim) rows and, for int8, one scale per row.

    A value is the stored float32 or float16, or the stored int8 times its row's scale. `scores` and
    `all_scores` compute every score, by one dot product per row. So a row's score never depends on
    the rows beside it, and equal rows have equal scores to the last bit.
    """

    def __init__(self, rows: Rows, scales: NDArray[np.float32] | None = None) -> None:
        """Holds (n, dim) float32, float16 or int8 rows; int8 needs (n,) float32 scales."""
        self.rows = rows
        self.scales = scales
        self.count, self.dim = rows.shape
        # What is scored: values, or int8 codes, whose dot products are multiplied by the factors.
        self._scored, self._factors = rows, scales
        if rows.dtype != np.float32 and 4 * rows.size <= _KEPT_BYTES:
            self._scored, self._factors = _kept(rows, scales), None

    @classmethod
    def load(cls, directory: Path, count: int, dim: int) -> Embeddings:
        """Maps directory/embeddings.safetensors; count and dim are what the manifest says.

        Raises ArtifactError where the file is missing, damaged, or of another size.
        """
        path = directory / EMBEDDINGS_FILE
        tensors = read_safetensors(path)
        if "embeddings" not in tensors:
            raise ArtifactError(f"{path} holds no tensor 'embeddings' but {sorted(tensors)!a}: {REMEDY}")
        rows, scales = tensors["embeddings"], tensors.get("scales")
        if rows.shape != (count, dim):
            raise ArtifactError(
                f"{path} holds embeddings of shape {rows.shape}, the manifest says {(count, dim)}: {REMEDY}"
            )
        if rows.dtype not in (np.float32, np.float16, np.int8):
            raise ArtifactError(
                f"{path} holds {rows.dtype} embeddings, not float32, float16 or int8: {REMEDY}"
            )
        if scales is not None and (scales.shape != (count,) or scales.dtype != np.float32):
            raise ArtifactError(
                f"{path} holds {scales.dtype} scales of shape {scales.shape}, not float32 {(count,)}: {REMEDY}"
            )
        if (rows.dtype == np.int8) != (scales is not None):
            raise ArtifactError(
                f"{path} holds {rows.dtype} embeddings {'with' if scales is not None else 'without'} scales: {REMEDY}"
            )
        # NaN is neither: it would be every score of its row.
        if scales is not None and not ((scales >= 0) & (scales < np.inf)).all():
            raise ArtifactError(f"{path} holds a scale that is no number of 0 or more: {REMEDY}")
        return cls(rows, scales)

    def values(self, start: int, stop: int) -> NDArray[np.float64]:
        """Returns the stored values of rows start to stop, exactly. -> (stop - start, dim) float64."""
        values = self.rows[start:stop].astype(np.float64)
        return values if self.scales is None else values * self.scales[start:stop, None].astype(np.float64)

    def take(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Returns the stored values of some rows, exactly where the scales are an export's. -> (m, dim) float32."""
        values = self._scored.take(ids, 0).astype(np.float32, copy=False)
        return values if self._factors is None else values * self._factors[ids, None]

    def let_go(self) -> None:
        """Releases the memory of the mapped pages that were read. The system reads them again when they are needed."""
        owner: Any = self.rows
        while isinstance(owner, np.ndarray | memoryview):
            owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
        if isinstance(owner, mmap.mmap):
            owner.madvise(mmap.MADV_DONTNEED)

    def scores(self, ids: NDArray[np.int64], query: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scores some rows. (m,) int64, (dim,) float32 -> (m,) float32."""
        # vecdot calls one BLAS dot per row; a matrix product's kernels differ at the matrix's edges.
        scores: NDArray[np.float32] = np.vecdot(
            self._scored.take(ids, 0).astype(np.float32, copy=False), query
        )
        return scores if self._factors is None else scores * self._factors[ids]

    def all_scores(
        self, queries: NDArray[np.float32], pool: ThreadPoolExecutor | None = None
    ) -> NDArray[np.float32]:
        """Scores every row, on the pool's threads if there is one. (q, dim) float32 -> (q, n) float32."""
        scores = np.empty((len(queries), self.count), np.float32)

        def score(start: int) -> None:
            part = slice(start, start + _CHUNK)
            rows = self._scored[part].astype(np.float32, copy=False)
            np.vecdot(rows[None], queries[:, None], out=scores[:, part])

        starts = range(0, self.count, _CHUNK)
        list(map(score, starts) if pool is None or len(starts) < _SHARED else pool.map(score, starts))
        if self._factors is not None:
            scores *= self._factors
        return scores


def _kept(rows: Rows, scales: NDArray[np.float32] | None) -> NDArray[np.float32]:
    """Returns the stored values as float32, exactly where the scales are an export's.

    They begin where a large page does, unless they would leave most of it empty: a process may have hundreds of small indexes.
    """
    size = 4 * rows.size
    if size < _LARGE_PAGE // 2:
        values = np.empty(rows.shape, np.float32)
    else:
        spare = np.empty(size + 2 * _LARGE_PAGE, np.uint8)
        start = -spare.__array_interface__["data"][0] % _LARGE_PAGE
        values = spare[start : start + size].view(np.float32).reshape(rows.shape)
    values[:] = rows
    if scales is not None:
        values *= scales[:, None]
    return values
