"""COPY's binary format: the bytes that PostgreSQL's own functions would send for each value.

    a tuple      int16 number of fields, then the fields
    a field      int32 length in bytes, then the bytes; length -1 is null
    halfvec      int16 dimensions, int16 0, then float16 values
    numeric      int16 digits, weight, sign, scale, then digits to base 10,000
    bytea[]      int32 axes, int32 nulls, int32 type of the items, int32 length, int32 first index, then fields

All numbers are big-endian. https://www.postgresql.org/docs/current/sql-copy.html
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
NULL = b"\xff\xff\xff\xff"

_BYTEA = 17  # the type's OID
_NEGATIVE = 0x4000
_INT4 = struct.Struct(">ii")
_INT8 = struct.Struct(">iq")
_LENGTH = struct.Struct(">i")
_NUMERIC = struct.Struct(">hhHH")


def tuple_start(fields: int) -> bytes:
    """Returns what begins a tuple of so many fields."""
    return struct.pack(">h", fields)


def bytes_field(value: bytes) -> bytes:
    """Returns a field of type bytea, or of text in UTF-8."""
    return _LENGTH.pack(len(value)) + value


def int4_field(value: int) -> bytes:
    """Returns a field of type int4."""
    return _INT4.pack(4, value)


def int8_field(value: int) -> bytes:
    """Returns a field of type int8."""
    return _INT8.pack(8, value)


def boolean_field(value: bool) -> bytes:
    """Returns a field of type boolean."""
    return b"\0\0\0\x01\x01" if value else b"\0\0\0\x01\0"


def list_field(values: Sequence[bytes]) -> bytes:
    """Returns a field of type bytea[]; the array is never empty."""
    items = b"".join(map(bytes_field, values))
    return bytes_field(struct.pack(">iiiii", 1, 0, _BYTEA, len(values), 1) + items)


def numeric_field(value: int | float) -> bytes:
    """Returns a field of type numeric: the exact integer where the value is whole, else the digits of the float's repr.

    Examples:
        >>> numeric_field(20000).hex(" ", 2)
        '0000 000a 0001 0001 0000 0000 0002'
        >>> numeric_field(-0.5).hex(" ", 2)
        '0000 000a 0001 ffff 4000 0001 1388'
    """
    exact = Decimal(int(value)) if value == int(value) else Decimal(repr(value))
    sign, decimals, exponent = exact.as_tuple()
    assert isinstance(exponent, int)
    scale = max(0, -exponent)
    text = "".join(map(str, decimals))
    # Whole groups of four digits, counted from the point.
    whole, fraction = (text + "0" * exponent, "") if exponent >= 0 else _divide(text, scale)
    whole = whole.lstrip("0")
    whole = whole.zfill(-(-len(whole) // 4) * 4)
    fraction += "0" * (-len(fraction) % 4)
    groups = [int(digits) for digits in _fours(whole + fraction)]
    weight = len(whole) // 4 - 1
    while groups and groups[0] == 0:
        groups.pop(0)
        weight -= 1
    while groups and groups[-1] == 0:
        groups.pop()
    head = _NUMERIC.pack(len(groups), weight if groups else 0, _NEGATIVE if sign and groups else 0, scale)
    return bytes_field(head + struct.pack(f">{len(groups)}h", *groups))


def _divide(digits: str, scale: int) -> tuple[str, str]:
    digits = digits.zfill(scale + 1)
    return digits[:-scale], digits[-scale:]


def _fours(digits: str) -> list[str]:
    return [digits[place : place + 4] for place in range(0, len(digits), 4)]


def fixed_tuples(columns: Sequence[tuple[str, NDArray[Any] | None]]) -> bytes:
    """Returns tuples whose fields have a fixed length each, made without a loop over them.

    Args:
        columns: for each field its numpy type ("" for null), and its values: (m,), or (m, bytes) of uint8.

    Returns:
        m tuples, one after the other.
    """
    parts: list[tuple[Any, ...]] = [("fields", ">i2")]
    for place, (kind, values) in enumerate(columns):
        parts.append((f"length{place}", ">i4"))
        if values is not None:
            parts.append((f"value{place}", kind, values.shape[1:]))
    count = next(len(values) for _, values in columns if values is not None)
    records = np.empty(count, np.dtype(parts))
    records["fields"] = len(columns)
    for place, (_, values) in enumerate(columns):
        records[f"length{place}"] = -1
        if values is not None:
            records[f"value{place}"] = values
            records[f"length{place}"] = records.dtype[f"value{place}"].itemsize
    return records.tobytes()


def halfvec_bytes(values: NDArray[np.floating[Any]]) -> NDArray[np.uint8]:
    """Returns what halfvec sends for each row, rounded to float16. (m, dim) -> (m, 4 + 2 * dim) uint8."""
    count, dim = values.shape
    sent = np.empty((count, 2 + dim), ">i2")
    sent[:, 0], sent[:, 1] = dim, 0
    sent[:, 2:] = values.astype(">f2").view(">i2")
    return sent.view(np.uint8).reshape(count, -1)
