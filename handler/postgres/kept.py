"""Values that were read from the database, kept while there is room. It reads nothing itself.

Two threads may read the same value at the same time: the first one that comes back is kept, and counted once.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """The values that were used last. Safe to share between threads."""

    def __init__(self, most: int, size: Callable[[Value], int] = lambda _: 1) -> None:
        """Takes how much is kept, and the size of a value; without it values are counted."""
        self._most = most
        self._size = size
        self._held: OrderedDict[Key, Value] = OrderedDict()
        self._total = 0
        self._lock = threading.Lock()

    def find_all(self, keys: Iterable[Key]) -> dict[Key, Value]:
        """Returns the values that are kept of these."""
        with self._lock:
            found = {key: self._held[key] for key in keys if key in self._held}
            for key in found:
                self._held.move_to_end(key)
            return found

    def keep(self, values: Mapping[Key, Value]) -> None:
        """Keeps values, and drops those that were used longest ago where there is no room."""
        with self._lock:
            for key, value in values.items():
                if key not in self._held:
                    self._held[key] = value
                    self._total += self._size(value)
            while self._total > self._most:
                _, old = self._held.popitem(last=False)
                self._total -= self._size(old)
