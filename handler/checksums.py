"""CRC-32 of a manifest's fields, and of the files that a start can afford to read.

A CRC finds every change of one byte, and accidents of all other kinds but one in four billion. It finds no attack: who can
write a file can write its checksum. SHA-256, which fetching, copying and `seeklet verify` compare, is too slow for a start.
This module decides nothing about what is wrong: manifest.py and artifact.py do.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Mapping

from handler.light_typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

# The field of the checksum of all other fields. A manifest without it is of an older export.
FIELDS_CRC32 = "manifest_crc32"
# A start reads so many bytes to compare checksums, 4 to 8 ms: less than 3% of its time.
MOST_BYTES = 2**23
_CHUNK = 2**18


def fields_crc32(fields: Mapping[str, Any]) -> int:
    """Computes the CRC-32 of a manifest's fields, whatever their order and the space between them."""
    others = {name: value for name, value in fields.items() if name != FIELDS_CRC32}
    return binascii.crc32(json.dumps(others, sort_keys=True, separators=(",", ":")).encode())


def file_crc32(path: Path) -> int:
    """Computes the CRC-32 of a file's content. Raises OSError where it can't be read."""
    crc = 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            crc = binascii.crc32(chunk, crc)
    return crc


def affordable(sizes: Mapping[str, int], most: int = MOST_BYTES) -> list[str]:
    """Chooses the files that a start compares, the smallest first, while their bytes are `most` together.

    Examples:
        >>> affordable({"model.onnx": 60, "tokenizer.json": 500, "model.onnx.data": 20_000}, 1_000)
        ['model.onnx', 'tokenizer.json']
    """
    chosen = []
    for name, size in sorted(sizes.items(), key=lambda item: (item[1], item[0])):
        if size > most:
            break
        most -= size
        chosen.append(name)
    return chosen
