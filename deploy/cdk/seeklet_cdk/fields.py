"""Kinds of parameters, and their checks: what CloudFormation checks of a template's parameters before it makes a stack."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal, get_args, get_origin, get_type_hints

# A value that CDK only knows when it deploys, such as a topic's ARN; nothing in it can be checked before.
TOKEN = "${Token["


def text(default: str, **checks: object) -> Any:
    """A string; `pattern` must match all of it, `constraint` says that in words. A `secret` is never shown."""
    return dataclasses.field(default=default, repr="secret" not in checks, metadata={"kind": str, **checks})


def number(default: int, **checks: object) -> Any:
    """A whole number from `minimum` to `maximum`."""
    return dataclasses.field(default=default, metadata={"kind": int, **checks})


def texts(default: tuple[str, ...], **checks: object) -> Any:
    """Some strings in a tuple; `pattern` must match all of each."""
    return dataclasses.field(default=default, metadata={"kind": tuple, **checks})


def check(parameters: Any, rules: Iterable[tuple[bool, str]]) -> None:
    """Raises ValueError for the first field that its checks refuse, or the first rule that doesn't hold.

    A field whose type is a Literal takes what that lists.
    """
    hints = get_type_hints(type(parameters))
    for field in dataclasses.fields(parameters):
        allowed = get_args(hints[field.name]) if get_origin(hints[field.name]) is Literal else ()
        problem = _problem(getattr(parameters, field.name), allowed, field.metadata)
        if problem:
            shown = "" if "secret" in field.metadata else f", not {getattr(parameters, field.name)!r}"
            raise ValueError(f"{field.name} must be {problem}{shown}")
    for holds, meaning in rules:
        if not holds:
            raise ValueError(meaning)


def _problem(value: object, allowed: tuple[object, ...], checks: Mapping[str, Any]) -> str:
    """What a value should be and isn't, or ""."""
    # True is an int to Python.
    if not isinstance(value, checks["kind"]) or isinstance(value, bool):
        return {str: "a string", int: "a whole number", tuple: "a tuple of strings"}[checks["kind"]]
    if isinstance(value, str) and TOKEN in value:
        return ""
    if allowed and value not in allowed:
        return f"one of {', '.join(map(str, allowed))}"
    members = value if isinstance(value, tuple) else (value,)
    if "pattern" in checks and not all(re.fullmatch(checks["pattern"], str(member)) for member in members):
        return str(checks.get("constraint", f"what matches {checks['pattern']}"))
    if isinstance(value, int) and value < checks.get("minimum", value):
        return f"at least {checks['minimum']}"
    if isinstance(value, int) and value > checks.get("maximum", value):
        return f"at most {checks['maximum']}"
    return ""
