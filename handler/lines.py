"""One line of JSON on standard output for each request, which CloudWatch reads as metrics too where METRICS=emf.

    {"_aws": {...}, "kind": "request", "level": "INFO", "route": "POST /search", "status": 200, ..., "Latency": 1.04}

Fields that begin with a capital are measurements. CloudWatch takes those that `_aws` names: docs.aws.amazon.com has the
embedded metric format. The lines don't go through `logging`: Lambda leaves a line alone that is JSON already, and finds
level and timestamp in it. No line here holds a query's text, a path, an address or a key.

It is imported only where LOG_REQUESTS or METRICS asks for it (docs/adr/0010-observability.md).
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from handler.record import Record
from handler.settings import Settings

NAMESPACE = "seeklet"
# Metric -> its unit, of the function as a whole; those of BY_ROUTE of each route besides.
UNITS = {
    "Requests": "Count",
    "ClientErrors": "Count",
    "ServerErrors": "Count",
    "ColdStarts": "Count",
    "Latency": "Milliseconds",
    "Tokenise": "Milliseconds",
    "Encode": "Milliseconds",
    "Search": "Milliseconds",
    "TopScore": "None",
    "EmptyAnswers": "Count",
    "IndexAge": "Seconds",
}
BY_ROUTE = ("Requests", "ClientErrors", "ServerErrors", "Latency", "Tokenise", "Encode", "Search")
# The format's limit of the values of one metric in a line.
MOST_VALUES = 100
_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS")
_writing = threading.Lock()
to_line = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


class Lines:
    """A watcher that writes a line for each request, and one for each ping."""

    def __init__(
        self,
        settings: Settings,
        *,
        write: Callable[[str], None] | None = None,
        environ: Mapping[str, str] = MappingProxyType({}),
        now: Callable[[], float] = time.time,
    ) -> None:
        """Writes to standard output, unless `write` takes the lines.

        `environ` has what Lambda sets anew at each event, the id of its trace; `now` gives seconds since 1970.
        """
        self._emf = settings.metrics == "emf"
        self._name = settings.function_name or NAMESPACE
        self._write = write or to_stdout
        self._environ = environ
        self._now = now
        self._directives: dict[tuple[str, ...], str] = {}
        # Where requests had not to wait for the start, none of them was a cold one.
        self._cold = not settings.provisioned

    def __call__(self, record: Record) -> None:
        """Writes the line of a request."""
        now, request, status = self._now(), record.request, record.response.status
        fields: dict[str, Any] = {
            "kind": "request",
            "level": "ERROR" if status >= 500 else "INFO",
            "timestamp": timestamp(now),
            "requestId": request.invocation or None,
            "id": record.response.headers.get("x-request-id"),
            "trace": trace_id(
                self._environ.get("_X_AMZN_TRACE_ID") or request.headers.get("x-amzn-trace-id", "")
            ),
            "route": record.route,
            "method": request.method if request.method in _METHODS else "other",
            "index": record.index,
            "status": status,
            "code": record.code,
            "key": record.key or None,
            "cold": self._is_cold(),
        }
        if record.service is not None:
            fields["documents"] = record.service.searcher.manifest.count
        measured = measure(record, now)
        if measured_searches := record.clock.searches:
            fields["results"] = sum(searched.results for searched in measured_searches)
        if self._emf:
            counts = {
                "Requests": 1,
                "ClientErrors": int(400 <= status < 500),
                "ServerErrors": int(status >= 500),
                "ColdStarts": int(fields["cold"]),
            }
            self._write_metrics(now, fields, counts | measured)
        else:
            self._write(to_line(fields | measured))

    def ping(self, invocation: str) -> None:
        """Writes the line of a ping, of which nothing is measured."""
        self._write(
            to_line(
                {
                    "kind": "ping",
                    "level": "INFO",
                    "timestamp": timestamp(self._now()),
                    "requestId": invocation or None,
                    "cold": self._is_cold(),
                }
            )
        )

    def _is_cold(self) -> bool:
        """Tells whether this is the first event of the environment."""
        cold, self._cold = self._cold, False
        return cold

    def _write_metrics(self, now: float, fields: Mapping[str, Any], measured: Mapping[str, Any]) -> None:
        names = tuple(name for name in measured if name in UNITS)
        directives = self._directives.get(names)
        if directives is None:
            # A few combinations, so each is written once: half of the line is this.
            directives = self._directives[names] = to_line(directives_of(names))
        body = to_line({"FunctionName": self._name, "Route": fields["route"], **fields, **measured})
        self._write(f'{{"_aws":{{"Timestamp":{int(now * 1000)},"CloudWatchMetrics":{directives}}},{body[1:]}')


def measure(record: Record, now: float) -> dict[str, Any]:
    """Returns what was measured of a request: durations in ms, and what its searches found."""
    clock = record.clock
    measured: dict[str, Any] = {"Latency": round(1000 * clock.seconds(), 3)}
    for stage, seconds in clock.stages.items():
        measured[stage.capitalize()] = round(1000 * seconds, 3)
    if clock.searches:
        # A score that is no number can't be written, and its request has failed.
        scores = [
            one.top_score
            for one in clock.searches
            if one.top_score is not None and one.top_score == one.top_score
        ]
        if scores:
            measured["TopScore"] = _one_or_many(scores)
        measured["EmptyAnswers"] = _one_or_many([int(one.empty) for one in clock.searches])
    release = record.service and record.service.release
    if release and release.created is not None:
        measured["IndexAge"] = max(0, round(now - release.created))
    return measured


def _one_or_many(values: list[Any]) -> Any:
    return values[0] if len(values) == 1 else values[:MOST_VALUES]


def directives_of(names: tuple[str, ...]) -> list[dict[str, Any]]:
    """Returns which of a line's fields are metrics, for the function and for the route."""
    metrics = [{"Name": name, "Unit": UNITS[name]} for name in names]
    of_route = [metric for metric in metrics if metric["Name"] in BY_ROUTE]
    others = [metric for metric in metrics if metric["Name"] not in BY_ROUTE]
    function, route = ["FunctionName"], ["FunctionName", "Route"]
    return [
        {"Namespace": NAMESPACE, "Dimensions": [function, route], "Metrics": of_route},
        {"Namespace": NAMESPACE, "Dimensions": [function], "Metrics": others},
    ]


def timestamp(now: float) -> str:
    """Writes seconds since 1970 as 2026-11-28T10:00:00.123Z."""
    whole = int(now)
    days, seconds = divmod(whole, 86_400)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{_date(days)}T{hours:02}:{minutes:02}:{seconds:02}.{int(1000 * (now - whole)):03}Z"


# strftime was a sixth of a line's time, and a day has many lines.
@lru_cache(maxsize=2)
def _date(days: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(86_400 * days))


def trace_id(text: str) -> str | None:
    """Returns X-Ray's id of a trace, as X-Ray's console wants it; None where the text has none."""
    root = text.partition("Root=")[2].partition(";")[0]
    # 1-5759e988-bd862e3fe1be46a994272793; what a caller sends may be anything.
    ok = len(root) == 35 and root.startswith("1-") and root.isascii() and root.replace("-", "").isalnum()
    return root if ok else None


def to_stdout(line: str) -> None:
    """Writes a line at once, and whole: an environment may be frozen before a buffer is full, and uvicorn's threads write too."""
    with _writing:
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
