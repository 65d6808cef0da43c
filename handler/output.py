"""What is told of a request is written at once, in one piece, whoever tells it.

It is imported only where something is told (handler/lines.py, handler/analytics.py).
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from json.encoder import encode_basestring_ascii

from handler.light_typing import Protocol
from handler.logs import log
from handler.record import UNTOLD, Record
from handler.stdout import Stdout

to_line = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode


class Teller(Protocol):
    """Tells of requests in lines, without the line's end."""

    def __call__(self, record: Record, now: float, shared: str, /) -> Iterable[str]:
        """Returns the lines of a request whose answer is made.

        `now` is in seconds since 1970. `shared` is what every line of the request has, as JSON's fields: when, and its ids.
        """

    def ping(self, invocation: str, now: float, /) -> Iterable[str]:
        """Returns the lines of a scheduled event, by Lambda's id of it. It must not raise: the others' lines would be lost."""


class Output:
    """A watcher that writes what its tellers tell of each event: one write, since each wakes who reads the log."""

    def __init__(
        self,
        tellers: Sequence[Teller],
        write: Callable[[str], None] | None = None,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        """Writes to standard output, unless `write` takes the lines of each event, joined; `now` gives seconds since 1970."""
        self._tellers = tellers
        self._write = write or Stdout()
        self._now = now

    def __call__(self, record: Record) -> None:
        """Writes the lines of a request."""
        now = self._now()
        shared = (
            f'"timestamp":"{timestamp(now)}","requestId":{or_null(record.request.invocation)},'
            f'"id":{or_null(record.response.headers.get("x-request-id"))}'
        )
        lines: list[str] = []
        for teller in self._tellers:
            try:
                lines += teller(record, now, shared)
            except Exception as error:  # noqa: BLE001 - the others are asked all the same
                log().error(UNTOLD, exc_info=error)
        if lines:
            self._write("\n".join(lines))

    def ping(self, invocation: str) -> None:
        """Writes the lines of a ping."""
        now = self._now()
        lines = [line for teller in self._tellers for line in teller.ping(invocation, now)]
        if lines:
            self._write("\n".join(lines))


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
