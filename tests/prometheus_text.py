"""Reads Prometheus's text format 0.0.4, strictly: what a scraper would refuse fails."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*"
_LABEL = r'[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\\\|\\"|\\n)*"'
_SAMPLE = re.compile(rf"({_NAME})(?:\{{((?:{_LABEL})(?:,{_LABEL})*)\}})? (\S+)")
_SUFFIXES = ("_bucket", "_sum", "_count")

Key = tuple[str, frozenset[tuple[str, str]]]


def parse(text: str) -> dict[Key, float]:
    """Returns the samples by name and labels; fails where the text isn't of the format."""
    assert text.endswith("\n")
    samples: dict[Key, float] = {}
    types: dict[str, str] = {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types, f"{name} has two types"
            assert kind in ("counter", "gauge", "histogram", "summary", "untyped")
            types[name] = kind
            continue
        found = _SAMPLE.fullmatch(line)
        assert found, line
        name, labels, value = found[1], found[2] or "", float(found[3])
        family = next((name.removesuffix(end) for end in _SUFFIXES if name.removesuffix(end) in types), name)
        assert family == list(types)[-1], f"{name} doesn't stand below its type"
        assert not math.isnan(value)
        pairs = [tuple(pair.split("=", 1)) for pair in re.findall(_LABEL, labels)]
        key = name, frozenset((label, quoted[1:-1]) for label, quoted in pairs)
        assert key not in samples, line
        samples[key] = value
    _check_histograms(samples, types)
    return samples


def _check_histograms(samples: Mapping[Key, float], types: Mapping[str, str]) -> None:
    """Buckets grow with their limits, and the last is the count."""
    for (name, labels), count in samples.items():
        family = name.removesuffix("_count")
        if types.get(family) != "histogram" or family == name:
            continue
        buckets = sorted(
            (float(dict(own)["le"]), value)
            for (bucket, own), value in samples.items()
            if bucket == f"{family}_bucket" and {pair for pair in own if pair[0] != "le"} == labels
        )
        values = [value for _, value in buckets]
        assert values == sorted(values)
        assert buckets[-1] == (math.inf, count)
        assert (f"{family}_sum", labels) in samples
