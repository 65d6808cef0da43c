"""A metadata column of strings, or of lists of strings: every distinct value is stored once, and has a place.

A column of strings stores each document's place, a column of lists stores each value's documents. A filter looks a value
up once, and then compares places, which rise with the values. This module reads no file and knows no filter;
column_numbers.py has numbers, booleans and dates.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from handler.column_numbers import FEW, Mask
from handler.light_typing import Any
from handler.safetensors import rises


class Texts:
    """The distinct strings of a column, ascending by code point, as their UTF-8 is."""

    def __init__(self, ends: NDArray[np.uint32], text: NDArray[np.uint8]) -> None:
        """String i is text[ends[i]:ends[i + 1]]."""
        self._arrays = ends, text
        # Views whose single items are read faster than those of arrays.
        self._ends, self._text = memoryview(ends), memoryview(text)  # type: ignore[arg-type]

    def __len__(self) -> int:
        return len(self._ends) - 1

    def __getitem__(self, place: int) -> str:
        """Raises ValueError where it is not UTF-8."""
        return self._key(place).decode()

    def fault(self) -> str | None:
        """Says what is damaged; None where every string can be found."""
        ends, text = self._arrays
        return None if rises(ends, len(self), len(text)) else "ends of strings that don't rise"

    def find(self, value: str) -> int | None:
        """Returns a string's place, or None."""
        key = _encode(value)
        place = bisect_left(range(len(self)), key, key=self._key)
        return place if place < len(self) and self._key(place) == key else None

    def rank(self, value: str, *, after: bool) -> int:
        """Counts the strings that are less than `value`; with `after`, also an equal one."""
        return (bisect_right if after else bisect_left)(range(len(self)), _encode(value), key=self._key)

    def _key(self, place: int) -> bytes:
        return self._text[self._ends[place] : self._ends[place + 1]].tobytes()


class Strings:
    """A column with at most one string for each document: code 0 where there is none, else 1 + the value's place."""

    def __init__(self, codes: NDArray[Any], values: Texts) -> None:
        """Takes (count,) codes of uint8, uint16 or int32."""
        self._codes = codes
        self._values = values

    def fault(self) -> str | None:
        """Says what is damaged; None where every code has its value."""
        least, most = int(self._codes.min(initial=0)), int(self._codes.max(initial=0))
        if least < 0 or most > len(self._values):
            return f"codes from {least} to {most} for {len(self._values)} values"
        return self._values.fault()

    def exists(self) -> Mask:
        """The documents that have a value, (count,)."""
        found: Mask = self._codes != 0
        return found

    def among(self, values: Sequence[Any]) -> Mask:
        """The documents whose value is one of these, (count,)."""
        places = {place for value in values if (place := self._values.find(value)) is not None}
        if len(places) > FEW:
            wanted = np.zeros(len(self._values) + 1, np.bool_)
            wanted[[place + 1 for place in places]] = True
            looked_up: Mask = wanted[self._codes]
            return looked_up
        found = np.zeros(len(self._codes), np.bool_)
        for place in places:
            found |= self._codes == place + 1
        return found

    def compare(self, name: str, bound: Any) -> Mask:
        """The documents whose value compares with `bound` as the operator's name says, (count,)."""
        last = self._values.rank(bound, after=name in ("$gt", "$lte"))
        found: Mask = self._codes > last
        return found if name in ("$gt", "$gte") else ~found & (self._codes != 0)

    def counted(self, documents: Mask | None = None) -> tuple[Callable[[int], Any], NDArray[np.int64]]:
        """Counts each value in these documents, or in all: the value of each place, and its count."""
        codes = self._codes if documents is None else self._codes[documents]
        return self._values.__getitem__, np.bincount(codes, minlength=len(self._values) + 1)[1:]


class Lists:
    """A column with a list of strings for each document."""

    def __init__(
        self, documents: NDArray[np.int32], ends: NDArray[np.uint32], values: Texts, count: int
    ) -> None:
        """The documents that hold value i are documents[ends[i]:ends[i + 1]], each once; `count` is that of all."""
        self._documents = documents
        self._ends = ends
        self._values = values
        self._count = count

    def fault(self) -> str | None:
        """Says what is damaged; None where every value has its documents."""
        if not rises(self._ends, len(self._values), len(self._documents)):
            return "ends of documents that don't rise"
        if self._documents.min(initial=0) < 0 or self._documents.max(initial=0) >= self._count:
            return f"documents outside of 0 to {self._count - 1}"
        return self._values.fault()

    def exists(self) -> Mask:
        """The documents that have an item, (count,)."""
        found = np.zeros(self._count, np.bool_)
        found[self._documents] = True
        return found

    def among(self, values: Sequence[str]) -> Mask:
        """The documents that have one of these among their items, (count,)."""
        found = np.zeros(self._count, np.bool_)
        for value in set(values):
            place = self._values.find(value)
            if place is not None:
                found[self._documents[self._ends[place] : self._ends[place + 1]]] = True
        return found

    def compare(self, name: str, bound: Any) -> Mask:
        """The documents some item of which compares with `bound` as the operator's name says, (count,)."""
        place = self._values.rank(bound, after=name in ("$gt", "$lte"))
        start, end = (place, len(self._values)) if name in ("$gt", "$gte") else (0, place)
        found = np.zeros(self._count, np.bool_)
        found[self._documents[self._ends[start] : self._ends[end]]] = True
        return found

    def counted(self, documents: Mask | None = None) -> tuple[Callable[[int], Any], NDArray[np.int64]]:
        """Counts the documents, of these or of all, that hold each value: the value of each place, and its count."""
        if documents is None:
            return self._values.__getitem__, self._ends[1:].astype(np.int64) - self._ends[:-1]
        sums = np.zeros(len(self._documents) + 1, np.int64)
        np.cumsum(documents[self._documents], out=sums[1:])
        return self._values.__getitem__, sums[self._ends[1:]] - sums[self._ends[:-1]]


def _encode(value: str) -> bytes:
    # Half of a surrogate pair is in no document, and has its place in the order.
    return value.encode("utf-8", "surrogatepass")
