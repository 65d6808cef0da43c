"""POST /mcp: the Model Context Protocol's Streamable HTTP transport, without sessions, for agents.

A message is JSON-RPC 2.0. This module has the protocol, mcp_tools.py the tools. Nothing is kept between two requests, so any
environment of the function may answer the next one. modelcontextprotocol.io/specification has the rules that are named here.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping

from handler import __version__
from handler.errors import RequestError
from handler.events import Request
from handler.fields import parse_json
from handler.json_types import is_unicode, json_type
from handler.light_typing import Any
from handler.requests import refuse_body, refuse_response, write_list
from handler.responses import JSON, Response, to_json
from handler.routes.mcp_tools import TOOLS, describe_tools, instructions
from handler.service import Service

# The newest first.
VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
# The one version whose messages may come as a list.
_BATCHES = "2025-03-26"
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
# What nobody can point elsewhere: an address, or localhost.
_ADDRESS = re.compile(r"(localhost|[0-9.]+|\[[0-9a-f:.]+\])(:[0-9]+)?")
EXAMPLE = '{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}'


class RpcError(Exception):
    """An error that a message is answered with."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def post(service: Service, request: Request) -> Response:
    """Answers one message, or a list of them; 202 without a body where nothing waits for an answer."""
    if not service.settings.mcp:
        raise RequestError(404, "not_found", "POST /mcp is turned off here (MCP=off)")
    _refuse_origin(service, request)
    version = request.headers.get("mcp-protocol-version", _BATCHES)
    if version not in VERSIONS:
        raise RequestError(
            400,
            "bad_version",
            f"mcp-protocol-version is {version[:40]!a}: this server knows {', '.join(VERSIONS)}",
        )
    body = request.body()
    refuse_body(len(body), service.settings.max_body_bytes)
    try:
        message = parse_json(body, EXAMPLE)
    except RequestError as error:
        return _respond(400, _failure(None, RpcError(PARSE_ERROR, str(error))))
    fits = (
        version == _BATCHES and 1 <= len(message) <= service.settings.max_batch
        if isinstance(message, list)
        else True
    )
    if not fits:
        return _respond(
            400, _failure(None, RpcError(INVALID_REQUEST, "a list of messages is not taken here"))
        )
    return _answer_all(service, request, message)


def _answer_all(service: Service, request: Request, message: object) -> Response:
    """Answers a message, or each of a list; 400 where one of them is none."""
    codes = set()

    def answers() -> Iterator[bytes]:
        for each in message if isinstance(message, list) else [message]:
            if (answer := _answer(service, request, each)) is not None:
                codes.add(answer.get("error", {}).get("code"))
                yield to_json(answer)

    most = service.settings.max_response_bytes
    field = "messages" if isinstance(message, list) else None
    written = write_list(answers(), most, field)
    if not codes:
        return Response(202, b"", {})
    if not isinstance(message, list):
        written = written[1:-1]
    return Response(400 if INVALID_REQUEST in codes else 200, written, JSON, field)


def _refuse_origin(service: Service, request: Request) -> None:
    """Raises RequestError (403) for another site's page: it might reach a server on its reader's machine."""
    origin = request.headers.get("origin")
    if origin is None or not {origin, "*"}.isdisjoint(service.settings.cors_origins):
        return
    scheme, _, host = origin.partition("://")
    # Over plain HTTP, another site's name may be pointed at this machine (DNS rebinding), and is then the host's too.
    certain = scheme == "https" or _ADDRESS.fullmatch(host)
    if host != request.headers.get("host") or not certain:
        raise RequestError(
            403, "bad_origin", f"the origin {origin[:80]!a} may not call: CORS_ORIGINS names who may"
        )


def _answer(service: Service, request: Request, message: object) -> dict[str, Any] | None:
    """Returns the answer to a message; None for a notification, and for a client's own answer."""
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        return _failure(None, RpcError(INVALID_REQUEST, f"the message is no JSON-RPC 2.0: send {EXAMPLE}"))
    method, id_ = message.get("method"), message.get("id")
    if method is None and ("result" in message or "error" in message):
        return None
    known = id_ if _is_id(id_) else None
    if not isinstance(method, str) or (known is None and "id" in message):
        return _failure(
            known, RpcError(INVALID_REQUEST, "the message needs a method, and an id that is text or a number")
        )
    if "id" not in message:
        return None
    parameters = message.get("params", {})
    try:
        if method not in METHODS:
            raise RpcError(
                METHOD_NOT_FOUND, f"there is no method {method[:80]!a}: there are {', '.join(METHODS)}"
            )
        if not isinstance(parameters, dict):
            raise RpcError(INVALID_REQUEST, "params is not an object")
        return {"jsonrpc": "2.0", "id": known, "result": METHODS[method](service, request, parameters)}
    except RpcError as error:
        return _failure(known, error)


def _is_id(value: object) -> bool:
    """Tells whether it is an id that an answer can repeat: half of a surrogate pair can't be written."""
    if isinstance(value, str):
        return is_unicode(value)
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and not isinstance(value, bool)


def _initialize(service: Service, _request: Request, parameters: Mapping[str, Any]) -> dict[str, Any]:
    asked = parameters.get("protocolVersion")
    return {
        "protocolVersion": asked if asked in VERSIONS else VERSIONS[0],
        "capabilities": {"tools": {"listChanged": False}},
        "serverInfo": {"name": "seeklet", "title": "seeklet", "version": __version__},
        "instructions": instructions(service),
    }


def _ping(_service: Service, _request: Request, _parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {}


def _list_tools(service: Service, _request: Request, _parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {"tools": describe_tools(service)}


def _call_tool(service: Service, request: Request, parameters: Mapping[str, Any]) -> dict[str, Any]:
    name, arguments = parameters.get("name"), parameters.get("arguments", {})
    if not isinstance(name, str) or name not in TOOLS:
        shown = f"{name[:80]!a}" if isinstance(name, str) else f"that is {json_type(name)}"
        raise RpcError(INVALID_PARAMS, f"there is no tool {shown}: there are {', '.join(TOOLS)}")
    if not isinstance(arguments, dict):
        raise RpcError(INVALID_PARAMS, "arguments is not an object")
    try:
        result = TOOLS[name](service, request, arguments)
        text = json.dumps(result, ensure_ascii=False)
        answer = {"content": [{"type": "text", "text": text}], "structuredContent": result, "isError": False}
        # A search alone can be had in parts.
        refuse_response(
            to_json(answer), service.settings.max_response_bytes, "k" if name == "search" else None
        )
        return answer
    except RequestError as error:
        # Not the protocol's error: the model that called the tool shall read it, and call it better.
        return {"content": [{"type": "text", "text": str(error)}], "isError": True}


METHODS: Mapping[str, Callable[[Service, Request, Mapping[str, Any]], dict[str, Any]]] = {
    "initialize": _initialize,
    "ping": _ping,
    "tools/list": _list_tools,
    "tools/call": _call_tool,
}


def _failure(id_: str | float | None, error: RpcError) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id_, "error": {"code": error.code, "message": str(error)}}


def _respond(status: int, message: Any) -> Response:
    return Response(status, to_json(message), JSON)
