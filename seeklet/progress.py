"""A line of progress on standard error, for commands that need no package but seeklet's own."""

from __future__ import annotations

import sys
import time
from types import TracebackType

TERMINAL_PACE = 0.2  # seconds between two lines
FILE_PACE = 10.0  # in a log file each is a line of its own


class Counter:
    """A context manager: counts what is done of a known total, and shows it with the remaining time."""

    def __init__(self, title: str, total: int, unit: str, *, quiet: bool = False) -> None:
        self._title = title
        self._total = total
        self._unit = unit
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._done = 0
        self._started = self._shown = time.monotonic()
        self._width = 0

    def __enter__(self) -> Counter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._width:
            self._show(f"{time.monotonic() - self._started:.1f} s")
            if self._terminal:
                print(file=sys.stderr)

    def add(self, count: int = 1) -> None:
        """Notes that so many more are done."""
        self._done += count
        now = time.monotonic()
        if not self._quiet and now - self._shown > (TERMINAL_PACE if self._terminal else FILE_PACE):
            self._shown = now
            left = (now - self._started) / max(self._done, 1) * (self._total - self._done)
            self._show(f"{left:.0f} s left")

    def _show(self, time_text: str) -> None:
        line = f"{self._title}: {self._done:,} of {self._total:,} {self._unit}, {time_text}"
        end = "" if self._terminal else "\n"
        # A shorter line is padded, so that nothing of the one before is left of it.
        start = "\r" if self._terminal else ""
        print(f"{start}{line:{self._width}}", end=end, file=sys.stderr, flush=True)
        self._width = len(line) if self._terminal else 1
