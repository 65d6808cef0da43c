"""Checks of a request's JSON, field by field, so that each refusal names its field. It knows no route.

schemas.py describes the same fields for OpenAPI, and a test compares the two.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence

from handler.errors import RequestError
from handler.json_types import DECODER, is_unicode, json_type
from handler.light_typing import Any, TypeAlias

Fields: TypeAlias = Mapping[str, Any]
# The largest whole number that is looked at. A larger one is never meant.
MOST = 10**9
MOST_PARAMETERS = 100


def invalid(field: str | None, message: str) -> RequestError:
    """Returns the error for a field that can't be used."""
    return RequestError(422, "invalid_request", message, field)


def parse_json(body: bytes, example: str) -> object:
    """Reads a body; raises RequestError (400), which shows the example, where it is not JSON in UTF-8."""
    try:
        return DECODER.decode(body.decode())
    except UnicodeDecodeError as error:
        raise RequestError(
            400, "not_json", f"the body is not UTF-8 (byte {error.start}): send JSON in UTF-8"
        ) from None
    except json.JSONDecodeError as error:
        found = "it begins with a byte order mark" if body.startswith(b"\xef\xbb\xbf") else error
        raise RequestError(400, "not_json", f"the body is not JSON ({found}): send {example}") from None
    except (ValueError, RecursionError):
        # The body holds NaN, a number of thousands of digits, or thousands of brackets.
        raise RequestError(
            400, "not_json", f"the body is not JSON that can be read: send {example}"
        ) from None


def parse_query(query: str) -> list[tuple[str, str]]:
    """Reads a query string as names and values; raises RequestError (422) where it is too long or no UTF-8."""
    from urllib.parse import parse_qsl

    if query.count("&") >= MOST_PARAMETERS:
        raise invalid(None, f"there are more than {MOST_PARAMETERS} parameters")
    try:
        # An event may hold half of a surrogate pair, which parse_qsl lets pass.
        query.encode()
        return parse_qsl(query, keep_blank_values=True, errors="strict")
    except UnicodeError:
        raise invalid(None, "the query string is not UTF-8: send é as %C3%A9") from None


def check_object(request: object, names: Collection[str], main: str) -> Fields:
    """Returns a request with no field but `names`; `main` says in an error which fields are meant."""
    if not isinstance(request, dict):
        raise invalid(None, f"the body is {json_type(request)}, not an object with {main}")
    for name in request:
        if name not in names:
            raise invalid(
                str(ascii(name))[1:-1], f"there is no field {name[:80]!a}: the fields are {', '.join(names)}"
            )
    return request


def check_text(name: str, value: object, most: int) -> str:
    """Returns a text of 1 to `most` characters that is not blank."""
    if not isinstance(value, str):
        raise invalid(name, f"{name} is {json_type(value)}, not a string")
    if not value.strip():
        raise invalid(name, f"{name} is empty: put the query there")
    if len(value) > most:
        raise invalid(name, f"{name} has {len(value):,} characters: send at most {most:,}")
    return check_unicode(name, value)


def check_unicode(name: str, value: str) -> str:
    """Returns a text that UTF-8 can hold."""
    if not is_unicode(value):
        raise invalid(
            name, f"{name} holds half of a surrogate pair, so it is not Unicode: send whole characters"
        )
    return value


def check_string(name: str, value: object) -> str:
    """Returns a string that UTF-8 can hold, such as an id; it may be empty."""
    if not isinstance(value, str):
        raise invalid(name, f"{name} is {json_type(value)}, not a string")
    return check_unicode(name, value)


def check_whole(name: str, value: object, least: int, most: int = MOST) -> int:
    """Returns a whole number from `least` to `most`. 5.0 is one, as JSON Schema has it."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool):
        shown = f"{value!r:.40}" if isinstance(value, float) else json_type(value)
        raise invalid(name, f"{name} is {shown}, not a whole number")
    if not least <= value <= most:
        shown = str(value) if abs(value) < 10**12 else "out of range"
        raise invalid(name, f"{name} is {shown}: ask for {least} to {most}")
    return value


def check_number(name: str, value: object, least: float, most: float) -> float:
    """Returns a number from `least` to `most`."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        raise invalid(name, f"{name} is {json_type(value)}, not a number")
    if not least <= value <= most:
        raise invalid(name, f"{name} is {str(value)[:20]}: send a number from {least:g} to {most:g}")
    return float(value)


def check_flag(name: str, value: object) -> bool:
    """Returns true or false."""
    if not isinstance(value, bool):
        raise invalid(name, f"{name} is {json_type(value)}, not true or false")
    return value


def check_choice(name: str, value: object, choices: Collection[str]) -> str:
    """Returns one of the choices."""
    if not isinstance(value, str) or value not in choices:
        shown = f"{value[:40]!a}" if isinstance(value, str) else json_type(value)
        raise invalid(name, f"{name} is {shown}: ask for one of {', '.join(choices)}")
    return value


def check_list(name: str, value: object, most: int, what: str) -> Sequence[Any]:
    """Returns a list of 1 to `most` items; `what` names them."""
    if not isinstance(value, list):
        raise invalid(name, f"{name} is {json_type(value)}, not a list of {what}")
    if not 1 <= len(value) <= most:
        raise invalid(name, f"{name} has {len(value):,} {what}: send 1 to {most:,}")
    return value


def check_choices(name: str, value: object, choices: Collection[str]) -> tuple[str, ...]:
    """Returns a list of choices, each once; it may be empty."""
    if not isinstance(value, list):
        raise invalid(name, f"{name} is {json_type(value)}, not a list of {', '.join(choices) or 'names'}")
    return tuple(dict.fromkeys(check_choice(name, item, choices) for item in value))
