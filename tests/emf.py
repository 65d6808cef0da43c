"""CloudWatch's embedded metric format, as its specification has it: what a line must be to become metrics."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

# PutMetricData's units, which the format takes.
_BYTES = ("Bytes", "Kilobytes", "Megabytes", "Gigabytes", "Terabytes")
_BITS = ("Bits", "Kilobits", "Megabits", "Gigabits", "Terabits")
UNITS = {
    *("Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "Count/Second", "None"),
    *_BYTES,
    *_BITS,
    *(f"{unit}/Second" for unit in (*_BYTES, *_BITS)),
}
MOST_BYTES = 256 * 1024


def read_metrics(line: str) -> dict[tuple[str, ...], dict[str, list[float]]]:
    """Returns the values of each metric, by the values of its dimensions; fails where a line breaks a rule.

    {("my-function", "POST /search"): {"Latency": [1.04]}}
    """
    assert "\n" not in line
    assert len(line.encode()) <= MOST_BYTES
    root = json.loads(line, parse_constant=lambda name: _fail(f"{name} is no JSON"))
    metadata = root["_aws"]
    assert set(metadata) <= {"Timestamp", "CloudWatchMetrics", "LogGroupName"}
    assert type(metadata["Timestamp"]) is int
    found: dict[tuple[str, ...], dict[str, list[float]]] = {}
    for directive in metadata["CloudWatchMetrics"]:
        assert set(directive) == {"Namespace", "Dimensions", "Metrics"}
        assert isinstance(directive["Namespace"], str)
        assert 1 <= len(directive["Namespace"]) <= 1024
        assert len(directive["Metrics"]) <= 100
        for dimensions in _dimensions(directive, root):
            for metric in directive["Metrics"]:
                name, values = _metric(metric, root)
                found.setdefault(dimensions, {})[name] = values
    return found


def _dimensions(directive: Mapping[str, Any], root: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    assert len(directive["Dimensions"]) >= 1
    for names in directive["Dimensions"]:
        assert len(names) <= 30
        values = [root[name] for name in names]
        for text in (*names, *values):
            assert isinstance(text, str)
            assert 1 <= len(text) <= 250
            assert text.isascii()
            assert text.isprintable()
            assert not text.startswith(":")
        yield tuple(values)


def _metric(metric: Mapping[str, Any], root: Mapping[str, Any]) -> tuple[str, list[float]]:
    assert set(metric) <= {"Name", "Unit", "StorageResolution"}
    name = metric["Name"]
    assert 1 <= len(name) <= 1024
    assert metric.get("Unit", "None") in UNITS
    values = root[name] if isinstance(root[name], list) else [root[name]]
    assert 1 <= len(values) <= 100
    assert all(type(value) in (int, float) for value in values)
    return name, values


def _fail(why: str) -> None:
    raise AssertionError(why)
