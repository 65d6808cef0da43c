"""When what failed is tried again: after one second, then after two, four and so on, at most 30.

What can't be reached takes seconds to fail, and each try holds a thread that could answer something else.
"""

from __future__ import annotations

from time import monotonic

MOST_SECONDS = 30.0


class Backoff:
    """Counts the failures since the last success. Its user holds a lock around `fail` and `succeed`."""

    def __init__(self) -> None:
        self.failures = 0
        self._until = 0.0

    @property
    def seconds(self) -> float:
        """How long the next try has to wait; 0 where it needn't."""
        return max(0.0, self._until - monotonic()) if self.failures else 0.0

    def fail(self) -> None:
        """Puts the next try off, twice as long as the last time."""
        self._until = monotonic() + min(MOST_SECONDS, 2.0**self.failures)
        self.failures += 1

    def succeed(self) -> None:
        """Forgets the failures."""
        self.failures = 0
