"""Standard output: what is told of a request is written at once, in one piece, whoever tells it.

It is imported only where something is told (handler/lines.py, handler/analytics.py).
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from handler.record import Record

_writing = threading.Lock()
to_line = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


class Teller(Protocol):
    """Tells of requests in lines, without the line's end."""

    def __call__(self, record: Record) -> Iterable[str]:
        """Returns the lines of a request whose answer is made."""

    def ping(self, invocation: str, /) -> Iterable[str]:
        """Returns the lines of a scheduled event, by Lambda's id of it."""


class Output:
    """A watcher that writes what its tellers tell of each event: one write, since each wakes who reads the log."""

    def __init__(self, tellers: Sequence[Teller], write: Callable[[str], None] | None = None) -> None:
        """Writes to standard output, unless `write` takes the lines of each event, joined."""
        self._tellers = tellers
        self._write = write or to_stdout

    def __call__(self, record: Record) -> None:
        """Writes the lines of a request."""
        self._write_all(lambda teller: teller(record))

    def ping(self, invocation: str) -> None:
        """Writes the lines of a ping."""
        self._write_all(lambda teller: teller.ping(invocation))

    def _write_all(self, tell: Callable[[Teller], Iterable[str]]) -> None:
        lines: list[str] = []
        try:
            for teller in self._tellers:
                lines += tell(teller)
        finally:
            # What one has told is written though the next one fails.
            if lines:
                self._write("\n".join(lines))


def to_stdout(text: str) -> None:
    """Writes lines at once, and whole: an environment may be frozen before a buffer is full, and uvicorn's threads write too."""
    with _writing:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
