"""A metadata column of numbers, booleans or dates: a value for each document, and the documents whose value compares as asked.

Comparisons are exact: a bound is compared as the number that it is, however large or fine, and not as it would be rounded
to the column's type. A boolean is 0 or 1, a date a number of microseconds (dates.py). This module reads no file and knows no filter.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from handler.dates import LEAST, MOST, format_date
from handler.light_typing import Any

Mask = NDArray[np.bool_]

COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}
# As many values are faster to compare one after another than to look each document's value up.
FEW = 16
# Whole numbers within such a range are counted, and looked up, in a table.
RANGE = 1 << 20
# What a stored number stands for, and the least and the greatest one that may be stored.
_RENDERED: dict[str, Callable[[Any], Any]] = {
    # -0.0 is 0.0.
    "number": lambda number: number.item() + 0,
    "boolean": bool,
    "date": lambda number: format_date(int(number)),
}
_LIMITS = {"boolean": (0, 1), "date": (LEAST, MOST)}


class Numbers:
    """The numbers of a column, whole (int8 to int64) or float64; in float64 a document without a value has NaN."""

    def __init__(self, kind: str, numbers: NDArray[Any], present: NDArray[np.uint8] | None) -> None:
        """Takes the column's type, "number", "boolean" or "date", and (count,) numbers.

        `present`, (count,), is 1 for each document with a value and else 0; None where all have one.
        """
        self._numbers = numbers
        self._present = present
        self._rendered = _RENDERED[kind]
        self._limits = _LIMITS.get(kind)
        self._whole = numbers.dtype.kind == "i"

    def fault(self) -> str | None:
        """Says what is damaged; None where every number can be read."""
        if self._present is not None and self._present.max(initial=0) > 1:
            return "marks of presence above 1"
        if not self._whole and np.isinf(self._numbers).any():
            return "infinite numbers"
        if self._limits:
            least, most = self._numbers.min(initial=0), self._numbers.max(initial=0)
            if least < self._limits[0] or most > self._limits[1]:
                return f"values from {least} to {most}, not from {self._limits[0]} to {self._limits[1]}"
        return None

    def exists(self) -> Mask:
        """The documents that have a value, (count,)."""
        if self._present is not None:
            marked: Mask = self._present != 0
            return marked
        return np.ones(len(self._numbers), np.bool_) if self._whole else ~np.isnan(self._numbers)

    def among(self, values: Sequence[int | float]) -> Mask:
        """The documents whose value is one of these, (count,)."""
        exact = sorted({number for value in values if (number := self._exact(value)) is not None})
        if len(exact) <= FEW:
            found = np.zeros(len(self._numbers), np.bool_)
            for number in exact:
                found |= self._numbers == number
        elif self._whole and exact[-1] - exact[0] < RANGE:
            found = _in_table(self._numbers, exact)
        else:
            wanted = np.array(exact, self._numbers.dtype)
            places = wanted.searchsorted(self._numbers)
            found = wanted.take(places, mode="clip") == self._numbers
        return self._with_value(found)

    def compare(self, name: str, bound: int | float) -> Mask:
        """The documents whose value compares with `bound` as the operator's name says, (count,)."""
        if self._whole:
            # v > 2.5 where v > 2, and v >= 2.5 where v >= 3.
            limit: int | float = math.floor(bound) if name in ("$gt", "$lte") else math.ceil(bound)
        else:
            name, limit = _float_bound(name, bound)
        return self._with_value(COMPARE[name](self._numbers, limit))

    def counted(self, documents: Mask | None = None) -> tuple[Callable[[int], Any], NDArray[np.int64]]:
        """Counts the distinct values of these documents, or of all: the value of each place, and its count."""
        chosen = self._numbers[self.exists() if documents is None else documents & self.exists()]
        if self._whole and len(chosen) and int(chosen.max()) - int(chosen.min()) < RANGE:
            least = int(chosen.min())
            counts = np.bincount(chosen.astype(np.int64) - least)
            values = counts.nonzero()[0]
            counts, values = counts[values], values + least
        else:
            values, counts = np.unique(chosen, return_counts=True)
        return lambda place: self._rendered(values[place]), counts.astype(np.int64)

    def extent(self) -> tuple[Any, Any]:
        """The least and the greatest value; None twice where there is none."""
        values = self._numbers[self.exists()]
        return (self._rendered(values.min()), self._rendered(values.max())) if len(values) else (None, None)

    def _with_value(self, found: Mask) -> Mask:
        # NaN compares with nothing, so a float column needs no marks.
        return found if self._present is None else found & self._present.view(np.bool_)

    def _exact(self, value: int | float) -> int | float | None:
        """The value as a number of the column's type; None where it has no such number, so that none is equal."""
        try:
            number = int(value) if self._whole else float(value)
        except OverflowError:
            return None
        if self._whole and not (limits := np.iinfo(self._numbers.dtype)).min <= number <= limits.max:
            return None
        return number if number == value else None


def _in_table(numbers: NDArray[Any], wanted: Sequence[Any]) -> Mask:
    """Tells which whole numbers are among `wanted`, which ascend within RANGE.

    numpy's isin has such a table too, but refuses a range that is wider than the type's greatest number.
    """
    least, span = wanted[0], wanted[-1] - wanted[0]
    table = np.zeros(span + 2, np.bool_)  # its last item is for all numbers outside
    table[[number - least for number in wanted]] = True
    # A number below the least wraps around to a large one, so one comparison finds both sides.
    places = (numbers.astype(np.int64) - np.int64(least)).view(np.uint64)
    return table.take(np.minimum(places, np.uint64(span + 1)).view(np.int64))


def _float_bound(name: str, bound: int | float) -> tuple[str, float]:
    """Returns a comparison with a float64 that holds for the same float64s as the one with `bound` does."""
    try:
        near = float(bound)
    except OverflowError:
        near = math.inf if bound > 0 else -math.inf
    # No float64 lies between the bound and the nearest one, which Python compares exactly.
    if name in ("$gt", "$gte"):
        name = "$gte" if near > bound else "$gt" if near < bound else name
    else:
        name = "$lte" if near < bound else "$lt" if near > bound else name
    return name, near
