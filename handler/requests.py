"""Parses requests and refuses bad ones: every limit, and every message to the caller. It knows no web framework.

The request is checked field by field, so that each refusal names its field. schemas.py describes the same fields for
OpenAPI, and a test compares the two.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from handler.errors import RequestError
from handler.json_types import json_type, refuse_constant
from handler.manifest import MODES
from handler.settings import Settings

KEY_HEADER = "x-api-key"
DEFAULT_RESULTS = 5
FIELDS = ("text", "num_results", "mode", "share", "matches")
EXAMPLE = '{"text": "...", "num_results": 5}'
# One byte of the body becomes at most this many: Lambda's runtime may write a character as \uXXXX in its JSON.
_MOST_GROWTH = 6


class SimilarQuery(NamedTuple):
    """A request that can be answered.

    Without a mode the answer is by cosine alone, and doesn't say the scores' parts. Without a share the artifact's own
    is used. With matches, the answer says which words matched, and where.
    """

    text: str
    num_results: int
    mode: str | None = None
    share: float | None = None
    matches: bool = False


def refuse_without_key(sent: bytes, key: str | None) -> None:
    """Raises RequestError (403) where a key is set and `sent`, the header's bytes, is not it."""
    if key is None:
        return
    # Imported here: hmac loads hashlib and OpenSSL, which a function without a key doesn't need.
    from hmac import compare_digest

    if not compare_digest(sent, key.encode()):
        raise RequestError(
            403, "forbidden", f"the API key is missing or wrong: send it in the header {KEY_HEADER}"
        )


def refuse_body(length: int, max_body_bytes: int) -> None:
    """Raises RequestError (413) where a body of `length` bytes is too long."""
    if length > max_body_bytes:
        raise RequestError(
            413,
            "body_too_long",
            f"the body has more than {max_body_bytes:,} bytes, which is the limit: send a shorter text",
        )


def refuse_response(body: bytes, max_response_bytes: int) -> None:
    """Raises RequestError (422) where a response's body is too long to be sent.

    Lambda's limit is on the JSON that holds the body as a string, so the length of the escaped body counts.
    """
    if len(body) * _MOST_GROWTH <= max_response_bytes:
        return
    length = len(json.dumps(body.decode()))
    if length > max_response_bytes:
        raise RequestError(
            422,
            "response_too_long",
            f"the answer has {length:,} bytes, at most {max_response_bytes:,} can be sent: ask for fewer num_results",
            "num_results",
        )


def parse_similar(body: bytes, settings: Settings) -> SimilarQuery:
    """Reads the body of POST /similar; raises RequestError (400, 413 or 422) that names the field."""
    refuse_body(len(body), settings.max_body_bytes)
    return check_similar(_parse_json(body), settings.max_results)


def check_similar(request: object, max_results: int) -> SimilarQuery:
    """Checks a parsed request; raises RequestError (422) that names the field."""
    if not isinstance(request, dict):
        raise _invalid(None, f"the body is {json_type(request)}, not an object with text and num_results")
    for name in request:
        if name not in FIELDS:
            raise _invalid(
                str(ascii(name))[1:-1],
                f"there is no field {name[:80]!a}: the fields are {', '.join(FIELDS)}",
            )
    text, num_results = _check_text(request), _check_num_results(request, max_results)
    mode = _check_mode(request)
    return SimilarQuery(text, num_results, mode, _check_share(request, mode), _check_matches(request, mode))


def _check_text(request: Mapping[str, Any]) -> str:
    if "text" not in request:
        raise _invalid("text", "the field text is missing: put the query there")
    text = request["text"]
    if not isinstance(text, str):
        raise _invalid("text", f"text is {json_type(text)}, not a string")
    if not text.strip():
        raise _invalid("text", "text is empty: put the query there")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _invalid(
            "text", "text holds half of a surrogate pair, so it is not Unicode: send whole characters"
        ) from None
    return text


def _check_num_results(request: Mapping[str, Any], max_results: int) -> int:
    num_results = request.get("num_results", DEFAULT_RESULTS)
    if not isinstance(num_results, int) or isinstance(num_results, bool):
        shown = f"{num_results!r:.40}" if isinstance(num_results, float) else json_type(num_results)
        raise _invalid("num_results", f"num_results is {shown}, not a whole number")
    if not 1 <= num_results <= max_results:
        shown = str(num_results) if abs(num_results) < 10**12 else "out of range"
        raise _invalid("num_results", f"num_results is {shown}: ask for 1 to {max_results}")
    return num_results


def _check_mode(request: Mapping[str, Any]) -> str | None:
    if "mode" not in request:
        return None
    mode = request["mode"]
    if not isinstance(mode, str) or mode not in MODES:
        shown = f"{mode[:40]!a}" if isinstance(mode, str) else json_type(mode)
        raise _invalid("mode", f"mode is {shown}: ask for one of {', '.join(MODES)}")
    return mode


def _check_share(request: Mapping[str, Any], mode: str | None) -> float | None:
    if "share" not in request:
        return None
    share = request["share"]
    if not isinstance(share, int | float) or isinstance(share, bool):
        raise _invalid("share", f"share is {json_type(share)}, not a number")
    if not 0 <= share <= 1:
        raise _invalid("share", f"share is {str(share)[:20]}: send a number from 0 to 1")
    if mode != "hybrid":
        raise _invalid(
            "share", 'share is the weight of the keywords in the mode "hybrid": send that mode too'
        )
    return float(share)


def _check_matches(request: Mapping[str, Any], mode: str | None) -> bool:
    matches = request.get("matches", False)
    if not isinstance(matches, bool):
        raise _invalid("matches", f"matches is {json_type(matches)}, not true or false")
    if matches and mode is None:
        raise _invalid("matches", "matches are part of the answer in a mode: send a mode too")
    return matches


def refuse_mode(mode: str | None, modes: Sequence[str]) -> None:
    """Raises RequestError (422) where the artifact can't be searched in this mode; modes are those that it can."""
    if mode is not None and mode not in modes:
        raise _invalid("mode", f"the artifact has no keywords, so mode is one of: {', '.join(modes)}")


def _parse_json(body: bytes) -> object:
    try:
        return json.loads(body.decode(), parse_constant=refuse_constant)
    except UnicodeDecodeError as error:
        raise RequestError(
            400, "not_json", f"the body is not UTF-8 (byte {error.start}): send JSON in UTF-8"
        ) from None
    except json.JSONDecodeError as error:
        raise RequestError(400, "not_json", f"the body is not JSON ({error}): send {EXAMPLE}") from None
    except (ValueError, RecursionError):
        # The body holds NaN, a number of thousands of digits, or thousands of brackets.
        raise RequestError(
            400, "not_json", f"the body is not JSON that can be read: send {EXAMPLE}"
        ) from None


def _invalid(field: str | None, message: str) -> RequestError:
    return RequestError(422, "invalid_request", message, field)
