"""Counters of this process for Prometheus, and their text for GET /metrics under uvicorn.

The text is Prometheus's exposition format 0.0.4. On Lambda there is no such route: an environment's counters would be those
of one of many. Counters are kept in memory, and each worker of uvicorn has its own.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate

from handler import __version__
from handler.record import Record

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Upper limits: of seconds, and of scores.
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
SCORES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
# Name and value of each label.
Labels = tuple[tuple[str, str], ...]


class Histogram:
    """How many values are at most each limit, their sum and their number, for each set of labels."""

    def __init__(self, limits: Sequence[float]) -> None:
        self._limits = limits
        self._counts: dict[Labels, list[int]] = {}
        self._sums: dict[Labels, float] = {}

    def add(self, labels: Labels, value: float) -> None:
        """Counts a value."""
        counts = self._counts.setdefault(labels, [0] * (len(self._limits) + 1))
        counts[bisect_left(self._limits, value)] += 1
        self._sums[labels] = self._sums.get(labels, 0.0) + value

    def samples(self, name: str) -> Iterator[str]:
        """Yields the lines of the samples."""
        limits = [*map(str, self._limits), "+Inf"]
        for labels, counts in self._counts.items():
            for limit, total in zip(limits, accumulate(counts), strict=True):
                yield sample(f"{name}_bucket", (*labels, ("le", limit)), total)
            yield sample(f"{name}_sum", labels, self._sums[labels])
            yield sample(f"{name}_count", labels, sum(counts))


class Counters:
    """A watcher that counts requests. Safe to share between threads."""

    def __init__(self) -> None:
        self._started = time.time()
        self._lock = threading.Lock()
        self._requests: Counter[Labels] = Counter()
        self._latency = Histogram(SECONDS)
        self._stages = Histogram(SECONDS)
        self._empty: Counter[Labels] = Counter()
        self._scores = Histogram(SCORES)
        self._documents: dict[Labels, float] = {}
        self._created: dict[Labels, float] = {}

    def ping(self, invocation: str) -> None:
        """Counts nothing: pings are Lambda's."""

    def __call__(self, record: Record) -> None:
        """Counts a request."""
        with self._lock:
            self._add(record)

    def _add(self, record: Record) -> None:
        route, index = ("route", record.route), ("index", record.index)
        self._requests[route, ("status", str(record.response.status))] += 1
        self._latency.add((route,), record.clock.seconds())
        for stage, seconds in record.clock.stages.items():
            self._stages.add((("stage", stage),), seconds)
        for searched in record.clock.searches or ():
            self._empty[index,] += searched.empty
            if searched.top_score is not None:
                self._scores.add((index,), searched.top_score)
        if record.service is not None:
            self._documents[index,] = record.service.searcher.manifest.count
            release = record.service.release
            if release and release.created is not None:
                self._created[index,] = release.created

    def text(self) -> str:
        """Writes all counters."""
        with self._lock:
            return self._write()

    def _write(self) -> str:
        now = time.time()
        ages: Mapping[Labels, float] = {labels: max(0, now - at) for labels, at in self._created.items()}
        lines = [
            *head("seeklet_requests_total", "counter", "Requests by route and status."),
            *simple("seeklet_requests_total", self._requests),
            *head("seeklet_request_seconds", "histogram", "Seconds that a thread worked on a request."),
            *self._latency.samples("seeklet_request_seconds"),
            *head("seeklet_stage_seconds", "histogram", "Seconds of the stages of a request."),
            *self._stages.samples("seeklet_stage_seconds"),
            *head("seeklet_empty_answers_total", "counter", "Searches that found nothing."),
            *simple("seeklet_empty_answers_total", self._empty),
            *head("seeklet_top_score", "histogram", "The best result's score of each search."),
            *self._scores.samples("seeklet_top_score"),
            *head("seeklet_documents", "gauge", "Documents of the index at its last request."),
            *simple("seeklet_documents", self._documents),
            *head(
                "seeklet_index_age_seconds", "gauge", "Seconds since the pointer to the release was written."
            ),
            *simple("seeklet_index_age_seconds", ages),
            *head("seeklet_start_time_seconds", "gauge", "When this process began to count, since 1970."),
            *simple("seeklet_start_time_seconds", {(): self._started}),
            *head("seeklet_build_info", "gauge", "The version, as a label."),
            *simple("seeklet_build_info", {(("version", __version__),): 1}),
        ]
        return "\n".join([*lines, ""])


def head(name: str, kind: str, text: str) -> tuple[str, str]:
    """Writes what comes before a metric's samples."""
    return f"# HELP {name} {text}", f"# TYPE {name} {kind}"


def simple(name: str, values: Mapping[Labels, float]) -> Iterator[str]:
    """Yields the samples of a counter or a gauge."""
    return (sample(name, labels, value) for labels, value in values.items())


def sample(name: str, labels: Labels, value: float) -> str:
    """Writes a sample: name{label="value"} 1."""
    written = ",".join(f'{label}="{escape(text)}"' for label, text in labels)
    return f"{name}{{{written}}} {value!r}" if labels else f"{name} {value!r}"


def escape(text: str) -> str:
    r"""Writes a label's value as the format wants it: \\ for \, \" for ", \n for a new line."""
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
