"""Filters: which documents have the metadata that a caller asks for.

    JSON --parse_filter--> Filter --documents(columns)--> a mask, (count,) bool

A filter has two values. A comparison is false for a document without a value, and $ne, $nin and $not are exact complements.
docs/filters.md has the grammar. This module ranks nothing: a search takes the documents of the mask.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from handler.column_numbers import Mask
from handler.columns import Columns, list_columns, look_alike
from handler.dates import parse_date
from handler.errors import RequestError
from handler.json_types import json_type
from handler.light_typing import Any

MAX_DEPTH = 20  # levels of $and, $or and $not
MAX_CONDITIONS = 200
MAX_OBJECTS = 1_000  # a filter and all those within it; an empty one costs a pass over the documents too
MAX_VALUES = 1_000  # of one $in or $nin

_EQUAL = ("$eq", "$ne")
_ORDER = ("$gt", "$gte", "$lt", "$lte")
_AMONG = ("$in", "$nin")
COMPLEMENTS = ("$ne", "$nin")
OPERATORS = (*_EQUAL, *_ORDER, *_AMONG, "$exists")


class Filter:
    """A question about a document's metadata; `parse_filter` makes it."""

    def documents(self, columns: Columns) -> Mask:
        """Returns the documents that pass, (count,) bool, in an array of the caller's own.

        Raises ArtifactError where a column that it reads is damaged.
        """
        raise NotImplementedError


class Condition(Filter):
    """A comparison of one column's values."""

    def __init__(self, column: str, operator: str, operand: Any) -> None:
        """Takes a column's name, one of OPERATORS, and what it compares with: a list for $in and $nin."""
        self.column, self.operator, self.operand = column, operator, operand

    def documents(self, columns: Columns) -> Mask:
        """Returns the documents whose value compares so."""
        column, operator, operand = columns.column(self.column), self.operator, self.operand
        if operator == "$exists":
            return column.exists() if operand else ~column.exists()
        if operator in _ORDER:
            return column.compare(operator, operand)
        found = column.among(operand if operator in _AMONG else [operand])
        return ~found if operator in COMPLEMENTS else found


class AllOf(Filter):
    """What passes every one of some filters; of none, every document."""

    def __init__(self, filters: list[Filter]) -> None:
        self.filters = filters

    def documents(self, columns: Columns) -> Mask:
        """Returns the documents that pass every filter."""
        found = np.ones(columns.count, np.bool_)
        for each in self.filters:
            found &= each.documents(columns)
        return found


class AnyOf(Filter):
    """What passes one of some filters; of none, no document."""

    def __init__(self, filters: list[Filter]) -> None:
        self.filters = filters

    def documents(self, columns: Columns) -> Mask:
        """Returns the documents that pass a filter."""
        found = np.zeros(columns.count, np.bool_)
        for each in self.filters:
            found |= each.documents(columns)
        return found


class Not(Filter):
    """What doesn't pass a filter."""

    def __init__(self, filter: Filter) -> None:  # noqa: A002 - the subject's name
        self.filter = filter

    def documents(self, columns: Columns) -> Mask:
        """Returns the documents that don't pass the filter."""
        return ~self.filter.documents(columns)


class FilterParser:
    """What every grammar of filters has in common: the columns, the limits, and how an error is told."""

    def __init__(self, types: Mapping[str, str], field: str = "filter") -> None:
        """Takes the columns and their types, none where the artifact has no columns, and the JSON field's name."""
        self._types = types
        self._field = field
        self._conditions = self._objects = 0

    def condition(self, place: str, column: str, operator: str, operand: object) -> Filter:
        """Makes a condition; `place` names it in errors. Raises RequestError where it can't be asked."""
        kind = self._types.get(column)
        if kind is None:
            alike = look_alike(column, self._types)
            raise self.error(
                f"{place}: there is no column {column!r:.80}{alike}; {list_columns(self._types)}"
            )
        self._conditions += 1
        if self._conditions > MAX_CONDITIONS:
            raise self.error(
                f"{place}: a filter has {MAX_CONDITIONS} conditions at most: ask for less at once"
            )
        if operator == "$exists":
            if type(operand) is not bool:
                raise self.error(f"{place} is {json_type(operand)}, not true or false: write true or false")
            return Condition(column, operator, operand)
        if operator in _ORDER and kind == "boolean":
            raise self.error(
                f"{place}: the column {column!r:.80} is boolean, which has no order: use $eq or $ne"
            )
        if operator not in _AMONG:
            return Condition(column, operator, self._value(place, kind, operand))
        if not isinstance(operand, list | tuple):
            raise self.error(f"{place} is {json_type(operand)}, not an array: write [...]")
        if len(operand) > MAX_VALUES:
            raise self.error(
                f"{place} has {len(operand):,} values, {MAX_VALUES:,} at most are allowed: ask for fewer"
            )
        values = [self._value(f"{place}[{i}]", kind, value) for i, value in enumerate(operand)]
        return Condition(column, operator, values)

    def check_depth(self, place: str, depth: int) -> None:
        """Raises RequestError where a filter lies within more than MAX_DEPTH others, or is one too many."""
        self._objects += 1
        if self._objects > MAX_OBJECTS:
            raise self.error(
                f"{place[:80]}: a filter has {MAX_OBJECTS:,} objects at most: ask for less at once"
            )
        if depth > MAX_DEPTH:
            raise self.error(f"{place[:80]}: a filter has {MAX_DEPTH} levels at most: write it flatter")

    def error(self, message: str) -> RequestError:
        """Makes the error of a filter that can't be read."""
        return RequestError(422, "invalid_request", message, self._field)

    def _value(self, place: str, kind: str, value: object) -> Any:
        """Returns a value as the column compares it: a date becomes microseconds."""
        if kind == "boolean" and isinstance(value, bool):
            return value
        if kind == "number" and isinstance(value, int | float) and not isinstance(value, bool):
            if isinstance(value, int) or math.isfinite(value):
                return value
            raise self.error(f"{place} is {value}, which is no number of JSON: write a finite number")
        if isinstance(value, str):
            if kind in ("string", "strings"):
                return value
            if kind == "date":
                micros = parse_date(value)
                if micros is not None:
                    return micros
        found = json_type(value) if not isinstance(value, str) else f"the string {value!r:.40}"
        raise self.error(f"{place} is {found}, {_EXPECTED[kind]}; {list_columns(self._types)}")


# How an error goes on after the value that doesn't fit.
_EXPECTED = {
    "string": "not a string",
    "strings": "not a string, which is compared with each item",
    "number": "not a number",
    "boolean": "not true or false",
    "date": "not a date such as 2024-05-31 or 2024-05-31T12:00:00Z",
}


def parse_filter(value: object, types: Mapping[str, str]) -> Filter:
    """Reads a filter from JSON's values.

    Args:
        value: the JSON object.
        types: the columns and their types; none where the artifact has no columns.

    Raises:
        RequestError: 422, field "filter". The message names the place, and lists the columns where one is unknown or a
            value is of a wrong type.
    """
    return _read(FilterParser(types), value, "filter", 0)


def _read(parser: FilterParser, value: object, place: str, depth: int) -> Filter:
    parser.check_depth(place, depth)
    if not isinstance(value, dict):
        raise parser.error(f'{place} is {json_type(value)}, not an object: write {{"column": value}}')
    filters: list[Filter] = []
    for key, inner in value.items():
        where = f"{place}.{repr(key)[1:-1]:.80}"
        if key in ("$and", "$or"):
            if not isinstance(inner, list | tuple):
                raise parser.error(f"{where} is {json_type(inner)}, not an array: write [filter, filter]")
            each = [_read(parser, part, f"{where}[{i}]", depth + 1) for i, part in enumerate(inner)]
            filters.append(AllOf(each) if key == "$and" else AnyOf(each))
        elif key == "$not":
            filters.append(Not(_read(parser, inner, where, depth + 1)))
        elif isinstance(key, str) and key.startswith("$"):
            raise parser.error(f"{where} is no operator of filters: use $and, $or or $not, or name a column")
        else:
            filters += _read_column(parser, key, inner, where)
    return filters[0] if len(filters) == 1 else AllOf(filters)


def _read_column(parser: FilterParser, column: Any, value: object, place: str) -> list[Filter]:
    """Reads {"column": value} or {"column": {"$operator": value, ...}}."""
    if not isinstance(value, dict):
        hint = {
            list: ': for one of several values, write {"$in": [...]}',
            type(None): ': write {"$exists": false}',
        }
        try:
            return [parser.condition(place, column, "$eq", value)]
        except RequestError as error:
            raise parser.error(f"{error}{hint.get(type(value), '')}") from None
    if not value:
        raise parser.error(f"{place} has no operator: use {', '.join(OPERATORS)}")
    for operator in value:
        if operator not in OPERATORS:
            raise parser.error(
                f"{place} has {operator!a:.40}, which is no operator: use {', '.join(OPERATORS)}"
            )
    return [
        parser.condition(f"{place}.{operator}", column, operator, operand)
        for operator, operand in value.items()
    ]
