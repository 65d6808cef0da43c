"""From a request to its response: the route, the key, the errors' shape, and the headers of every answer.

function.py calls it with the request of an event, api.py with the web framework's. So both give the same bytes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping

from handler.clock import Clock
from handler.errors import RequestError
from handler.events import Request
from handler.requests import KEY_HEADER, refuse_without_key
from handler.responses import Response, as_defect, refusal
from handler.routes import OPEN_PATHS, ROUTES, find_route, load_route
from handler.service import Source

# The route whose errors keep the shape that they had before RFC 9457's.
_OLD_PATH = "/similar"
_ID = re.compile(r"[!-~]{1,200}")
_EXPOSED = "etag, server-timing, x-request-id"
_ALLOWED = "authorization, content-type, if-none-match, mcp-protocol-version, mcp-session-id, x-api-key, x-request-id"


class Router:
    """Answers each request from the service that its source has when it begins."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._settings = source.settings

    def respond(
        self,
        request: Request,
        answer: Callable[[Request], Response] | None = None,
        *,
        needs_key: bool = True,
    ) -> Response:
        """Returns the response to a request; it never raises. `answer` is asked instead of the table's route."""
        clock = Clock()
        index, path = self.source.split(request.path)
        request = request._replace(clock=clock)
        problem = path != _OLD_PATH
        try:
            if request.method == "OPTIONS" and self._is_preflight(request):
                return self._with_headers(request, _preflight(), clock)
            if not path:
                return self._with_headers(request, _to_folder(index, request.query), clock)
            if needs_key and (request.method, path) not in OPEN_PATHS:
                sent = request.headers.get(KEY_HEADER, "").encode(errors="surrogatepass")
                refuse_without_key(sent, self._settings.api_key)
            response = self._answer(index, path, request) if answer is None else answer(request)
        except RequestError as error:
            response = refusal(error, problem=problem)
        except Exception as error:  # noqa: BLE001 - a defect: logged with its traceback, and answered without it
            response = refusal(as_defect(error), problem=problem)
        return self._with_headers(request, response, clock)

    def refuse(self, error: RequestError) -> Response:
        """Returns the response to a request that can't even be read."""
        return self._with_headers(Request("", "", {}), refusal(error), Clock())

    def _answer(self, index: str, path: str, request: Request) -> Response:
        found = find_route(request.method, path)
        request = request._replace(path=path, parameters=found.parameters)
        # Taken once: all of an answer is of one artifact.
        return load_route(found.name)(self.source.current(index), request)

    def _with_headers(self, request: Request, response: Response, clock: Clock) -> Response:
        headers = {
            **response.headers,
            "x-request-id": _request_id(request),
            "server-timing": clock.server_timing(),
        }
        if self._settings.cors_origins:
            headers |= self._cors(request.headers)
        return Response(response.status, response.body, headers)

    def _cors(self, sent: Mapping[str, str]) -> dict[str, str]:
        origins, origin = self._settings.cors_origins, sent.get("origin", "")
        if "*" in origins:
            return {"access-control-allow-origin": "*", "access-control-expose-headers": _EXPOSED}
        if origin not in origins:
            return {"vary": "origin"}
        return {
            "access-control-allow-origin": origin,
            "access-control-expose-headers": _EXPOSED,
            "vary": "origin",
        }

    def _is_preflight(self, request: Request) -> bool:
        return bool(self._settings.cors_origins) and "access-control-request-method" in request.headers


def _preflight() -> Response:
    methods = {method for method, _ in ROUTES}
    return Response(
        204,
        b"",
        {
            "access-control-allow-methods": ", ".join(sorted(methods)),
            "access-control-allow-headers": _ALLOWED,
            "access-control-max-age": "3600",
        },
    )


def _to_folder(index: str, query: str) -> Response:
    """Leads from /news to /news/, below which a page finds its routes."""
    return Response(308, b"", {"location": f"{index}/{'?' if query else ''}{query}"})


def _request_id(request: Request) -> str:
    """Returns the caller's id of the request, the sender's, or a new one."""
    for given in (request.headers.get("x-request-id", ""), request.event_id):
        if _ID.fullmatch(given):
            return given
    return os.urandom(16).hex()
