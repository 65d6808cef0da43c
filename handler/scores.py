"""The stored embeddings: opened without reading them, scored row by row.

Reads the safetensors format (https://huggingface.co/docs/safetensors: an 8-byte little-endian
header length, a JSON header, then the bytes) with the standard library and numpy, memory-mapped.
Does not search (see index.py), does not write files, and leaves checksums to the manifest.
"""

from __future__ import annotations

import json
import math
import mmap
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from handler.errors import ArtifactError

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

FILE_NAME = "embeddings.safetensors"
Rows: TypeAlias = NDArray[np.float32] | NDArray[np.float16] | NDArray[np.int8]

_DTYPES = {"I64": "<i8", "F64": "<f8", "F32": "<f4", "F16": "<f2", "I8": "|i1"}
_REMEDY = "run `python -m export` again"
# Rows scored at a time: with 384 dimensions as float32 they stay in a core's second-level cache.
_CHUNK = 512
# So few chunks are done before a second thread has woken up.
_SHARED = 8


class Embeddings:
    """The corpus as it is stored: (n, dim) rows and, for int8, one scale per row.

    The stored value is float32 or float16 as it stands, or int8 times its row's scale. Every score
    comes from `scores` or `all_scores`, and both take one dot product per row: a row's score never
    depends on the rows beside it, so equal rows tie to the last bit.
    """

    def __init__(self, rows: Rows, scales: NDArray[np.float32] | None = None) -> None:
        """Hold (n, dim) float32, float16 or int8 rows; int8 needs (n,) float32 scales."""
        if (rows.dtype == np.int8) != (scales is not None):
            raise ArtifactError(
                f"embeddings of {rows.dtype} {'with' if scales is not None else 'without'} scales: {_REMEDY}"
            )
        self.rows = rows
        self.scales = scales
        self.count, self.dim = rows.shape

    @classmethod
    def load(cls, directory: Path, count: int, dim: int) -> Embeddings:
        """Map directory/embeddings.safetensors; count and dim are what the manifest says.

        Raises ArtifactError when the file is missing, damaged, or of another size.
        """
        path = directory / FILE_NAME
        tensors = read_safetensors(path)
        if "embeddings" not in tensors:
            raise ArtifactError(f"{path} holds no tensor 'embeddings' but {sorted(tensors)}: {_REMEDY}")
        rows, scales = tensors["embeddings"], tensors.get("scales")
        if rows.shape != (count, dim):
            raise ArtifactError(
                f"{path} holds embeddings of shape {rows.shape}, the manifest says {(count, dim)}: {_REMEDY}"
            )
        if rows.dtype not in (np.float32, np.float16, np.int8):
            raise ArtifactError(
                f"{path} holds {rows.dtype} embeddings, not float32, float16 or int8: {_REMEDY}"
            )
        if scales is not None and (scales.shape != (count,) or scales.dtype != np.float32):
            raise ArtifactError(
                f"{path} holds {scales.dtype} scales of shape {scales.shape}, not float32 {(count,)}: {_REMEDY}"
            )
        return cls(rows, scales)

    def values(self, start: int, stop: int) -> NDArray[np.float64]:
        """Return the stored values of rows start to stop. -> (stop - start, dim) float64, exact."""
        values = self.rows[start:stop].astype(np.float64)
        return values if self.scales is None else values * self.scales[start:stop, None].astype(np.float64)

    def let_go(self) -> None:
        """Give the mapped pages that were read back to the system; they are read again when asked for."""
        owner: Any = self.rows
        while isinstance(owner, np.ndarray | memoryview):
            owner = owner.base if isinstance(owner, np.ndarray) else owner.obj
        if isinstance(owner, mmap.mmap):
            owner.madvise(mmap.MADV_DONTNEED)

    def scores(self, ids: NDArray[np.int64], query: NDArray[np.float32]) -> NDArray[np.float32]:
        """Score some rows. (m,) int64, (dim,) float32 -> (m,) float32."""
        # vecdot calls one BLAS dot per row; a matrix product's kernels differ at the matrix's edges.
        scores: NDArray[np.float32] = np.vecdot(self.rows.take(ids, 0).astype(np.float32, copy=False), query)
        return scores if self.scales is None else scores * self.scales[ids]

    def all_scores(
        self, queries: NDArray[np.float32], pool: ThreadPoolExecutor | None = None
    ) -> NDArray[np.float32]:
        """Score every row, on the pool's threads if there is one. (q, dim) float32 -> (q, n) float32."""
        scores = np.empty((len(queries), self.count), np.float32)

        def score(start: int) -> None:
            part = slice(start, start + _CHUNK)
            rows = self.rows[part].astype(np.float32, copy=False)
            np.vecdot(rows[None], queries[:, None], out=scores[:, part])
            if self.scales is not None:
                scores[:, part] *= self.scales[part]

        starts = range(0, self.count, _CHUNK)
        list(map(score, starts) if pool is None or len(starts) < _SHARED else pool.map(score, starts))
        return scores


def read_safetensors(path: Path) -> dict[str, NDArray[Any]]:
    """Map a safetensors file: tensor name -> read-only array over the file's own pages.

    Raises ArtifactError when the file is missing, truncated, or its header disagrees with its size.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if size < 8:
                raise ArtifactError(f"{path} has {size} bytes, its header alone needs more than 8: {_REMEDY}")
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise ArtifactError(f"{path} can't be read ({error.strerror}): {_REMEDY}") from error
    start = 8 + int.from_bytes(data[:8], "little")
    if start > size:
        raise ArtifactError(f"{path} has {size} bytes, its header alone should end at {start}: {_REMEDY}")
    try:
        header = json.loads(data[8:start])
        header.pop("__metadata__", None)
        return {name: _tensor(path, data, start, name, entry) for name, entry in header.items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ArtifactError(f"{path} has a damaged header ({error}): {_REMEDY}") from error


def _tensor(path: Path, data: mmap.mmap, start: int, name: str, entry: dict[str, Any]) -> NDArray[Any]:
    """View one tensor, after checking that its shape, its offsets and the file's size agree."""
    if entry["dtype"] not in _DTYPES:
        raise ArtifactError(
            f"{path}: tensor {name!r} is {entry['dtype']}, not one of {', '.join(_DTYPES)}: {_REMEDY}"
        )
    dtype, shape = np.dtype(_DTYPES[entry["dtype"]]), tuple(map(int, entry["shape"]))
    begin, end = map(int, entry["data_offsets"])
    needed = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or begin < 0 or end - begin != needed:
        raise ArtifactError(
            f"{path}: tensor {name!r} of shape {shape} needs {needed} bytes, its offsets give {end - begin}: {_REMEDY}"
        )
    if start + end > len(data):
        raise ArtifactError(
            f"{path} has {len(data)} bytes, tensor {name!r} should end at {start + end}: {_REMEDY}"
        )
    return (
        np.frombuffer(data, dtype, math.prod(shape), start + begin).reshape(shape)
        if needed
        else np.empty(shape, dtype)
    )
