"""Reads the safetensors format: tensor name -> array over the mapped file.

The format (https://huggingface.co/docs/safetensors): an 8-byte little-endian header length, a JSON header, then the
bytes. The safetensors package does the same, but it would cost the function a megabyte, and some milliseconds of
import.
It writes nothing (export/build/vectors.py does) and compares no checksums.
"""

from __future__ import annotations

import json
import math
import mmap

import numpy as np
from numpy.typing import NDArray

from handler.errors import ArtifactError
from handler.light_typing import TYPE_CHECKING, Any
from handler.manifest import REMEDY

if TYPE_CHECKING:
    from pathlib import Path

LENGTH_BYTES = 8
# An export's headers have some hundred bytes.
MAX_HEADER_BYTES = 2**20
# An export's tensors have two. The product of a hundred thousand takes seconds.
MAX_AXES = 8
_DTYPES = {
    "I64": "<i8",
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "I32": "<i4",
    "U32": "<u4",
    "I16": "<i2",
    "U16": "<u2",
    "I8": "|i1",
    "U8": "|u1",
}


def read_safetensors(path: Path) -> dict[str, NDArray[Any]]:
    """Maps a safetensors file: tensor name -> read-only array over the file's own pages.

    Raises ArtifactError where the file is missing or truncated, or where its header disagrees with its size.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if size < LENGTH_BYTES:
                raise ArtifactError(
                    f"{path} has {size} bytes, its header alone needs more than {LENGTH_BYTES}: {REMEDY}"
                )
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        raise ArtifactError(f"{path} can't be read ({error.strerror}): {REMEDY}") from error
    length = int.from_bytes(data[:LENGTH_BYTES], "little")
    if length > MAX_HEADER_BYTES:
        raise ArtifactError(
            f"{path} has a header of {length:,} bytes, more than {MAX_HEADER_BYTES:,}: {REMEDY}"
        )
    start = LENGTH_BYTES + length
    if start > size:
        raise ArtifactError(f"{path} has {size} bytes, its header alone should end at {start}: {REMEDY}")
    try:
        header = json.loads(data[LENGTH_BYTES:start])
        header.pop("__metadata__", None)
        return {name: _tensor(path, data, start, name, entry) for name, entry in header.items()}
    except RecursionError:
        raise ArtifactError(f"{path} has a header that is nested too deeply: {REMEDY}") from None
    except (ValueError, TypeError, KeyError, AttributeError, OverflowError) as error:
        raise ArtifactError(f"{path} has a damaged header ({error}): {REMEDY}") from error


def rises(ends: NDArray[Any], count: int, last: int) -> bool:
    """Tells whether count + 1 numbers rise from 0 to last, so that they divide `last` things into `count` parts."""
    return (
        count >= 0
        and len(ends) == count + 1
        and ends[0] == 0
        and ends[-1] == last
        and bool((ends[1:] >= ends[:-1]).all())
    )


def _tensor(path: Path, data: mmap.mmap, start: int, name: str, entry: dict[str, Any]) -> NDArray[Any]:
    """Views one tensor, after checking that its shape, its offsets and the file's size agree."""
    if entry["dtype"] not in _DTYPES:
        raise ArtifactError(
            f"{path}: tensor {name!a} is {entry['dtype']!a}, not one of {', '.join(_DTYPES)}: {REMEDY}"
        )
    dtype, shape = np.dtype(_DTYPES[entry["dtype"]]), _whole_numbers(entry["shape"])
    if len(shape) > MAX_AXES:
        raise ArtifactError(
            f"{path}: tensor {name!a} has {len(shape):,} axes, not {MAX_AXES} at most: {REMEDY}"
        )
    begin, end = _whole_numbers(entry["data_offsets"])
    needed = math.prod(shape) * dtype.itemsize
    if min(shape, default=0) < 0 or begin < 0 or end - begin != needed:
        raise ArtifactError(
            f"{path}: tensor {name!a} of shape {shape} needs {needed} bytes, its offsets give {end - begin}: {REMEDY}"
        )
    if start + end > len(data):
        raise ArtifactError(
            f"{path} has {len(data)} bytes, tensor {name!a} should end at {start + end}: {REMEDY}"
        )
    if not needed:
        return np.empty(shape, dtype)
    return np.frombuffer(data, dtype, math.prod(shape), start + begin).reshape(shape)


def _whole_numbers(values: Any) -> tuple[int, ...]:
    """Raises TypeError where it is no list of whole numbers of 64 bits, which errors can show."""
    if type(values) is not list or not all(
        type(value) is int and -(2**63) <= value < 2**63 for value in values
    ):
        raise TypeError(f"{values!a:.40} is no list of whole numbers")
    return tuple(values)
