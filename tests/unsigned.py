"""Manifests without checksums: for tests that change a field or a file, and look at what is checked beyond them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from handler.checksums import FIELDS_CRC32
from handler.manifest import MANIFEST_FILE


def unsigned(fields: dict[str, Any]) -> dict[str, Any]:
    """A manifest's fields without the checksums of its fields and files, as an older export wrote them."""
    return {name: value for name, value in fields.items() if name not in (FIELDS_CRC32, "files_crc32")}


def unsign(directory: Path) -> None:
    """Takes the checksums out of an artifact's manifest."""
    path = directory / MANIFEST_FILE
    path.write_text(json.dumps(unsigned(json.loads(path.read_bytes()))))
