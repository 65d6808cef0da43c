"""Standard output: what is told of a request is written at once, in one piece, whoever tells it.

It is imported only where something is told (handler/lines.py, handler/analytics.py).
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import Protocol

from handler.logs import log
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
        for teller in self._tellers:
            try:
                lines += tell(teller)
            except Exception as error:  # noqa: BLE001 - the others are asked all the same
                log().error("an event was answered, and can't be told of", exc_info=error)
        if lines:
            self._write("\n".join(lines))


def to_stdout(text: str) -> None:
    """Writes lines at once, and whole: an environment may be frozen before a buffer is full, and uvicorn's threads write too."""
    with _writing:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def or_null(text: str | None) -> str:
    """Writes a text as JSON; null where there is none, or an empty one."""
    return encode_basestring_ascii(text) if text else "null"


def literal(text: str) -> str:
    """Returns a text as it stands in a template for %."""
    return text.replace("%", "%%")


def timestamp(now: float) -> str:
    """Writes seconds since 1970 as 2026-11-28T10:00:00.123Z."""
    whole = int(now)
    return f"{_minute(whole // 60)}{whole % 60:02}.{int(1000 * (now - whole)):03}Z"


# strftime was a sixth of a line's time, and a minute has many lines.
@lru_cache(maxsize=2)
def _minute(minutes: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:", time.gmtime(60 * minutes))
