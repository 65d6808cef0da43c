"""What a metadata value is as a value of a column's type: "2020" is the number 2020, "" is no value.

Numbers and booleans in CSV are strings, dates are strings everywhere. This module looks at one value; column_types.py
finds the type of a whole column.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from handler.dates import parse_date
from handler.json_types import json_type

# A string that reads as a number: no leading zero, which a zip code has, and no sign before it but "-".
_NUMBER = re.compile(r"-?(?:(?:0|[1-9][0-9]*)(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
# What is a number where the user says so.
_LOOSE_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
# Python refuses to read thousands of digits; no column holds so many.
_MOST_DIGITS = 400
# A decimal number of so many digits is the only one with its float64, unless it is very large or small.
_SURE_DIGITS = 15


def is_empty(value: Any) -> bool:
    """Whether a value is none: null, an empty string, or a list of nothing else."""
    return value is None or value == "" or (isinstance(value, list) and all(map(_is_no_item, value)))


def read_number(text: str, pattern: re.Pattern[str] = _NUMBER) -> int | float | None:
    """Reads a number that int or float64 holds exactly, to the last digit; None for any other string."""
    if len(text) > _MOST_DIGITS or not pattern.fullmatch(text):
        return None
    if text.lstrip("+-").isdigit():
        return int(text)
    number = float(text)
    sure = len(text) <= _SURE_DIGITS and (number == 0 or 1e-290 < abs(number) < 1e290)
    if (sure and number) or (math.isfinite(number) and _same(text, number)):
        return number
    return None


def read_boolean(text: str) -> bool | None:
    """Reads true or false, in small or capital letters; None for any other string."""
    return _BOOLEANS.get(text)


def fit(kind: str, value: Any) -> Any:
    """Returns a value, not an empty one, as a value of the type `kind`; None where it turns out to be empty.

    A date becomes microseconds since 1970. Raises ValueError where it doesn't fit; the text says what it is.
    """
    if isinstance(value, str) and kind not in ("string", "strings") and not value.strip():
        return None
    fitted = _FIT[kind](value)
    if fitted is None:
        found = f"the string {value!a:.40}" if isinstance(value, str) else json_type(value)
        raise ValueError(f"{found}, which is not of type {kind}")
    return fitted


def _string(value: Any) -> str | None:
    if isinstance(value, str):
        return value
    return json.dumps(value) if isinstance(value, bool | int | float) else None


def _number(value: Any) -> int | float | None:
    if isinstance(value, str):
        return read_number(value.strip(), _LOOSE_NUMBER)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _boolean(value: Any) -> bool | None:
    if isinstance(value, str):
        value = value.strip()
        return {"0": False, "1": True}.get(value, read_boolean(value))
    return bool(value) if isinstance(value, bool | int | float) and value in (0, 1) else None


def _date(value: Any) -> int | None:
    return parse_date(value.strip()) if isinstance(value, str) else None


def _strings(value: Any) -> list[str] | None:
    items = value if isinstance(value, list) else [value]
    fitted = [_string(item) for item in items if not _is_no_item(item)]
    return None if None in fitted else [item for item in fitted if item is not None]


def _is_no_item(value: Any) -> bool:
    return value is None or value == ""


def _same(text: str, number: float) -> bool:
    try:
        return Decimal(text) == Decimal(repr(number))
    except ArithmeticError:  # an exponent of billions
        return False


_FIT: dict[str, Callable[[Any], Any]] = {
    "string": _string,
    "number": _number,
    "boolean": _boolean,
    "date": _date,
    "strings": _strings,
}
