"""The values that a manifest's fields may have: their types, the table of files, the document model.

It knows neither which fields there are (manifest.py does) nor the folder. A value that doesn't fit is a ValueError, whose
text is the part of a sentence that says so.
"""

from __future__ import annotations

import re

from handler.light_typing import Any
from handler.named import NamedTuple

# The largest size that a field may have.
MOST = 2**48
MOST_TOKENS = 2**20
# The types that a metadata column may have.
COLUMN_TYPES = ("string", "number", "boolean", "date", "strings")

# A plain file name, which can't lead out of the folder.
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class FileEntry(NamedTuple):
    """One file of the artifact: its size in bytes and the SHA-256 of its content."""

    bytes: int
    sha256: str


class DocumentModel(NamedTuple):
    """The model that embedded the documents, where it isn't the artifact's own, which embeds the queries."""

    model_id: str
    revision: str
    weights_sha256: str
    pooling: str
    max_length: int  # tokens, the special ones included


def check_field(name: str, kind: str, value: Any) -> Any:
    """Checks and returns the value of one field, of the type that is written as `kind`.

    Raises ValueError where it is not of that type.
    """
    if name == "files":
        return _file_entries(value)
    if value is None and kind.endswith("| None"):
        return None
    if kind.startswith("DocumentModel"):
        return _document_model(value)
    # Items of a dict must be of the field's type. Those of `verify` are only shown to people, so they aren't checked.
    fits = {
        "str": lambda: type(value) is str,
        "int": lambda: type(value) is int,
        "bool": lambda: type(value) is bool,
        "list[str]": lambda: type(value) is list and all(type(v) is str for v in value),
        "dict[str, str]": lambda: type(value) is dict and all(type(v) is str for v in value.values()),
        "dict[str, int]": lambda: type(value) is dict and all(type(v) is int for v in value.values()),
        "dict[str, Any]": lambda: type(value) is dict,
    }
    if not fits[kind.removesuffix(" | None")]():
        raise ValueError(f"{name} is {value!r:.80}, not of type {kind}")
    if name == "columns":
        _check_columns(value)
    return value


def _check_columns(columns: dict[str, str]) -> None:
    for name, kind in columns.items():
        if kind not in COLUMN_TYPES or name.startswith("$"):
            raise ValueError(
                f"columns has {name!a:.80} of type {kind!a:.40}, not a name without $ and one of {', '.join(COLUMN_TYPES)}"
            )


def _document_model(value: Any) -> DocumentModel:
    fields = value if isinstance(value, dict) else {}
    kinds = dict.fromkeys(DocumentModel._fields, "str") | {"max_length": "int"}
    model = DocumentModel(
        **{
            name: check_field(f"document_model.{name}", kind, fields.get(name))
            for name, kind in kinds.items()
        }
    )
    if not 1 <= model.max_length <= MOST_TOKENS:
        raise ValueError(f"document_model.max_length is {model.max_length}, not 1 to {MOST_TOKENS}")
    return model


def _file_entries(value: Any) -> dict[str, FileEntry]:
    if not isinstance(value, dict):
        raise ValueError("files is not a table of bytes and sha256")
    entries: dict[str, FileEntry] = {}
    for name, entry in value.items():
        if not _FILE_NAME.fullmatch(name):
            raise ValueError(f"files has {name!a:.80}, which is no name of an artifact's file")
        size = entry.get("bytes") if isinstance(entry, dict) else None
        sha256 = entry.get("sha256") if isinstance(entry, dict) else None
        if type(size) is not int or not 0 <= size <= MOST:
            raise ValueError(f"the bytes of {name} are {size!r:.40}, not a size")
        if type(sha256) is not str or not _SHA256.fullmatch(sha256):
            raise ValueError(f"the sha256 of {name} is {sha256!r:.80}, not a SHA-256")
        entries[name] = FileEntry(size, sha256)
    return entries
