"""A pointer: a small object on S3 that names the release which is served, and the one before it.

    {"release": "releases/0123456789abcdef", "manifest_sha256": "0123456789abcdef...",
     "previous": {"release": "releases/...", "manifest_sha256": "..."}, "released": "2026-11-23T10:00:00Z"}

A release is an artifact's folder, named from the folder that the pointer is in. `seeklet release` writes pointers, and
the function reads them. This module knows neither S3 nor what a release holds.
"""

from __future__ import annotations

import json
import re

from handler.errors import ArtifactError
from handler.light_typing import Any
from handler.named import NamedTuple

# The name of the pointer that `seeklet release` writes.
CURRENT = "current"
# One has about 400 bytes.
MAX_POINTER_BYTES = 65536
_FOLDER = re.compile(r"[A-Za-z0-9_=-][A-Za-z0-9_.=-]{0,199}(/[A-Za-z0-9_=-][A-Za-z0-9_.=-]{0,199}){0,9}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_REMEDY = "run `seeklet release` again"


class Release(NamedTuple):
    """The folder of an artifact, and what its manifest.json must be."""

    folder: str
    manifest_sha256: str

    @property
    def id(self) -> str:
        """What it is called in logs and answers."""
        return self.manifest_sha256[:16]

    def fields(self) -> dict[str, Any]:
        """The release as JSON has it."""
        return {"release": self.folder, "manifest_sha256": self.manifest_sha256}


class Pointer(NamedTuple):
    """The release that is served, the one before it, and when the pointer was written."""

    current: Release
    previous: Release | None
    released: str

    def to_json(self) -> bytes:
        """Writes the object's content."""
        previous = None if self.previous is None else self.previous.fields()
        fields = {**self.current.fields(), "previous": previous, "released": self.released}
        return f"{json.dumps(fields, indent=2)}\n".encode()


def parse_pointer(data: bytes, where: str) -> Pointer:
    """Reads an object's content; `where` names it in errors. Raises ArtifactError where it is no pointer."""
    try:
        if len(data) > MAX_POINTER_BYTES:
            raise ValueError(f"it has more than {MAX_POINTER_BYTES:,} bytes")
        fields = json.loads(data)
        if not isinstance(fields, dict):
            raise ValueError("it is no JSON object")
        given = fields.get("previous")
        previous = None if given is None else _release(given)
        released = fields.get("released")
        return Pointer(_release(fields), previous, released if isinstance(released, str) else "")
    except RecursionError:
        raise ArtifactError(f"{where} is no pointer (it is nested too deeply): {_REMEDY}") from None
    except ValueError as error:
        raise ArtifactError(f"{where} is no pointer ({error}): {_REMEDY}") from None


def _release(fields: Any) -> Release:
    if not isinstance(fields, dict):
        raise ValueError("previous is neither an object nor null")
    folder, sha256 = fields.get("release"), fields.get("manifest_sha256")
    if not (isinstance(folder, str) and _FOLDER.fullmatch(folder)):
        raise ValueError(f"release is {folder!a:.80}, not a folder such as releases/0123456789abcdef")
    if not (isinstance(sha256, str) and _SHA256.fullmatch(sha256)):
        raise ValueError(f"manifest_sha256 is {sha256!a:.80}, not 64 hex digits")
    return Release(folder, sha256)
