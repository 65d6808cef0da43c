"""From a request to its response: the route, the key, the errors' shape, and the headers of every answer.

function.py calls it with the request of an event, asgi.py with uvicorn's, and api.py with the web framework's. So all give the
same bytes.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping

from handler.clock import Clock
from handler.errors import RequestError, is_defect
from handler.events import Request
from handler.logs import log
from handler.record import UNTOLD, Record, Watcher
from handler.requests import KEY_HEADER, check_key, refuse_response
from handler.responses import (
    Render,
    Response,
    as_defect,
    refusal,
    render_embed,
    render_error,
    render_openai,
    render_problem,
    render_rpc,
)
from handler.routes import OPEN_PATHS, ROUTES, find_route, load_route
from handler.service import Source
from handler.settings import Settings

# The route whose errors keep the shape that they had before RFC 9457's.
OLD_PATH = "/similar"
_ID = re.compile(r"[!-~]{1,200}")
_EXPOSED = "etag, retry-after, seeklet-corpus, server-timing, x-request-id"
# OpenAI's client for JavaScript sends user-agent and x-stainless-* with each request.
_ALLOWED = (
    "authorization, content-type, if-none-match, mcp-protocol-version, mcp-session-id, user-agent, x-api-key, x-request-id, "
    "x-stainless-arch, x-stainless-lang, x-stainless-os, x-stainless-package-version, x-stainless-retry-count, "
    "x-stainless-runtime, x-stainless-runtime-version, x-stainless-timeout"
)


class Router:
    """Answers each request from the service that its source has when it begins.

    watchers   are told of each request after its answer is made
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.watchers: list[Watcher] = []
        self._settings = source.settings
        self._vary = _what_varies(source.settings)

    def respond(
        self,
        request: Request,
        answer: Callable[[Request], Response] | None = None,
        *,
        needs_key: bool = True,
    ) -> Response:
        """Returns the response to a request; it never raises. `answer` is asked instead of the table's route."""
        # A request within another one has its clock, and only the outer one is told of.
        watched = bool(self.watchers) and request.clock is None
        clock = request.clock or Clock(watched=watched)
        index, path = self.source.split(request.path)
        request = request._replace(clock=clock)
        record = Record(request if path == request.path else request._replace(path=path), clock)
        render = _renderer(path)
        try:
            response = self._respond(index, request, answer, record, needs_key=needs_key)
        except RequestError as error:
            record.code = error.code
            response = refusal(error, render)
        except BaseException as error:
            if not is_defect(error):
                raise
            defect = as_defect(error)
            record.code = defect.code
            response = refusal(defect, render)
        response = self._with_headers(request, response, clock)
        if watched:
            record.response = response
            self._tell(lambda watch: watch(record))
        return response

    def refuse(self, error: RequestError, *, invocation: str = "", problem: bool = True) -> Response:
        """Returns the response to an event that can't be read as a request; `problem` is the shape of the error."""
        request, clock = Request("", "", {}, invocation=invocation), Clock()
        response = self._with_headers(
            request, refusal(error, render_problem if problem else render_error), clock
        )
        if self.watchers:
            record = Record(request, clock)
            record.code, record.response = error.code, response
            self._tell(lambda watch: watch(record))
        return response

    def _respond(
        self,
        index: str,
        request: Request,
        answer: Callable[[Request], Response] | None,
        record: Record,
        *,
        needs_key: bool,
    ) -> Response:
        if request.method == "OPTIONS" and self._is_preflight(request):
            return _preflight()
        path = record.request.path
        if needs_key and (request.method, path) not in OPEN_PATHS:
            sent = request.headers.get(KEY_HEADER, "").encode(errors="surrogatepass")
            record.key = check_key(sent, self._settings.api_keys)
        if not path:
            return _to_folder(index, request.query)
        return self._answer(index, record) if answer is None else answer(request)

    def _answer(self, index: str, record: Record) -> Response:
        request = record.request
        found = find_route(request.method, request.path)
        if found.parameters:
            request = request._replace(parameters=found.parameters)
        if (request.method, request.path) in OPEN_PATHS:
            # Nothing of an index is in it, and who has no key is not told which indexes there are.
            return load_route(found.name)(self._settings, request)
        try:
            # Taken once: all of an answer is of one artifact.
            service = self.source.current(index)
        except RequestError as error:
            # A name that no index has is the caller's own text, which no line has.
            record.index = "" if error.status == 404 else index
            raise
        record.index, record.service = index, service
        response = load_route(found.name)(service, request)
        refuse_response(response.body, self._settings.max_response_bytes, response.less_of)
        return response

    def tell_ping(self, invocation: str) -> None:
        """Tells the watchers of a ping."""
        self._tell(lambda watch: watch.ping(invocation))

    def _tell(self, tell: Callable[[Watcher], None]) -> None:
        for watch in self.watchers:
            try:
                tell(watch)
            except Exception as error:  # noqa: BLE001 - the answer is there, whatever becomes of its line
                log().error(UNTOLD, exc_info=error)

    def _with_headers(self, request: Request, response: Response, clock: Clock) -> Response:
        headers = {
            **response.headers,
            "x-request-id": _request_id(request),
            "server-timing": clock.server_timing(),
        }
        if self._settings.cors_origins:
            headers |= self._cors(request.headers)
        if self._vary:
            headers["vary"] = self._vary
        return Response(response.status, response.body, headers)

    def _cors(self, sent: Mapping[str, str]) -> dict[str, str]:
        origins, origin = self._settings.cors_origins, sent.get("origin", "")
        if "*" in origins:
            return {"access-control-allow-origin": "*", "access-control-expose-headers": _EXPOSED}
        if origin not in origins:
            return {}
        return {"access-control-allow-origin": origin, "access-control-expose-headers": _EXPOSED}

    def _is_preflight(self, request: Request) -> bool:
        return bool(self._settings.cors_origins) and "access-control-request-method" in request.headers


def _what_varies(settings: Settings) -> str:
    """Returns the header Vary. A shared cache must not give an answer to a caller without the key, nor a refusal to one with it."""
    varies = [KEY_HEADER] if settings.api_keys else []
    if settings.cors_origins and "*" not in settings.cors_origins:
        varies.append("origin")
    return ", ".join(varies)


def _renderer(path: str) -> Render:
    """Returns what writes the errors of a path: the clients of a familiar API find them where they look."""
    if path == OLD_PATH:
        return render_error
    if path == "/embed":
        return render_embed
    if path == "/mcp":
        return render_rpc
    return render_openai if path.startswith("/v1/") else render_problem


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
