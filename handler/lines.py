"""One line of JSON for each request, which CloudWatch reads as metrics too where METRICS=emf.

    {"_aws": {...}, "kind": "request", "level": "INFO", "route": "POST /search", "status": 200, ..., "Latency": 1.04}

Fields that begin with a capital are measurements. CloudWatch takes those that `_aws` names: docs.aws.amazon.com has the
embedded metric format. The lines don't go through `logging`: Lambda leaves a line alone that is JSON already, and finds
level and timestamp in it. No line here holds a query's text, a path, an address or a key.

It is imported only where LOG_REQUESTS or METRICS asks for it (docs/adr/0010-observability.md).
"""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from handler.clock import Searched
from handler.named import NamedTuple
from handler.output import literal, or_null, timestamp, to_line
from handler.record import Record
from handler.settings import Settings

if TYPE_CHECKING:
    from handler.emf import Metrics

# The format's limit of the values of one metric in a line. More queries of a request go into further lines.
MOST_VALUES = 100
_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
# X-Ray's id of a trace, 1-5759e988-bd862e3fe1be46a994272793; what a caller sends may be anything.
_TRACE = re.compile(r"Root=(1-[0-9A-Za-z]{8}-[0-9A-Za-z]{24})(?:;|\Z)")


class Lines:
    """Tells a line of each request, and one of each ping."""

    def __init__(
        self,
        settings: Settings,
        *,
        environ: Mapping[str, str] = MappingProxyType({}),
        now: Callable[[], float] = time.time,
    ) -> None:
        """Takes what is asked for.

        `environ` has what Lambda sets anew at each event, the id of its trace; `now` gives seconds since 1970.
        """
        self._emf: Metrics | None = None
        if settings.metrics == "emf":
            from handler.emf import Metrics

            self._emf = Metrics(settings.function_name)
        self._environ = environ
        self._now = now
        # Where requests had not to wait for the start, none of them was a cold one: counting begins behind the first.
        self._events = itertools.count(int(settings.provisioned))
        # An index's requests are of a few kinds.
        self._template_of = lru_cache(256)(self._write_template)

    def __call__(self, record: Record) -> list[str]:
        """Returns the line of a request, and those of its queries that have no room in it."""
        now, request, response = self._now(), record.request, record.response
        trace = self._environ.get("_X_AMZN_TRACE_ID") or request.headers.get("x-amzn-trace-id")
        measured = measure(record, now)
        kind = Kind(
            record.route,
            request.method if request.method in _METHODS else "other",
            record.index,
            response.status,
            record.code,
            record.key,
            self._is_cold(),
            None if record.service is None else record.service.searcher.manifest.count,
            tuple(measured),
        )
        line = self._template_of(kind) % (
            int(1000 * now),
            timestamp(now),
            or_null(request.invocation),
            or_null(response.headers.get("x-request-id")),
            or_null(trace and trace_id(trace)),
            *measured.values(),
        )
        searches = record.clock.searches
        if searches is None or len(searches) <= MOST_VALUES:
            return [line]
        others = range(MOST_VALUES, len(searches), MOST_VALUES)
        return [line, *[self._more(record, now, searches[first : first + MOST_VALUES]) for first in others]]

    def _write_template(self, kind: Kind) -> str:
        """Writes the line of a kind of requests, with a % for each value that a request has of its own.

        Those are the moment in ms, the timestamp, Lambda's id, the request's id, the trace, and what is measured.
        """
        shared = kind._asdict()
        del shared["measured"]
        # A named tuple has a method `index`.
        shared = {name.removesuffix("_name"): value for name, value in shared.items()} | {
            "key": kind.key or None
        }
        if kind.documents is None:
            del shared["documents"]
        level = "ERROR" if kind.status >= 500 else "INFO"
        # %.0s takes a value and writes nothing.
        metrics = (
            "%.0s" if self._emf is None else self._emf.head(kind.route, kind.status, kind.cold, kind.measured)
        )
        return (
            f'{{{metrics}"kind":"request","level":"{level}","timestamp":"%s","requestId":%s,"id":%s,"trace":%s,'
            f"{literal(to_line(shared)[1:-1])},{write_fields(kind.measured)}}}"
        )

    def _more(self, record: Record, now: float, searches: Sequence[Searched]) -> str:
        """Writes a line of further queries of a request."""
        measured = measure_searches(searches)
        metrics = "%.0s" if self._emf is None else self._emf.head_of_more(measured)
        template = (
            f'{{{metrics}"kind":"searches","level":"INFO","timestamp":"%s","requestId":%s,"id":%s,'
            f"{literal(to_line({'route': record.route, 'index': record.index})[1:-1])},{write_fields(measured)}}}"
        )
        return template % (
            int(1000 * now),
            timestamp(now),
            or_null(record.request.invocation),
            or_null(record.response.headers.get("x-request-id")),
            *measured.values(),
        )

    def ping(self, invocation: str) -> tuple[str]:
        """Returns the line of a ping, of which nothing is measured."""
        fields = {
            "kind": "ping",
            "level": "INFO",
            "timestamp": timestamp(self._now()),
            "requestId": invocation or None,
            "cold": self._is_cold(),
        }
        return (to_line(fields),)

    def _is_cold(self) -> bool:
        """Tells whether this is the first event of the environment; of one alone, though threads ask at once."""
        return next(self._events) == 0


class Kind(NamedTuple):
    """What the lines of many requests have alike: these values, and the names of what was measured.

    `documents` is None where no index answered.
    """

    route: str
    method: str
    index_name: str
    status: int
    code: str | None
    key: str
    cold: bool
    documents: int | None
    measured: tuple[str, ...]


# How a measured value is written; a duration, in ms, is any other one.
_FORMATS = {"results": "%d", "TopScore": "%s", "EmptyAnswers": "%s", "IndexAge": "%d"}


def measure(record: Record, now: float) -> dict[str, Any]:
    """Returns what was measured of a request: durations in ms, and what its searches found."""
    clock, searches = record.clock, record.clock.searches
    measured: dict[str, Any] = {}
    if searches:
        measured["results"] = sum([searched.results for searched in searches])
    measured["Latency"] = 1000 * clock.seconds()
    for stage, seconds in clock.stages.items():
        measured[stage.capitalize()] = 1000 * seconds
    if searches:
        measured |= measure_searches(searches[:MOST_VALUES])
    release = record.service and record.service.release
    if release and release.created is not None:
        measured["IndexAge"] = max(0, round(now - release.created))
    return measured


def measure_searches(searches: Sequence[Searched]) -> dict[str, str]:
    """Returns what some queries found, as JSON."""
    measured = {}
    scores = [repr(one.top_score) for one in searches if one.top_score is not None]
    if scores:
        measured["TopScore"] = _one_or_many(scores)
    measured["EmptyAnswers"] = _one_or_many(["1" if one.empty else "0" for one in searches])
    return measured


def write_fields(names: Iterable[str]) -> str:
    """Writes the fields of what was measured, without braces, with a % for each value."""
    return ",".join([f'"{name}":{_FORMATS.get(name, "%.3f")}' for name in names])


def _one_or_many(values: list[str]) -> str:
    return values[0] if len(values) == 1 else f"[{','.join(values)}]"


def trace_id(text: str) -> str | None:
    """Returns X-Ray's id of a trace, as X-Ray's console wants it; None where the text has none."""
    found = _TRACE.search(text)
    return found[1] if found else None
