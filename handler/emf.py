"""The metrics of a line, as CloudWatch's embedded metric format has them: which of its fields are metrics, and of what.

docs.aws.amazon.com has the format. It is imported only where METRICS=emf.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from handler.light_typing import Any
from handler.output import literal, to_line

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


class Metrics:
    """Writes what makes a line metrics, of a function by its name. What it writes is part of a template for %."""

    def __init__(self, function_name: str) -> None:
        self._name = function_name or NAMESPACE

    def head(self, route: str, status: int, cold: bool, measured: Iterable[str]) -> str:
        """Writes a line's first fields, as a template; `measured` are the names of what was measured."""
        counts = {
            "Requests": 1,
            "ClientErrors": int(400 <= status < 500),
            "ServerErrors": int(status >= 500),
            "ColdStarts": int(cold),
        }
        return self._write([*counts, *measured], {"Route": route, **counts})

    def head_of_more(self, measured: Iterable[str]) -> str:
        """Writes the first fields of a further line of a request, which was counted already."""
        return self._write(measured, {})

    def _write(self, names: Iterable[str], fields: Mapping[str, Any]) -> str:
        """Writes which of a line's fields are metrics, and some of the fields; % is the moment in ms, and a comma is the end."""
        directives = to_line(directives_of([name for name in names if name in UNITS]))
        written = literal(to_line({"FunctionName": self._name, **fields})[1:-1])
        return f'"_aws":{{"Timestamp":%d,"CloudWatchMetrics":{directives}}},{written},'


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
