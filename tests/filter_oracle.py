"""Filters as plain Python answers them over the documents' metadata, and random metadata and filters to compare with."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.build.column_types import FoundColumns
from export.build.progress import Progress
from export.build.write_columns import write_columns
from export.build.write_documents import write_documents
from export.corpus.reader import CorpusReader
from handler.artifact import COLUMNS_FILE
from handler.columns import Columns
from handler.safetensors import read_safetensors

Metadata = Mapping[str, Any]
# Numbers that rounding would take for each other, and the ends of int64.
WHOLE = [0, 1, -1, 7, 2**53, 2**53 + 1, -(2**53) - 1, 2**62 + 1, 2**63 - 1, -(2**63)]
FLOATS = [0.0, -0.0, 0.1, 0.1 + 0.2, 0.3, 1.5, 2.0**53, 1e300, -1e300, 5e-324, float(2**63)]
OTHERS = [2**63, 2**64 + 1, 10**400, -(10**400), 2**53 - 0.5, 0.5, -0.5, 1e19, 6.999999999999999]
WORDS = ["a", "b", "ab", "B", "é", "e\u0301", "\uffff", "\U0001f600", "a\x00", "\x7f", "z" * 300, " "]
DATES = [
    *("2024-05-31", "2024-05-31T00:00:00Z", "2024-05-31T02:00:00+02:00", "2024-05-31T12:30", "1969-12-31T23:59:59.999999Z"),
    *("0001-01-01", "9999-12-31T23:59:59.999999Z", "2024-02-29 01:02:03.5-11:30"),
]  # fmt: skip


def open_columns(
    folder: Path, corpus: Path, metadata: Sequence[str], **told: str
) -> tuple[Columns | None, FoundColumns]:
    """Reads a real corpus file, whose text is in the column `text`, and writes and maps its columns."""
    reader = CorpusReader(str(corpus), ["text"], None, metadata)
    written = write_documents(reader, folder, Progress(quiet=True), str(corpus))
    texts = reader.format in ("csv", "tsv")
    found = write_columns(folder, metadata, told, texts=texts, corpus=str(corpus))
    types = {name: column.kind for name, column in found.types.items()}
    if not types:
        assert not (folder / COLUMNS_FILE).exists()
        return None, found
    return Columns(read_safetensors(folder / COLUMNS_FILE), types, written.count), found


def passes(metadata: Metadata, types: Mapping[str, str], question: Mapping[str, Any]) -> bool:
    """Whether a document passes a filter, by the grammar's own words."""
    return all(_passes_key(metadata, types, key, value) for key, value in question.items())


def matching(
    documents: Sequence[Metadata], types: Mapping[str, str], question: Mapping[str, Any]
) -> NDArray[np.bool_]:
    """The documents that pass, (count,)."""
    return np.array([passes(metadata, types, question) for metadata in documents])


def _passes_key(metadata: Metadata, types: Mapping[str, str], key: str, value: Any) -> bool:
    if key == "$and":
        return all(passes(metadata, types, part) for part in value)
    if key == "$or":
        return any(passes(metadata, types, part) for part in value)
    if key == "$not":
        return not passes(metadata, types, value)
    values = held(types[key], metadata.get(key))
    conditions = value if isinstance(value, dict) else {"$eq": value}
    return all(_compares(types[key], values, operator, operand) for operator, operand in conditions.items())


def _compares(kind: str, values: list[Any], operator: str, operand: Any) -> bool:
    if operator == "$exists":
        return bool(values) is bool(operand)
    if operator in ("$ne", "$nin"):
        return not _compares(kind, values, {"$ne": "$eq", "$nin": "$in"}[operator], operand)
    wanted = [comparable(kind, each) for each in (operand if operator == "$in" else [operand])]
    tests: dict[str, Callable[[Any], bool]] = {
        "$eq": lambda value: value == wanted[0],
        "$in": lambda value: value in wanted,
        "$gt": lambda value: value > wanted[0],
        "$gte": lambda value: value >= wanted[0],
        "$lt": lambda value: value < wanted[0],
        "$lte": lambda value: value <= wanted[0],
    }
    return any(tests[operator](value) for value in values)


def held(kind: str, value: Any) -> list[Any]:
    """The values that a document has in a column, as they are compared."""
    items = value if isinstance(value, list) else [value]
    return [comparable(kind, item) for item in items if item is not None and item != ""]


def comparable(kind: str, value: Any) -> Any:
    """A value whose comparison in Python is the exact one."""
    if kind == "number":
        return Fraction(value)
    if kind == "date":
        at = datetime.fromisoformat(value)
        return at if at.tzinfo else at.replace(tzinfo=UTC)
    return value


def random_documents(chooser: random.Random, count: int) -> list[dict[str, Any]]:
    """Metadata of every type, with null, "" and [] and nothing for no value."""
    made = []
    for _ in range(count):
        values = {
            "whole": chooser.choice(WHOLE),
            "small": chooser.randrange(-3, 4),
            "float": chooser.choice(FLOATS),
            "word": chooser.choice(WORDS),
            "code": f"c{chooser.randrange(600)}",
            "flag": chooser.random() < 0.5,
            "date": chooser.choice(DATES),
            "tags": chooser.choices(WORDS, k=chooser.randrange(4)),
        }
        for name in list(values):
            match chooser.randrange(12):
                case 0:
                    del values[name]
                case 1:
                    values[name] = None
                case 2 if name in ("word", "date", "code"):
                    values[name] = ""
                case 3 if name == "tags":
                    values[name] = ["", None, "a"]
        made.append({**values, "all": chooser.randrange(10)})
    return made


def random_filter(chooser: random.Random, types: Mapping[str, str], depth: int = 0) -> dict[str, Any]:
    """A filter of a few levels."""
    made: dict[str, Any] = {}
    for _ in range(chooser.choice([0, 1, 1, 1, 2, 3]) if depth else chooser.choice([1, 1, 2])):
        if depth < 4 and chooser.random() < 0.35:
            operator = chooser.choice(["$and", "$or", "$not"])
            inner = [random_filter(chooser, types, depth + 1) for _ in range(chooser.randrange(4))]
            made[operator] = random_filter(chooser, types, depth + 1) if operator == "$not" else inner
        else:
            name = chooser.choice(list(types))
            made[name] = _random_condition(chooser, name, types[name])
    return made


def _random_condition(chooser: random.Random, name: str, kind: str) -> Any:
    def value() -> Any:
        match kind:
            case "number":
                return chooser.choice([*WHOLE, *FLOATS, *OTHERS, chooser.randrange(-4, 11)])
            case "boolean":
                return chooser.random() < 0.5
            case "date":
                return chooser.choice([*DATES, "2024-05-30", "2024-05-31T00:00:00.000001"])
        if name == "code":
            return f"c{chooser.randrange(610)}"
        return chooser.choice([*WORDS, "", "\ud800", "aa", "zz"])

    if chooser.random() < 0.2:
        return value()
    ordered = [] if kind == "boolean" else ["$gt", "$gte", "$lt", "$lte"]
    condition: dict[str, Any] = {}
    for operator in chooser.sample(
        ["$eq", "$ne", "$in", "$nin", "$exists", *ordered, *ordered], chooser.choice([1, 1, 2])
    ):
        if operator == "$exists":
            condition[operator] = chooser.random() < 0.5
        elif operator in ("$in", "$nin"):
            condition[operator] = [value() for _ in range(chooser.choice([0, 1, 3, 40, 200]))]
        else:
            condition[operator] = value()
    return condition
