"""JSON's names of types, for error messages."""

from __future__ import annotations

_NAMES: dict[type, str] = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "an object",
}


def json_type(value: object) -> str:
    """Names the JSON type of a value: "a number"."""
    return _NAMES.get(type(value), f"a {type(value).__name__}")
