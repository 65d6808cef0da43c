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
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from handler.clock import Searched
from handler.named import NamedTuple
from handler.output import or_null, timestamp, to_line
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

    def __call__(self, record: Record) -> list[str]:
        """Returns the line of a request, and those of its queries that have no room in it."""
        now, request, response = self._now(), record.request, record.response
        method, status = request.method, response.status
        trace = trace_id(self._environ.get("_X_AMZN_TRACE_ID") or request.headers.get("x-amzn-trace-id", ""))
        shared = Shared(
            record.route,
            method if method in _METHODS else "other",
            record.index,
            status,
            record.code,
            record.key or None,
            self._is_cold(),
            None if record.service is None else record.service.searcher.manifest.count,
        )
        measured = measure(record, now)
        line = (
            f'"kind":"request","level":"{"ERROR" if status >= 500 else "INFO"}","timestamp":"{timestamp(now)}",'
            f'"requestId":{or_null(request.invocation)},"id":{or_null(response.headers.get("x-request-id"))},'
            f'"trace":{or_null(trace)},{write_shared(shared)},{write_measured(measured)}}}'
        )
        metrics = (
            "" if self._emf is None else self._emf.head(now, record.route, status, shared.cold, measured)
        )
        lines = [f"{{{metrics}{line}"]
        searches = record.clock.searches or ()
        for first in range(MOST_VALUES, len(searches), MOST_VALUES):
            lines.append(self._more(record, now, searches[first : first + MOST_VALUES]))
        return lines

    def _more(self, record: Record, now: float, searches: Sequence[Searched]) -> str:
        """Writes a line of further queries of a request."""
        measured = measure_searches(searches)
        metrics = "" if self._emf is None else self._emf.head_of_more(now, measured)
        return (
            f'{{{metrics}"kind":"searches","level":"INFO","timestamp":"{timestamp(now)}",'
            f'"requestId":{or_null(record.request.invocation)},"id":{or_null(record.response.headers.get("x-request-id"))},'
            f"{to_line({'route': record.route, 'index': record.index})[1:-1]},{write_measured(measured)}}}"
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


class Shared(NamedTuple):
    """What the lines of many requests have alike; `documents` is None where no index answered."""

    route: str
    method: str
    index_name: str
    status: int
    code: str | None
    key: str | None
    cold: bool
    documents: int | None


# An index's requests are of a few such kinds, and this is most of a line.
@lru_cache(maxsize=256)
def write_shared(shared: Shared) -> str:
    """Writes these fields as JSON, without braces."""
    fields = shared._asdict()
    # A named tuple has a method `index`.
    fields = {name.removesuffix("_name"): value for name, value in fields.items()}
    if shared.documents is None:
        del fields["documents"]
    return to_line(fields)[1:-1]


def measure(record: Record, now: float) -> dict[str, str]:
    """Returns what was measured of a request, as JSON: durations in ms, and what its searches found."""
    clock = record.clock
    measured = {}
    if clock.searches:
        measured["results"] = str(sum([searched.results for searched in clock.searches]))
    measured["Latency"] = f"{1000 * clock.seconds():.3f}"
    for stage, seconds in clock.stages.items():
        measured[stage.capitalize()] = f"{1000 * seconds:.3f}"
    if clock.searches:
        measured |= measure_searches(clock.searches[:MOST_VALUES])
    release = record.service and record.service.release
    if release and release.created is not None:
        measured["IndexAge"] = str(max(0, round(now - release.created)))
    return measured


def measure_searches(searches: Sequence[Searched]) -> dict[str, str]:
    """Returns what some queries found, as JSON."""
    measured = {}
    scores = [repr(one.top_score) for one in searches if one.top_score is not None]
    if scores:
        measured["TopScore"] = _one_or_many(scores)
    measured["EmptyAnswers"] = _one_or_many(["1" if one.empty else "0" for one in searches])
    return measured


def write_measured(measured: Mapping[str, str]) -> str:
    """Writes what was measured as fields, without braces."""
    return _fields_of(tuple(measured)) % tuple(measured.values())


@lru_cache(maxsize=64)
def _fields_of(names: tuple[str, ...]) -> str:
    """Writes some fields with a %s for each value."""
    return ",".join([f'"{name}":%s' for name in names])


def _one_or_many(values: list[str]) -> str:
    return values[0] if len(values) == 1 else f"[{','.join(values)}]"


def trace_id(text: str) -> str | None:
    """Returns X-Ray's id of a trace, as X-Ray's console wants it; None where the text has none."""
    found = _TRACE.search(text) if text else None
    return found[1] if found else None
