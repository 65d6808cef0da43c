"""Filters in the form of OpenAI's vector stores, read as filters of our own.

    {"type": "eq", "key": "year", "value": 2020}        also ne, gt, gte, lt, lte, in and nin
    {"type": "and", "filters": [...]}                   also or

They mean what $eq, $and and the others mean (filters.py). This module knows none of OpenAI's other fields.
"""

from __future__ import annotations

from collections.abc import Mapping

from handler.filters import AllOf, AnyOf, Filter, FilterParser
from handler.json_types import json_type

# The JSON field of these filters.
FIELD = "filters"
_COMPARISONS = ("eq", "ne", "gt", "gte", "lt", "lte", "in", "nin")
_COMPOUNDS = ("and", "or")


def parse_openai_filter(value: object, types: Mapping[str, str]) -> Filter:
    """Reads a filter from JSON's values.

    Args:
        value: the JSON object.
        types: the columns and their types; none where the artifact has no columns.

    Raises:
        RequestError: 422, field "filters". The message names the place, and lists the columns where one is unknown or a
            value is of a wrong type.
    """
    return _read(FilterParser(types, FIELD), value, FIELD, 0)


def _read(parser: FilterParser, value: object, place: str, depth: int) -> Filter:
    parser.check_depth(place, depth)
    if not isinstance(value, dict):
        raise parser.error(f'{place} is {json_type(value)}, not an object: write {{"type": ...}}')
    kind = value.get("type")
    names = ["type", "filters"] if kind in _COMPOUNDS else ["type", "key", "value"]
    if kind not in (*_COMPARISONS, *_COMPOUNDS):
        allowed = ", ".join((*_COMPARISONS, *_COMPOUNDS))
        shown = f"{kind!a:.40}" if isinstance(kind, str) else json_type(kind)
        raise parser.error(f"{place}.type is {shown}, not one of {allowed}: write one of them")
    if set(value) != set(names):
        raise parser.error(f"{place} has other fields than {', '.join(names)}: write these")
    if kind in _COMPOUNDS:
        inner = value["filters"]
        if not isinstance(inner, list | tuple):
            raise parser.error(f"{place}.filters is {json_type(inner)}, not an array: write [filter, filter]")
        each = [_read(parser, part, f"{place}.filters[{i}]", depth + 1) for i, part in enumerate(inner)]
        return AllOf(each) if kind == "and" else AnyOf(each)
    if not isinstance(value["key"], str):
        raise parser.error(f"{place}.key is {json_type(value['key'])}, not a string: name a column")
    return parser.condition(f"{place}.value", value["key"], f"${kind}", value["value"])
