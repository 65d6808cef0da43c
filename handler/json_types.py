"""JSON's names of types, for error messages, which texts JSON can hold, and a reader that refuses NaN."""

from __future__ import annotations

import json

from handler.light_typing import NoReturn

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


def refuse_constant(name: str) -> NoReturn:
    """Raises ValueError for NaN and infinity, which Python's JSON reads and JSON hasn't: for `parse_constant`."""
    raise ValueError(f"{name} is not JSON")


# Made once: json.loads would make one at each call.
DECODER = json.JSONDecoder(parse_constant=refuse_constant)


def is_unicode(text: str) -> bool:
    """Tells whether UTF-8 can hold a text: half of a surrogate pair isn't Unicode."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
