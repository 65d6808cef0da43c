"""The metadata's columns as fields of COPY: the values that the function's own filters have, document by document.

It reads columns.safetensors, which export/build/write_columns.py writes, and not the metadata in documents.jsonl.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.publish.binary import (
    NULL,
    boolean_field,
    bytes_field,
    int8_field,
    list_field,
    numeric_field,
)
from handler.artifact import COLUMNS_FILE, Artifact
from handler.columns import Columns
from handler.safetensors import read_safetensors

Tensors = Mapping[str, NDArray[Any]]
# The fields of documents start to stop.
Fields = Callable[[int, int], list[bytes]]

_FIELD: Mapping[str, Callable[[Any], bytes]] = {
    "number": numeric_field,
    "boolean": boolean_field,
    "date": int8_field,
}


def column_fields(artifact: Artifact) -> list[Fields]:
    """Opens each column, in the manifest's order; raises ArtifactError where one is missing or damaged."""
    columns = Columns.open(artifact)
    if columns is None:
        return []
    for name in columns.types:
        columns.column(name)  # checks it
    tensors = read_safetensors(artifact.path(COLUMNS_FILE))
    return [
        _fields(tensors, str(place), kind, columns.count) for place, kind in enumerate(columns.types.values())
    ]


def _fields(tensors: Tensors, place: str, kind: str, count: int) -> Fields:
    if kind == "string":
        return _strings(tensors[f"{place}.codes"], _texts(tensors, place))
    if kind == "strings":
        return _lists(
            tensors[f"{place}.documents"], tensors[f"{place}.document_ends"], _texts(tensors, place), count
        )
    return _numbers(kind, tensors[f"{place}.numbers"], tensors.get(f"{place}.present"))


def _texts(tensors: Tensors, place: str) -> list[bytes]:
    """Returns the distinct strings of a column, ascending."""
    ends, text = tensors[f"{place}.text_ends"].tolist(), tensors[f"{place}.text"].tobytes()
    return [text[start:end] for start, end in itertools.pairwise(ends)]


def _strings(codes: NDArray[Any], texts: list[bytes]) -> Fields:
    fields = [NULL, *map(bytes_field, texts)]
    return lambda start, stop: [fields[code] for code in codes[start:stop].tolist()]


def _lists(documents: NDArray[np.int32], ends: NDArray[np.uint32], texts: list[bytes], count: int) -> Fields:
    # The file has each value's documents. Sorted by document, each document's values are together, ascending.
    places = np.repeat(np.arange(len(texts)), ends[1:].astype(np.int64) - ends[:-1].astype(np.int64))
    order = documents.argsort(kind="stable")
    places = places[order]
    first = documents[order].searchsorted(np.arange(count + 1))

    def fields(start: int, stop: int) -> list[bytes]:
        bounds = first[start : stop + 1].tolist()
        return [
            list_field([texts[place] for place in places[begin:end].tolist()]) if end > begin else NULL
            for begin, end in itertools.pairwise(bounds)
        ]

    return fields


def _numbers(kind: str, numbers: NDArray[Any], present: NDArray[np.uint8] | None) -> Fields:
    field = _FIELD[kind]

    def fields(start: int, stop: int) -> list[bytes]:
        values = numbers[start:stop]
        known = ~np.isnan(values) if numbers.dtype.kind == "f" else np.ones(len(values), np.bool_)
        if present is not None:
            known &= present[start:stop] != 0
        return [
            field(value) if has else NULL for value, has in zip(values.tolist(), known.tolist(), strict=True)
        ]

    return fields
