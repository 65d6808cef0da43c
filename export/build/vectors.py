"""embeddings.safetensors, written as a stream: the whole matrix is never in memory.

The safetensors package writes only tensors that are in memory. This module writes the same format chunk by chunk: 8
bytes with the header's length, a JSON header, the data. handler/safetensors.py reads it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

DTYPES = {"float32": ("F32", 4), "float16": ("F16", 2), "int8": ("I8", 1)}
# docs/adr/0006-format-2.md has the measurements.
DEFAULT_DTYPE = "int8"
# The data begins at a multiple of this many bytes, so that it is aligned in memory when it is mapped.
ALIGNMENT = 64


def write_embeddings(
    path: Path, chunks: Iterable[NDArray[np.float32]], count: int, dim: int, dtype: str
) -> None:
    """Writes (count, dim) from chunks of (n, dim) float32 as `dtype`.

    int8 stores row x as round(x / s) with s = max(abs(x)) / 127, and the s in the tensor "scales", (count,) float32.
    float16 and int8 rows that were read back are written as they were.
    """
    code, size = DTYPES[dtype]
    end = count * dim * size
    header: dict[str, object] = {
        "embeddings": {"dtype": code, "shape": [count, dim], "data_offsets": [0, end]}
    }
    if dtype == "int8":
        header["scales"] = {"dtype": "F32", "shape": [count], "data_offsets": [end, end + 4 * count]}
    with path.open("wb") as file:
        write_header(file, header)
        scales = []
        for chunk in chunks:
            if dtype == "int8":
                scale = _scales(chunk)
                scales.append(scale)
                file.write(np.rint(chunk / scale[:, None]).astype(np.int8).tobytes())
            else:
                file.write(chunk.astype(dtype).tobytes())
        for scale in scales:
            file.write(scale.tobytes())


def _scales(chunk: NDArray[np.float32]) -> NDArray[np.float32]:
    """Computes each row's scale, rounded up to 16 significant bits. (n, dim) float32 -> (n,) float32.

    Then a code times its scale has at most 23 bits, so no value is rounded when it is read, and a row that is read and
    written again gets the same scale.
    """
    scales = np.maximum(np.abs(chunk).max(axis=1), np.float32(1e-30)) / np.float32(127)
    bits = scales.astype(np.float32).view(np.uint32)
    rounded: NDArray[np.float32] = ((bits + np.uint32(0xFF)) & np.uint32(0xFFFFFF00)).view(np.float32)
    return rounded


def write_header(file: BinaryIO, header: dict[str, object]) -> None:
    """Writes the head of a safetensors file: name -> dtype, shape, data_offsets. The data follow it."""
    text = json.dumps(header, allow_nan=False, separators=(",", ":")).encode()
    text += b" " * (-(8 + len(text)) % ALIGNMENT)
    file.write(len(text).to_bytes(8, "little") + text)
