"""The tables of a published corpus: `seeklet publish` writes them, the search reads them.

Each release has a schema of its own, NAME_<16 hex digits of its manifest's SHA-256>. The schema NAME has views of the
current release, which move to the next one in one transaction.

    release     one row: release text (the 16 hex digits), manifest text (manifest.json), layout int4; what the
                publishing measured: recall float8, recall_k, recall_queries and ef_search int4, null for a single row;
                published timestamptz
    documents   index int4, id bytea, line text (as documents.jsonl has it), digest bytea, and c0, c1, ...: the
                metadata's columns in the manifest's order
    rows        row int4, document int4, start int4 and stop int4 (a passage's span, null without passages),
                embedding halfvec(dim) for the index, and codes bytea: the row as embeddings.safetensors stores it
    words       word bytea, term int4
    terms       term int4, rows bytea (int32, ascending), impacts bytea (uint8)

Texts that are compared are bytea in UTF-8: PostgreSQL's text can't hold NUL, and bytes are ordered by code point, as the
function's own columns are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from handler.errors import SettingsError
from handler.light_typing import Any
from handler.settings import DEFAULT_INDEX_NAME

# The version of this layout. A function of another version refuses the release.
LAYOUT = 1
DEFAULT_NAME = DEFAULT_INDEX_NAME
# Identifiers that need no quotes, but for the reserved words. A schema's name is 63 characters at most, of which 17 are the
# release's.
_NAME = re.compile(r"[a-z][a-z0-9_]{0,45}")
_RELEASE = re.compile(r"[0-9a-f]{16}")
_LIKE_A_SCHEMA = re.compile(r".*_[0-9a-f]{16}")
# The key words that are no schema's name without quotes: "reserved", also those that may be a function's or a type's name, in
# https://www.postgresql.org/docs/18/sql-keywords-appendix.html. Those of older versions are among them.
_RESERVED_WORDS = """
all analyse analyze and any array as asc asymmetric authorization binary both case cast check
collate collation column concurrently constraint create cross current_catalog current_date
current_role current_schema current_time current_timestamp current_user default deferrable desc
distinct do else end except false fetch for foreign freeze from full grant group having ilike in
initially inner intersect into is isnull join lateral leading left like limit localtime
localtimestamp natural not notnull null offset on only or order outer overlaps placing primary
references returning right select session_user similar some symmetric system_user table tablesample
then to trailing true union unique user using variadic verbose when where window with
"""
_RESERVED = frozenset(_RESERVED_WORDS.split())
TABLES = ("release", "documents", "rows", "words", "terms")
# The SQL type of a metadata column's kind. A date is microseconds since 1970.
COLUMN_TYPES: Mapping[str, str] = MappingProxyType(
    {"string": "bytea", "strings": "bytea[]", "number": "numeric", "boolean": "boolean", "date": "int8"}
)


def check_name(name: str, where: str) -> str:
    """Returns a corpus's name in the database; raises SettingsError where it isn't one. `where` says who gave it."""
    if not _NAME.fullmatch(name):
        raise SettingsError(
            f"{where} {name!a:.80} can't be a schema's name: use up to 46 of a-z, 0-9 and _, a letter first"
        )
    if _LIKE_A_SCHEMA.fullmatch(name):
        raise SettingsError(
            f"{where} {name} looks like the schema of a release of another corpus: use a name without 16 hex digits at its end"
        )
    if name in _RESERVED or name.startswith("pg_"):
        what = "a reserved word of SQL" if name in _RESERVED else "like a schema of PostgreSQL's own"
        raise SettingsError(f"{where} {name} is {what}, which can't be a schema's name: use another one")
    return name


def schema_of(name: str, release: str) -> str:
    """Returns the schema of a release; raises ValueError for what isn't one."""
    if not (_NAME.fullmatch(name) and _RELEASE.fullmatch(release)):
        raise ValueError(f"{name!a:.80} and {release!a:.80} make no schema")
    return f"{name}_{release}"


def column_name(place: int) -> str:
    """Returns the SQL name of the column at a place in the manifest's order."""
    return f"c{place}"


def vector_text(vector: NDArray[np.floating[Any]]) -> str:
    """Writes a vector as pgvector reads it."""
    return f"[{','.join(map(repr, vector.tolist()))}]"


def row_bytes(rows: NDArray[Any], scales: NDArray[np.float32] | None) -> list[bytes]:
    """Returns rows.codes of some rows: the stored values, and the scale after int8. (m, dim), (m,) -> m bytes."""
    parts = [np.ascontiguousarray(rows).view(np.uint8).reshape(len(rows), -1)]
    if scales is not None:
        parts.append(np.ascontiguousarray(scales, "<f4").view(np.uint8).reshape(len(rows), 4))
    return [row.tobytes() for row in np.concatenate(parts, 1)]


def read_row_bytes(data: bytes, dtype: str, dim: int) -> tuple[NDArray[Any], NDArray[np.float32] | None]:
    """Reads rows.codes, one after the other, as `row_bytes` made them. -> (m, dim) of dtype, (m,) float32 or None."""
    kind = np.dtype(dtype)
    size = dim * kind.itemsize
    if kind != np.int8:
        return np.frombuffer(data, kind).reshape(-1, dim), None
    both = np.frombuffer(data, np.uint8).reshape(-1, size + 4)
    scales = np.ascontiguousarray(both[:, size:]).view("<f4")[:, 0]
    return np.ascontiguousarray(both[:, :size]).view(np.int8), scales
