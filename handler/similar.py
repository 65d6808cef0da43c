"""POST /similar: a request body in, a response body out. Knows no web framework.

The request is checked here, field by field, so that each refusal names its field; handler/schemas.py says
the same to OpenAPI, and a test holds the two together.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from handler.errors import RequestError
from handler.searcher import Hit, Searcher
from handler.settings import Settings

logger = logging.getLogger("seeklet")

DEFAULT_RESULTS = 5
FIELDS = ("text", "num_results")


@dataclass(frozen=True, slots=True)
class SimilarQuery:
    """A request that can be answered."""

    text: str
    num_results: int


def answer(searcher: Searcher, settings: Settings, body: bytes) -> bytes:
    """A request's body to the response's; raises RequestError where it can't be answered."""
    query = parse_query(body, settings.max_results, settings.max_body_bytes)
    return render_hits(searcher.search(query.text, query.num_results))


def refuse_body(length: int, max_body_bytes: int) -> None:
    """Raises RequestError (413) where a body of `length` bytes is too long."""
    if length > max_body_bytes:
        raise RequestError(
            413,
            "body_too_long",
            f"the body has more than {max_body_bytes:,} bytes, the most that is taken: send a shorter text",
        )


def parse_query(body: bytes, max_results: int, max_body_bytes: int) -> SimilarQuery:
    """Reads a request body; raises RequestError (400, 413 or 422) naming the field."""
    refuse_body(len(body), max_body_bytes)
    try:
        request = json.loads(body.decode(), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise RequestError(
            400, "not_json", f"the body is not UTF-8 (byte {error.start}): send JSON in UTF-8"
        ) from None
    except json.JSONDecodeError as error:
        raise RequestError(
            400, "not_json", f'the body is not JSON ({error}): send {{"text": "...", "num_results": 5}}'
        ) from None
    except (ValueError, RecursionError):
        # NaN, a number of thousands of digits, or thousands of brackets.
        raise RequestError(
            400, "not_json", 'the body is not JSON that can be read: send {"text": "...", "num_results": 5}'
        ) from None
    if not isinstance(request, dict):
        raise _invalid(None, f"the body is {_kind(request)}, not an object with text and num_results")
    for name in request:
        if name not in FIELDS:
            raise _invalid(
                str(ascii(name))[1:-1],
                f"there is no field {name[:80]!a}: the fields are text and num_results",
            )
    if "text" not in request:
        raise _invalid("text", "the field text is missing: put the query there")
    text = request["text"]
    if not isinstance(text, str):
        raise _invalid("text", f"text is {_kind(text)}, not a string")
    if not text.strip():
        raise _invalid("text", "text is empty: put the query there")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _invalid(
            "text", "text holds half of a surrogate pair, so it is not Unicode: send whole characters"
        ) from None
    num_results = request.get("num_results", DEFAULT_RESULTS)
    if not isinstance(num_results, int) or isinstance(num_results, bool):
        raise _invalid("num_results", f"num_results is {_kind(num_results)}, not a whole number")
    if not 1 <= num_results <= max_results:
        shown = num_results if abs(num_results) < 10**12 else "out of range"
        raise _invalid("num_results", f"num_results is {shown}: ask for 1 to {max_results}")
    return SimilarQuery(text, num_results)


def render_hits(hits: Sequence[Hit]) -> bytes:
    """The response: the article's strings in `text`, and the same as objects in `results`."""
    return to_json(
        {
            "text": [f"Item:{hit.text} (index: {hit.index} score:{hit.score})" for hit in hits],
            "results": [
                {
                    "id": hit.id,
                    "index": hit.index,
                    "score": hit.score,
                    "text": hit.text,
                    "metadata": hit.metadata,
                }
                for hit in hits
            ],
        }
    )


def render_error(error: RequestError) -> bytes:
    """The one shape of every error."""
    return to_json({"error": {"code": error.code, "message": str(error), "field": error.field}})


def render_defect(error: Exception) -> bytes:
    """A defect of ours: logged whole, told without its insides."""
    logger.error("request failed", exc_info=error)
    return render_error(
        RequestError(500, "internal_error", "the request could not be answered: the log says why")
    )


def to_json(value: Any) -> bytes:
    """Compact JSON in UTF-8."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def _invalid(field: str | None, message: str) -> RequestError:
    return RequestError(422, "invalid_request", message, field)


def _kind(value: Any) -> str:
    if value is None:
        return "null"
    names = {
        bool: "a boolean",
        int: "a number",
        float: "a number",
        str: "a string",
        list: "an array",
        dict: "an object",
    }
    name = names[type(value)]
    return f"{value!r}" if isinstance(value, float) else name


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
