"""Writes columns.safetensors: the metadata's columns, each as one array of all documents, for filters and facets.

    documents.jsonl --column_types.py--> types --this module, reading it again--> arrays

handler/columns.py reads the file. A document is in memory one at a time; of a column there are its numbers or codes, and its
distinct strings. The documents' own metadata stays as it is.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save

from export.build.column_types import ColumnType, FoundColumns, find_types
from export.build.column_values import fit, is_empty
from export.build.write_documents import read_documents
from export.corpus.rows import show
from handler.artifact import COLUMNS_FILE
from handler.errors import CorpusError

# Raise it with every change that gives other bytes for the same documents.
COLUMNS_VERSION = 1

_MOST_TEXT = 2**32
Tensors = dict[str, NDArray[Any]]


def write_columns(
    directory: Path, metadata: Sequence[str], told: Mapping[str, str], *, texts: bool, corpus: str
) -> FoundColumns:
    """Writes the columns of the documents in `directory`, or no file where there are none.

    Args:
        directory: where documents.jsonl is.
        metadata: the columns' names.
        told: the types that the user gives, by name.
        texts: whether all values of the corpus are strings, as in CSV.
        corpus: its name in errors.

    Raises:
        CorpusError: a value isn't of the type that the user gives, or a column is too large.
    """
    if not metadata:
        return FoundColumns({}, {})
    found = find_types(read_documents(directory), metadata, told, texts, corpus)
    columns = {name: _COLLECTORS[kind.kind](kind) for name, kind in found.types.items()}
    for document in read_documents(directory) if columns else ():
        for name, column in columns.items():
            value = document.metadata.get(name)
            column.add(None if is_empty(value) else fit(found.types[name].kind, value))
    tensors: Tensors = {}
    for place, (name, column) in enumerate(columns.items()):
        try:
            tensors |= {f"{place}.{part}": tensor for part, tensor in column.tensors().items()}
        except OverflowError:
            raise CorpusError(
                f"{corpus}: the column {show(name)} has more than 4 GiB: leave it out with --column {name}=none"
            ) from None
    if tensors:
        (directory / COLUMNS_FILE).write_bytes(save(tensors))
    return found


class _Numbers:
    """Numbers, booleans and dates, and whether a document has one."""

    def __init__(self, column: ColumnType) -> None:
        self._whole = column.whole or column.kind != "number"
        self._numbers: array[Any] = array("q" if self._whole else "d")
        self._kind: type[int] | type[float] = int if self._whole else float
        self._absent = 0 if self._whole else math.nan
        self._present = bytearray()

    def add(self, value: int | float | None) -> None:
        self._present.append(value is not None)
        self._numbers.append(self._kind(self._absent if value is None else value))

    def tensors(self) -> Tensors:
        if not self._whole:
            return {"numbers": np.frombuffer(self._numbers, np.float64)}
        numbers = np.frombuffer(self._numbers, np.int64)
        tensors: Tensors = {"numbers": _narrow(numbers, (np.int8, np.int16, np.int32), np.int64)}
        return (
            tensors if all(self._present) else {**tensors, "present": np.frombuffer(self._present, np.uint8)}
        )


class _Strings:
    """A string, or none, for each document."""

    def __init__(self, column: ColumnType) -> None:  # noqa: ARG002 - as _Numbers
        self._codes = array("i")
        self._values: dict[str, int] = {}

    def add(self, value: str | None) -> None:
        self._codes.append(0 if value is None else self._values.setdefault(value, len(self._values) + 1))

    def tensors(self) -> Tensors:
        places, texts = _sort_texts(self._values)
        codes = np.concatenate([[0], places + 1])[np.frombuffer(self._codes, np.int32)]
        return {"codes": _narrow(codes, (np.uint8, np.uint16), np.int32), **texts}


class _Lists:
    """A list of strings for each document, turned into a list of documents for each string."""

    def __init__(self, column: ColumnType) -> None:  # noqa: ARG002 - as _Numbers
        self._documents = array("i")
        self._codes = array("i")
        self._values: dict[str, int] = {}
        self._count = 0

    def add(self, value: list[str] | None) -> None:
        for item in dict.fromkeys(value or ()):
            self._documents.append(self._count)
            self._codes.append(self._values.setdefault(item, len(self._values) + 1))
        self._count += 1

    def tensors(self) -> Tensors:
        places, texts = _sort_texts(self._values)
        codes = places[np.frombuffer(self._codes, np.int32) - 1]
        ends = np.zeros(len(self._values) + 1, np.uint32)
        np.cumsum(np.bincount(codes, minlength=len(self._values)), out=ends[1:])
        documents = np.frombuffer(self._documents, np.int32)[codes.argsort(kind="stable")]
        return {"documents": documents, "document_ends": ends, **texts}


_COLLECTORS: Mapping[str, Callable[[ColumnType], Any]] = {
    "string": _Strings,
    "strings": _Lists,
    "number": _Numbers,
    "boolean": _Numbers,
    "date": _Numbers,
}


def _sort_texts(values: dict[str, int]) -> tuple[NDArray[np.int64], Tensors]:
    """Returns the place of each value in the order of code points, by code less 1, and the texts in that order."""
    keys = sorted(values)
    places = np.empty(len(keys), np.int64)
    places[[values[key] - 1 for key in keys]] = np.arange(len(keys))
    encoded = [key.encode() for key in keys]
    ends = np.zeros(len(keys) + 1, np.int64)
    np.cumsum([len(key) for key in encoded], out=ends[1:])
    if ends[-1] >= _MOST_TEXT:
        raise OverflowError
    return places, {
        "text_ends": ends.astype(np.uint32),
        "text": np.frombuffer(b"".join(encoded), np.uint8),
    }


def _narrow(
    values: NDArray[Any], dtypes: Sequence[type[np.integer[Any]]], widest: type[np.integer[Any]]
) -> NDArray[Any]:
    """Returns the values in the first of the types that holds them all, or else in `widest`."""
    least, most = int(values.min(initial=0)), int(values.max(initial=0))
    for dtype in dtypes:
        if np.iinfo(dtype).min <= least and most <= np.iinfo(dtype).max:
            return values.astype(dtype)
    return values.astype(widest)
