"""Colours of the map: each document's code by a column's values, and what a code means.

A column of names gives its most frequent ones a code each, a column of numbers or dates is divided at its quantiles. This
module knows neither the columns' file nor any colour: the page has the colours.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from handler.dates import parse_date
from handler.light_typing import Any, Protocol
from handler.named import NamedTuple

# Codes that have a meaning of their own. A page has as many colours.
MOST_COLORS = 10
# The code of a document without a value.
NONE = 255
# Columns whose values have an order that a reader cares for.
ORDERED = ("number", "date")


class Coloring(NamedTuple):
    """The codes of all documents. labels[c] and counts[c] say what the code c means, and how many documents have it."""

    codes: NDArray[np.uint8]
    labels: list[str]
    counts: list[int]
    other: int | None  # the code of all values that have none of their own
    none: int  # documents without a value


class Column(Protocol):
    """What is asked of a column."""

    def exists(self) -> NDArray[np.bool_]:
        """The documents that have a value, (count,)."""

    def among(self, values: Sequence[Any]) -> NDArray[np.bool_]:
        """The documents that have one of these values, (count,)."""

    def compare(self, name: str, bound: Any) -> NDArray[np.bool_]:
        """The documents whose value compares with `bound` as the operator's name says, (count,)."""

    def counted(self) -> tuple[Callable[[int], Any], NDArray[np.int64]]:
        """The distinct values by place, ascending, and the number of documents with each."""


def color(column: Column, kind: str) -> Coloring:
    """Codes the documents by a column, whose type is `kind`."""
    exists = column.exists()
    codes = np.full(len(exists), NONE, np.uint8)
    value_of, counts = column.counted()
    if kind in ORDERED:
        return _color_numbers(column, kind, codes, value_of, counts)
    # Of equally frequent values the first is preferred.
    places = np.argsort(-counts, kind="stable")[: MOST_COLORS + 1].tolist()
    others = len(places) > MOST_COLORS
    values = [value_of(place) for place in places[:MOST_COLORS]]
    labels = [describe(value) for value in values]
    if others:
        codes[exists] = len(values)
        labels.append("other")
    # A document of several values gets the colour of the rarest one, which comes last and says most about it.
    for code, value in enumerate(values):
        codes[column.among([value])] = code
    return _counted(codes, labels, len(values) if others else None)


def _color_numbers(
    column: Column,
    kind: str,
    codes: NDArray[np.uint8],
    value_of: Callable[[int], Any],
    counts: NDArray[np.int64],
) -> Coloring:
    """Codes numbers or dates by at most ten bins of about equally many documents."""
    starts, labels = bin_starts(counts), []
    for code, (start, end) in enumerate(itertools.pairwise([*starts, len(counts)])):
        least = value_of(start)
        codes[column.compare("$gte", parse_date(least) if kind == "date" else least)] = code
        first, last = describe(least), describe(value_of(end - 1))
        labels.append(first if first == last else f"{first} to {last}")
    return _counted(codes, labels, None)


def bin_starts(counts: NDArray[np.integer]) -> list[int]:
    """Divides ascending distinct values, of which there are so many each; returns the first value's place of each bin."""
    if len(counts) <= MOST_COLORS:
        return list(range(len(counts)))
    ends = np.cumsum(counts)
    starts = [0]
    for left in range(MOST_COLORS, 1, -1):
        # The documents that no bin has yet are shared out among the bins that are left.
        done = ends[starts[-1] - 1] if starts[-1] else 0
        wanted = done + (ends[-1] - done) / left
        start = int(np.searchsorted(ends, wanted))
        # The value that fills the bin belongs to it, unless the bin is nearer to its size without it.
        if start == starts[-1] or ends[start] - wanted <= wanted - ends[start - 1]:
            start += 1
        if start >= len(counts):
            break
        starts.append(start)
    return starts


def describe(value: Any) -> str:
    """Writes a value for a legend: true and false as JSON has them, a fraction with 6 digits."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _counted(codes: NDArray[np.uint8], labels: list[str], other: int | None) -> Coloring:
    counts = np.bincount(codes, minlength=NONE + 1)
    return Coloring(codes, labels, counts[: len(labels)].tolist(), other, int(counts[NONE]))
