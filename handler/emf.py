"""The metrics of a line, as CloudWatch's embedded metric format has them: which of its fields are metrics, and of what.

docs.aws.amazon.com has the format. It is imported only where METRICS=emf.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from handler.output import to_line

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
# What every request is counted by.
COUNTS = ("Requests", "ClientErrors", "ServerErrors", "ColdStarts")
BY_ROUTE = ("Requests", "ClientErrors", "ServerErrors", "Latency", "Tokenise", "Encode", "Search")


class Metrics:
    """Writes what makes a line metrics, of a function by its name."""

    def __init__(self, function_name: str) -> None:
        self._name = to_line(function_name or NAMESPACE)

    def head(self, now: float, route: str, status: int, cold: bool, measured: Iterable[str]) -> str:
        """Writes a line's first fields, with a comma after them; `measured` are the names of what was measured."""
        return f"{self._start(now, write_directives(tuple(measured), COUNTS))}{write_counts(route, status, cold)},"

    def head_of_more(self, now: float, measured: Iterable[str]) -> str:
        """Writes the first fields of a further line of a request, which was counted already."""
        return self._start(now, write_directives(tuple(measured)))

    def _start(self, now: float, directives: str) -> str:
        return (
            f'"_aws":{{"Timestamp":{int(now * 1000)},"CloudWatchMetrics":{directives}}},'
            f'"FunctionName":{self._name},'
        )


@lru_cache(maxsize=256)
def write_counts(route: str, status: int, cold: bool) -> str:
    """Writes the dimension that is the route, and as what a request counts."""
    counts = {
        "Requests": 1,
        "ClientErrors": int(400 <= status < 500),
        "ServerErrors": int(status >= 500),
        "ColdStarts": int(cold),
    }
    return to_line({"Route": route, **counts})[1:-1]


# A few combinations, so each is written once: half of a line is this.
@lru_cache(maxsize=64)
def write_directives(measured: tuple[str, ...], counts: tuple[str, ...] = ()) -> str:
    """Writes which of a line's fields are metrics: the counts, and what of the measured ones has a unit."""
    return to_line(directives_of([*counts, *[name for name in measured if name in UNITS]]))


def directives_of(names: Iterable[str]) -> list[dict[str, Any]]:
    """Returns which of a line's fields are metrics, for the function and for the route."""
    metrics = [{"Name": name, "Unit": UNITS[name]} for name in names]
    of_route = [metric for metric in metrics if metric["Name"] in BY_ROUTE]
    others = [metric for metric in metrics if metric["Name"] not in BY_ROUTE]
    function, route = ["FunctionName"], ["FunctionName", "Route"]
    directives: list[dict[str, Any]] = [
        {"Namespace": NAMESPACE, "Dimensions": [function, route], "Metrics": of_route},
        {"Namespace": NAMESPACE, "Dimensions": [function], "Metrics": others},
    ]
    return [directive for directive in directives if directive["Metrics"]]
