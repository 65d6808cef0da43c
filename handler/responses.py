"""Responses: a status, a body and headers; errors as JSON, in RFC 9457's shape or in POST /similar's own.

A problem may also have what a familiar API's clients look for. This module knows no event, no route and no web framework.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from types import MappingProxyType

from handler.errors import RequestError, UnavailableError
from handler.light_typing import Any, TypeAlias
from handler.logs import log
from handler.named import NamedTuple

JSON: Mapping[str, str] = MappingProxyType({"content-type": "application/json"})
PROBLEM: Mapping[str, str] = MappingProxyType({"content-type": "application/problem+json"})
# RFC 9110's names of the statuses.
TITLES: Mapping[int, str] = MappingProxyType(
    {
        400: "Bad Request",
        403: "Forbidden",
        404: "Not Found",
        405: "Method Not Allowed",
        408: "Request Timeout",
        413: "Content Too Large",
        422: "Unprocessable Content",
        500: "Internal Server Error",
        503: "Service Unavailable",
    }
)
# JSON-RPC's first code for a server's own errors.
SERVER_ERROR = -32000
# Statuses whose responses have no body, and say no length (RFC 9110, 8.6).
BODILESS = (204, 304)
# What writes an error in one of its shapes.
Render: TypeAlias = Callable[[RequestError], bytes]
# Made once: json.dumps would make one at each call.
_write = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


class Response(NamedTuple):
    """A status, a body in UTF-8, and headers whose names are in lower case.

    less_of   the field to ask for less of where the body is too long to be sent; None where it can't be had in parts
    """

    status: int
    body: bytes
    headers: Mapping[str, str] = JSON
    less_of: str | None = None


def render_error(error: RequestError) -> bytes:
    """Writes an error in the shape of POST /similar and of a direct invocation."""
    return to_json({"error": {"code": error.code, "message": str(error), "field": error.field}})


def render_problem(error: RequestError, more: Mapping[str, Any] = MappingProxyType({})) -> bytes:
    """Writes an error as RFC 9457 has it, with the members code and field besides, and `more`."""
    return to_json(
        {
            "type": "about:blank",
            "title": TITLES.get(error.status, "Error"),
            "status": error.status,
            "detail": str(error),
            "code": error.code,
            "field": error.field,
            **more,
        }
    )


def render_openai(error: RequestError) -> bytes:
    """Writes a problem with the member in which OpenAI's clients look for the message."""
    kind = "server_error" if error.status >= 500 else "invalid_request_error"
    told = {"message": str(error), "type": kind, "param": error.field, "code": error.code}
    return render_problem(error, {"error": told})


def render_embed(error: RequestError) -> bytes:
    """Writes a problem with the members in which clients of text-embeddings-inference look for the message."""
    kind = "Backend" if error.status >= 500 else "Validation"
    return render_problem(error, {"error": str(error), "error_type": kind})


def render_rpc(error: RequestError) -> bytes:
    """Writes a problem that is JSON-RPC's error too: of another answer a client of MCP shows the status alone."""
    told = {"code": SERVER_ERROR, "message": str(error)}
    return render_problem(error, {"jsonrpc": "2.0", "id": None, "error": told})


def refusal(error: RequestError, render: Render = render_problem) -> Response:
    """Returns the response to a request that can't be answered, in one of the shapes of errors."""
    kind = JSON if render in (render_error, render_rpc) else PROBLEM
    return Response(error.status, render(error), {**kind, **error.headers})


def without_body(response: Response) -> Response:
    """Returns what HEAD is answered with: the body's length, and not the body (RFC 9110, 9.3.2)."""
    if response.status in BODILESS:
        return response
    length = {"content-length": str(len(response.body))}
    return response._replace(body=b"", headers={**response.headers, **length})


def as_defect(error: BaseException) -> RequestError:
    """Returns the error of a request where seeklet itself failed, or what it needs is away.

    It logs the reason; the caller sees nothing of it.
    """
    if isinstance(error, UnavailableError):
        log().error("%s: %s", error.code, error)
        told = RequestError(503, error.code, "the index can't answer now: try again, the log says why")
        told.headers = {"retry-after": "1"}
        return told
    log().error("request failed", exc_info=error)
    return RequestError(500, "internal_error", "the request could not be answered: the log says why")


def to_json(value: Any) -> bytes:
    """Writes compact JSON in UTF-8. Raises ValueError for NaN and infinity, which JSON can't hold."""
    return _write(value).encode()
