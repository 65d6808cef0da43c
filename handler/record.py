"""What the router notes of one request, for those who tell of it: lines.py, analytics.py and counters.py.

It holds the request itself, so it lives no longer than the answer. What may be told is theirs to choose: never a query's text,
but in analytics.py, and never a key.
"""

from __future__ import annotations

from handler.clock import Clock
from handler.events import Request
from handler.light_typing import Protocol
from handler.responses import Response
from handler.routes import FRAMEWORK_PATHS, METRICS_PATH, ROUTES, match_path
from handler.service import Service

_NAMES = {
    (method, path): f"{method} {path}"
    for method, path in (*ROUTES, *[("GET", path) for path in (*FRAMEWORK_PATHS, METRICS_PATH)])
}
# What is logged where the lines of an answered event can't be made or written.
UNTOLD = "an event was answered, and can't be told of"


class Record:
    """One request and its answer.

    request   its path without an index's name
    response  with all its headers
    clock     the stages, and what was searched for
    index     the name of the index that answered or couldn't be loaded, "" for the default one
    service   what answered; None where the request was refused before
    key       the name of the key that was sent, "" where there are none or it was refused
    code      the error's short name, None where there is none
    """

    __slots__ = ("_route", "clock", "code", "index", "key", "request", "response", "service")

    def __init__(self, request: Request, clock: Clock) -> None:
        self.request = request
        self.clock = clock
        self.index = ""
        self.service: Service | None = None
        self.key = ""
        self.code: str | None = None
        self.response = Response(500, b"")
        self._route = ""

    @property
    def route(self) -> str:
        """The route as the table has it: "GET /documents/{document_id}"; "none" where there is none."""
        # Whoever tells of the request asks for it.
        self._route = self._route or self._find_route()
        return self._route

    def _find_route(self) -> str:
        method, path = self.request.method, self.request.path
        if name := _NAMES.get((method, path)):
            return name
        for known, template in ROUTES:
            if known == method and match_path(template, path) is not None:
                return f"{method} {template}"
        return "none"


class Watcher(Protocol):
    """Tells of requests."""

    def __call__(self, record: Record) -> None:
        """Tells of a request whose answer is made."""

    def ping(self, invocation: str) -> None:
        """Tells of a scheduled event, by Lambda's id of it."""
