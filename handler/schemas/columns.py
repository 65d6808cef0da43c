"""Schemas of filters over the corpus's own columns: ours, and the form of OpenAI's vector stores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Schema = dict[str, Any]
# JSON Schema of a value of a column, by the column's type. A date needs no format: a pattern is checked everywhere.
_DATE = {"type": "string", "pattern": r"^(19|20)\d\d-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])$"}
_VALUES: Mapping[str, Schema] = {
    "string": {"type": "string"},
    "strings": {"type": "string"},
    "number": {"type": "number"},
    "boolean": {"type": "boolean"},
    "date": _DATE,
}
_ORDERED = ("number", "date", "string", "strings")


def filter_schema(types: Mapping[str, str]) -> Schema:
    """Returns the schema of a filter, which names itself "Filter"."""
    itself = {"$ref": "#/components/schemas/Filter"}
    some = {"type": "array", "items": itself}
    properties = {name: _condition(_VALUES[kind], kind) for name, kind in types.items()}
    return {
        "type": "object",
        "description": "Which documents may be found. Several names must all pass (docs/filters.md).",
        "properties": {**properties, "$and": some, "$or": some, "$not": itself},
        "additionalProperties": False,
    }


def _condition(value: Schema, kind: str) -> Schema:
    several = {"type": "array", "items": value, "maxItems": 1000}
    operators: Schema = {
        "$eq": value,
        "$ne": value,
        "$in": several,
        "$nin": several,
        "$exists": {"type": "boolean"},
    }
    if kind in _ORDERED:
        operators |= dict.fromkeys(("$gt", "$gte", "$lt", "$lte"), value)
    compared = {"type": "object", "properties": operators, "additionalProperties": False, "minProperties": 1}
    return {"anyOf": [value, compared]}


def openai_filter_schemas(types: Mapping[str, str]) -> dict[str, Schema]:
    """Returns the schema of a filter of OpenAI's vector stores, and that of several filters, by their names.

    Generators of clients need a name for each of the two that lead back to themselves.
    """
    itself, both = ({"$ref": f"#/components/schemas/{name}"} for name in ("StoreFilter", "StoreFilters"))
    kinds = [_comparison(name, _VALUES[kind], kind) for name, kind in types.items()]
    several = _object({"type": {"enum": ["and", "or"]}, "filters": {"type": "array", "items": itself}})
    one = {"anyOf": [*[each for pair in kinds for each in pair], both]}
    return {"StoreFilter": one, "StoreFilters": several}


def _comparison(name: str, value: Schema, kind: str) -> list[Schema]:
    ordered = ["gt", "gte", "lt", "lte"] if kind in _ORDERED else []
    one = _object({"type": {"enum": ["eq", "ne", *ordered]}, "key": {"const": name}, "value": value})
    listed = {"type": "array", "items": value, "maxItems": 1000}
    return [one, _object({"type": {"enum": ["in", "nin"]}, "key": {"const": name}, "value": listed})]


def _object(properties: Schema) -> Schema:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
