"""The types of the metadata's columns, found in all their values, or told by the user.

A column whose values have no type in common is left out, and the reason is kept for the summary. This module keeps no
values; write_columns.py reads them again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from export.build.column_values import fit, is_empty, read_boolean, read_number
from export.corpus.rows import show
from handler.columns import LONGEST_NAME
from handler.dates import parse_date
from handler.documents import Document
from handler.errors import CorpusError, OptionError
from handler.manifest_fields import COLUMN_TYPES

# The type with which the user leaves a column out.
NONE = "none"
# A column with a longer string is one of texts: to filter them takes an option.
LONGEST = 1_000
# The manifest has a size.
MOST_COLUMNS = 500
_INT64 = range(-(2**63), 2**63)


@dataclass(frozen=True, slots=True)
class ColumnType:
    """The type of one column, and how a column of numbers is stored."""

    kind: str
    whole: bool = False  # all numbers are whole and fit in int64; else each is one of float64


class FoundColumns(NamedTuple):
    """The columns by name, in the order of --metadata, and those that were left out, each with the reason."""

    types: dict[str, ColumnType]
    left_out: dict[str, str]


def check_told(told: Mapping[str, str], metadata: Sequence[str]) -> None:
    """Raises OptionError where the user tells the type of something that can't be a column."""
    for name, kind in told.items():
        if kind not in (*COLUMN_TYPES, NONE):
            raise OptionError(
                f"--column {show(name)}: {kind!r:.40} is no type of a column: give one of {', '.join(COLUMN_TYPES)}, or {NONE}"
            )
        if name not in metadata:
            raise OptionError(f"--column names {show(name)}, --metadata doesn't: add it to --metadata")
        if kind != NONE and (reason := _unusable(name)):
            raise OptionError(f"--column {show(name)}: {reason}: rename it, or give the type {NONE}")


def find_types(
    documents: Iterable[Document], metadata: Sequence[str], told: Mapping[str, str], texts: bool, corpus: str
) -> FoundColumns:
    """Finds the type of every column.

    Args:
        documents: the corpus's documents, once.
        metadata: the names of the columns.
        told: the types that the user gives.
        texts: whether all values of the corpus are strings, as in CSV, so that "5" is a number and "true" a boolean.
        corpus: its name in errors.

    Raises:
        CorpusError: a value isn't of the type that the user gives, or there are too many columns.
    """
    left_out: dict[str, str] = {}
    columns: dict[str, _Evidence] = {}
    for name in dict.fromkeys(metadata):
        reason = "as told" if told.get(name) == NONE else _unusable(name)
        if reason:
            left_out[name] = reason
        else:
            columns[name] = _Evidence(texts, told.get(name))
    if len(columns) > MOST_COLUMNS:
        raise CorpusError(
            f"{corpus}: {len(columns)} metadata columns, at most {MOST_COLUMNS} can be filtered: "
            f"leave others out with --column NAME={NONE}"
        )
    for place, document in enumerate(documents):
        for name, evidence in columns.items():
            value = document.metadata.get(name)
            if is_empty(value):
                continue
            try:
                evidence.add(value)
            except ValueError as error:
                raise CorpusError(
                    f"{corpus}, document {place + 1} (id {show(document.id)}): the column {show(name)} holds {error}: "
                    f"mend it, or give another type in --column"
                ) from None
    types: dict[str, ColumnType] = {}
    for name, evidence in columns.items():
        found = evidence.conclude()
        if isinstance(found, str):
            left_out[name] = found
        else:
            types[name] = found
    return FoundColumns(types, left_out)


def _unusable(name: str) -> str:
    if name.startswith("$"):
        return "its name begins with $, as operators do"
    return f"its name is longer than {LONGEST_NAME} characters" if len(name) > LONGEST_NAME else ""


class _Evidence:
    """What the values of one column have in common so far."""

    def __init__(self, texts: bool, told: str | None) -> None:
        self._told = told
        self._kinds: set[str] = set()
        self._longest = 0
        self._whole = self._float = True
        # As what every string so far reads: only the first that holds matters.
        self._readings = {"number": texts, "boolean": texts, "date": True}
        self._read = False  # a string that isn't blank

    def add(self, value: Any) -> None:
        """Takes a value that isn't empty; raises ValueError where it isn't of the type that is told."""
        if self._told is not None:
            value = fit(self._told, value)
            if self._told == "number" and value is not None:
                self._add_number(value)
                if not (self._whole or self._float):
                    raise ValueError(
                        f"the number {value!r:.40}, and neither int64 nor float64 holds all of them exactly"
                    )
            return
        if isinstance(value, bool):
            self._kinds.add("boolean")
        elif isinstance(value, int | float):
            self._kinds.add("number")
            self._add_number(value)
        elif isinstance(value, str):
            self._kinds.add("string")
            self._add_text(value)
        elif isinstance(value, list) and all(item is None or isinstance(item, str) for item in value):
            self._kinds.add("strings")
            self._longest = max(self._longest, *(len(item or "") for item in value))
        else:
            self._kinds.add("object" if isinstance(value, dict) else "list")

    def conclude(self) -> ColumnType | str:
        """Returns the type, or the reason why there is none."""
        if self._told is not None:
            return ColumnType(self._told, self._whole)
        if len(self._kinds) != 1:
            mixed = ", ".join(sorted(self._kinds))
            return f"values of different types: {mixed}" if mixed else "no document has a value"
        (kind,) = self._kinds
        if kind == "string" and self._read:
            for reading in ("number", "boolean", "date"):
                if self._readings[reading] and (reading != "number" or self._whole or self._float):
                    return ColumnType(reading, self._whole)
        if kind in ("string", "strings") and self._longest > LONGEST:
            return f"texts of more than {LONGEST:,} characters"
        if kind == "number" and not (self._whole or self._float):
            return "numbers that neither int64 nor float64 holds exactly"
        return ColumnType(kind, self._whole) if kind in COLUMN_TYPES else f"each value is a nested {kind}"

    def _add_number(self, number: int | float) -> None:
        self._whole = self._whole and number == int(number) and int(number) in _INT64
        if self._float and isinstance(number, int):
            try:
                self._float = float(number) == number
            except OverflowError:
                self._float = False

    def _add_text(self, text: str) -> None:
        self._longest = max(self._longest, len(text))
        stripped = text.strip()
        if not stripped:
            return
        self._read = True
        readings = self._readings
        if readings["number"]:
            number = read_number(stripped)
            if number is None:
                readings["number"] = False
            else:
                self._add_number(number)
        readings["boolean"] = readings["boolean"] and read_boolean(stripped) is not None
        readings["date"] = readings["date"] and parse_date(stripped) is not None
