"""API Gateway events that need no web framework: a plain POST /similar, answered from its body.

Whatever isn't plainly that (another path, method or kind of event) is left to Mangum and FastAPI, by None.
Same bytes, status and headers as theirs: a test holds both ways together.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import Any

from handler.access import refuse_without_key, sent_key
from handler.errors import RequestError
from handler.similar import render_defect, render_error

Event = Mapping[str, Any]


def answer_event(
    event: Event, answer: Callable[[bytes], bytes], api_key: str | None = None
) -> dict[str, Any] | None:
    """The response to a plain POST /similar or to a wrong API key, or None where the event is anything else.

    `answer` takes the request's body to the response's, and may raise RequestError.
    """
    if not isinstance(event, dict) or not _is_api_gateways(event):
        return None
    try:
        refuse_without_key(sent_key(event), api_key)
        if not _is_similar(event):
            return None
        return respond(event, 200, answer(read_body(event)))
    except RequestError as error:
        return respond(event, error.status, render_error(error))
    except Exception as error:  # noqa: BLE001 - the last door: a defect of ours is logged whole, as FastAPI's is
        return respond(event, 500, render_defect(error))


def read_body(event: Event) -> bytes:
    """The request's body; raises RequestError where it is not the base64 or the text that it is said to be."""
    body = event.get("body") or ""
    try:
        return base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except (binascii.Error, UnicodeEncodeError, ValueError) as error:
        raise RequestError(
            400, "not_json", f"the event's body can't be decoded ({error}): send JSON in UTF-8"
        ) from None


def respond(event: Event, status: int, body: bytes) -> dict[str, Any]:
    """An API Gateway response in the event's payload format."""
    response = {
        "statusCode": status,
        "headers": {"content-length": str(len(body)), "content-type": "application/json"},
        "body": body.decode(),
        "isBase64Encoded": False,
    }
    if event.get("version") != "2.0":
        response["multiValueHeaders"] = {}
    return response


def _is_api_gateways(event: Event) -> bool:
    # What else has these keys is Mangum's to tell apart.
    return "requestContext" in event and (event.get("version") == "2.0" or "resource" in event)


def _is_similar(event: Event) -> bool:
    if event.get("version") == "2.0":
        http = event["requestContext"].get("http", {})
        return bool(http.get("method") == "POST" and http.get("path") == "/similar")
    # Payload 1.0, of a REST API.
    return event.get("httpMethod") == "POST" and event.get("path") == "/similar"
