"""The manifest, which describes an artifact. It is read and checked field by field.

It knows which fields there are and what a file's name may be, but not which files an artifact needs: artifact.py does.
"""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from typing import Any, NamedTuple

from handler.errors import ArtifactError
from handler.json_types import refuse_constant

FORMAT_VERSION = 1
MANIFEST_FILE = "manifest.json"
# An export writes 5 KB.
MAX_MANIFEST_BYTES = 2**20
# The remedy for a damaged artifact: an export compares every file's hash before it says that nothing has changed.
REMEDY = "run `seeklet export` again"

# A plain file name, which can't lead out of the folder.
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
# The largest size that a field may have.
_MOST = 2**48
_MOST_TOKENS = 2**20


class FileEntry(NamedTuple):
    """One file of the artifact: its size in bytes and the SHA-256 of its content."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """How the artifact was made, and what it holds. A query's recipe comes only from here."""

    format_version: int
    model_id: str
    revision: str
    weights_sha256: str  # of the source model's weights
    pooling: str  # "mean", "max" or "cls"
    normalize: bool
    max_length: int  # tokens, the special ones included
    query_prompt: str
    document_prompt: str
    dim: int
    dtype: str  # of the stored embeddings
    count: int  # documents
    skipped: int  # empty texts left out
    truncated: int  # documents longer than max_length
    inputs_sha256: str  # of the corpus and every option: unchanged inputs need no new export
    recipe_sha256: str  # of all that decides a text's vector
    files: dict[str, FileEntry]
    versions: dict[str, str]  # of the packages that made it
    verify: dict[str, Any] | None  # figures of int8 against fp32
    # Fields that older artifacts of this format lack.
    graph: str | None = None  # "fused", or "unfused" where the model's graph has an unknown pattern
    scan_crc32: dict[str, int] | None = None  # "bound" and "sums": what a scan must give when it is loaded

    def fields(self) -> dict[str, Any]:
        """Every field by its name, as JSON has it."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {**values, "files": {name: entry._asdict() for name, entry in self.files.items()}}

    def to_json(self) -> bytes:
        """Returns the bytes of manifest.json."""
        text = json.dumps(self.fields(), indent=2, ensure_ascii=False, allow_nan=False)
        return f"{text}\n".encode()

    @classmethod
    def parse(cls, data: bytes, where: str) -> Manifest:
        """Reads the bytes of a manifest.json; `where` names it in errors.

        Raises ArtifactError where the version, a field, or the name of a file is missing or wrong.
        """
        try:
            return cls._of_fields(_parse_json(data, where), where)
        except RecursionError:
            raise ArtifactError(f"{where} is nested too deeply: {REMEDY}") from None

    @classmethod
    def _of_fields(cls, fields: Any, where: str) -> Manifest:
        version = fields.get("format_version") if isinstance(fields, dict) else None
        if version != FORMAT_VERSION:
            raise ArtifactError(
                f"{where} says format_version {version!r:.40}, this code reads {FORMAT_VERSION}: {REMEDY}"
            )
        values: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            if field.name in fields:
                values[field.name] = _checked(where, field.name, str(field.type), fields[field.name])
            elif field.default is dataclasses.MISSING:
                raise ArtifactError(f"{where} lacks the field {field.name!r}: {REMEDY}")
        manifest = cls(**values)
        manifest._check_sizes(where)
        return manifest

    def _check_sizes(self, where: str) -> None:
        for name in ("dim", "count", "max_length"):
            most = _MOST_TOKENS if name == "max_length" else _MOST
            if not 1 <= getattr(self, name) <= most:
                raise ArtifactError(f"{where}: {name} is {getattr(self, name)}, not 1 to {most}: {REMEDY}")


def _parse_json(data: bytes, where: str) -> Any:
    if len(data) > MAX_MANIFEST_BYTES:
        raise ArtifactError(
            f"{where} has more than {MAX_MANIFEST_BYTES:,} bytes, so it is no manifest: {REMEDY}"
        )
    try:
        fields = json.loads(data, parse_constant=refuse_constant)
        # Half of a surrogate pair would raise later, when the text is encoded.
        json.dumps(fields, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:
        raise ArtifactError(f"{where} is not JSON ({error}): {REMEDY}") from None
    return fields


def _checked(where: str, name: str, kind: str, value: Any) -> Any:
    """Checks and returns the value of one field; raises ArtifactError where it is not of the field's type."""
    if name == "files":
        return _file_entries(where, value)
    if value is None and kind.endswith("| None"):
        return None
    # Items of a dict must be of the field's type. Those of `verify` are only shown to people, so they aren't checked.
    fits = {
        "str": lambda: type(value) is str,
        "int": lambda: type(value) is int,
        "bool": lambda: type(value) is bool,
        "dict[str, str]": lambda: type(value) is dict and all(type(v) is str for v in value.values()),
        "dict[str, int]": lambda: type(value) is dict and all(type(v) is int for v in value.values()),
        "dict[str, Any]": lambda: type(value) is dict,
    }
    if not fits[kind.removesuffix(" | None")]():
        raise ArtifactError(f"{where}: {name} is {value!r:.80}, not of type {kind}: {REMEDY}")
    return value


def _file_entries(where: str, value: Any) -> dict[str, FileEntry]:
    """Checks and returns the table of files."""
    if not isinstance(value, dict):
        raise ArtifactError(f"{where}: files is not a table of bytes and sha256: {REMEDY}")
    entries: dict[str, FileEntry] = {}
    for name, entry in value.items():
        if not _FILE_NAME.fullmatch(name) or name == MANIFEST_FILE:
            raise ArtifactError(
                f"{where} lists {name!a:.80}, which is no name of an artifact's file: {REMEDY}"
            )
        size = entry.get("bytes") if isinstance(entry, dict) else None
        sha256 = entry.get("sha256") if isinstance(entry, dict) else None
        if type(size) is not int or not 0 <= size <= _MOST:
            raise ArtifactError(f"{where}: the bytes of {name} are {size!r:.40}, not a size: {REMEDY}")
        if type(sha256) is not str or not _SHA256.fullmatch(sha256):
            raise ArtifactError(f"{where}: the sha256 of {name} is {sha256!r:.80}, not a SHA-256: {REMEDY}")
        entries[name] = FileEntry(size, sha256)
    return entries
