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
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from handler.clock import Searched
from handler.light_typing import TYPE_CHECKING, Any
from handler.named import NamedTuple
from handler.output import literal, timestamp, to_line
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
    ) -> None:
        """Takes what is asked for; `environ` has what Lambda sets anew at each event, the id of its trace."""
        self._emf: Metrics | None = None
        if settings.metrics == "emf":
            from handler.emf import Metrics

            self._emf = Metrics(settings.function_name)
        self._environ = environ
        # Counts the environment's events. Event 0 is the cold one, and only one thread gets the number 0. With provisioned
        # concurrency no request waits for the start, so counting begins at 1.
        self._events = itertools.count(int(settings.provisioned))
        # An index's requests are of a few kinds.
        self._template_of = lru_cache(256)(self._write_template)

    def __call__(self, record: Record, now: float, shared: str, /) -> list[str]:
        """Returns the line of a request, and those of its queries that have no room in it."""
        request, service, searches = record.request, record.service, record.clock.searches or ()
        names, values = measure(record, now)
        # The fields of a Kind, which takes longer to make than a tuple.
        template = self._template_of(
            (
                record.route,
                request.method if request.method in _METHODS else "other",
                record.index,
                record.response.status,
                record.code,
                record.key,
                next(self._events) == 0,
                service and service.searcher.manifest.count,
                names,
            )
        )
        sent = self._environ.get("_X_AMZN_TRACE_ID") or request.headers.get("x-amzn-trace-id")
        trace = trace_id(sent) if sent else None
        line = template % (int(1000 * now), shared, f'"{trace}"' if trace else "null", *values)
        if len(searches) <= MOST_VALUES:
            return [line]
        others = range(MOST_VALUES, len(searches), MOST_VALUES)
        return [
            line,
            *[self._more(record, now, shared, searches[first : first + MOST_VALUES]) for first in others],
        ]

    def _write_template(self, key: tuple[Any, ...]) -> str:
        """Writes the line of a kind of requests, with a % for each value that a request has of its own.

        Those are the moment in ms, what the request's lines share, the trace, and what is measured.
        """
        kind = Kind._make(key)
        alike = kind._asdict()
        del alike["measured"]
        # A named tuple has a method `index`.
        alike = {name.removesuffix("_name"): value for name, value in alike.items()} | {
            "key": kind.key or None
        }
        if kind.documents is None:
            del alike["documents"]
        level = "ERROR" if kind.status >= 500 else "INFO"
        fields = [field_of(name) for name in kind.measured]
        # %.0s takes a value and writes nothing.
        metrics = "%.0s" if self._emf is None else self._emf.head(kind.route, kind.status, kind.cold, fields)
        return (
            f'{{{metrics}"kind":"request","level":"{level}",%s,"trace":%s,'
            f"{literal(to_line(alike)[1:-1])},{write_fields(fields)}}}"
        )

    def _more(self, record: Record, now: float, shared: str, searches: Sequence[Searched]) -> str:
        """Writes a line of further queries of a request."""
        names, values = measure_searches(searches)
        metrics = "%.0s" if self._emf is None else self._emf.head_of_more(names)
        template = (
            f'{{{metrics}"kind":"searches","level":"INFO",%s,'
            f"{literal(to_line({'route': record.route, 'index': record.index})[1:-1])},{write_fields(names)}}}"
        )
        return template % (int(1000 * now), shared, *values)

    def ping(self, invocation: str, now: float, /) -> tuple[str]:
        """Returns the line of a ping, of which nothing is measured."""
        fields = {
            "kind": "ping",
            "level": "INFO",
            "timestamp": timestamp(now),
            "requestId": invocation or None,
            "cold": next(self._events) == 0,
        }
        return (to_line(fields),)


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


_FOUND = ("results", "EmptyAnswers")
_FOUND_BEST = (*_FOUND, "TopScore")
# How a measured value is written; a duration, in ms, is any other one.
_FORMATS = {"results": "%d", "TopScore": "%s", "EmptyAnswers": "%s", "IndexAge": "%d"}


def measure(record: Record, now: float) -> tuple[tuple[str, ...], list[Any]]:
    """Returns what was measured of a request, names and values: durations in ms, and what its searches found."""
    clock = record.clock
    searches = clock.searches
    found: tuple[str, ...] = ()
    values: list[Any] = [1000 * clock.seconds()]
    for seconds in clock.stages.values():
        values.append(1000 * seconds)
    if searches:
        if len(searches) == 1:
            # Nearly every request: steps and objects are few, since the search has emptied the processor's caches.
            (one,) = searches
            values += one.results, int(one.empty)
            found = _FOUND
            if one.top_score is not None:
                values.append(one.top_score)
                found = _FOUND_BEST
        else:
            many, of_many = measure_searches(searches[:MOST_VALUES])
            values += sum([searched.results for searched in searches]), *of_many
            found = ("results", *many)
    release = record.service and record.service.release
    if release and release.created is not None:
        found += ("IndexAge",)
        values.append(max(0, round(now - release.created)))
    return ("Latency", *clock.stages, *found), values


def measure_searches(searches: Sequence[Searched]) -> tuple[tuple[str, ...], list[str]]:
    """Returns what some queries found, names and values: a metric's values are a list, or one alone."""
    empty = [int(one.empty) for one in searches]
    scores = [one.top_score for one in searches if one.top_score is not None]
    if not scores:
        return ("EmptyAnswers",), [_one_or_many(empty)]
    return ("EmptyAnswers", "TopScore"), [_one_or_many(empty), _one_or_many(scores)]


def _one_or_many(values: Sequence[float]) -> str:
    return to_line(values[0] if len(values) == 1 else values)


def field_of(name: str) -> str:
    """Returns the field of what was measured: a measurement begins with a capital."""
    return name if name == "results" else f"{name[0].upper()}{name[1:]}"


def write_fields(names: Iterable[str]) -> str:
    """Writes the fields of what was measured, without braces, with a % for each value."""
    return ",".join([f'"{name}":{_FORMATS.get(name, "%.3f")}' for name in names])


def trace_id(text: str) -> str | None:
    """Returns X-Ray's id of a trace, as X-Ray's console wants it; None where the text has none."""
    found = _TRACE.search(text)
    return found[1] if found else None
