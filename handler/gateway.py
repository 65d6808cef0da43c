"""The way from a Request to FastAPI and back, through Mangum.

Mangum doesn't read the event that Lambda passed on, which may be malformed: no headers, a Host that is no host, half of
a surrogate pair. It reads a well-formed event that make_event makes of the Request.
"""

from __future__ import annotations

import base64
import functools
import re
from urllib.parse import quote

from handler.events import Request
from handler.light_typing import Any
from handler.responses import Response

_HOST = re.compile(r"[A-Za-z0-9._-]+(:[0-9]{1,5})?")
_PORT = re.compile(r"[0-9]{1,5}")


def ask(app: Any, request: Request) -> Response:
    """Returns the application's response to a request."""
    answer = _mangum(app)(make_event(request), None)
    headers = {
        name: value for name, value in (answer.get("headers") or {}).items() if name != "content-length"
    }
    body = answer.get("body", "")
    data = base64.b64decode(body) if answer["isBase64Encoded"] else body.encode()
    return Response(answer["statusCode"], data, headers)


def make_event(request: Request) -> dict[str, Any]:
    """Writes the request as an event of payload 2.0 that Mangum can read."""
    headers = {_unicode(name): _unicode(value) for name, value in request.headers.items()}
    for name, pattern in (("host", _HOST), ("x-forwarded-port", _PORT)):
        if not pattern.fullmatch(headers.get(name, "")):
            headers.pop(name, None)
    if request.event_id:
        headers.setdefault("x-request-id", _unicode(request.event_id))
    path = quote(request.path)
    return {
        # Not of the event's form, and never read from a sender's event: api.py knows by it that the router times already.
        "clock": request.clock,
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": _unicode(request.query),
        "headers": headers,
        "requestContext": {
            "http": {"method": request.method, "path": path, "sourceIp": request.source_ip},
        },
        "body": base64.b64encode(request.body()).decode(),
        "isBase64Encoded": True,
    }


def _unicode(text: str) -> str:
    """The text with a question mark for each half of a surrogate pair."""
    return text.encode(errors="replace").decode()


@functools.cache
def _mangum(app: Any) -> Any:
    from mangum import Mangum

    # With lifespan on, Mangum would run it at every event (mangum #342). Everything is loaded by now.
    return Mangum(app, lifespan="off")
