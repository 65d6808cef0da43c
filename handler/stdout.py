"""Standard output, as lines that no other thread's come into, at once: an environment may be frozen before a buffer is full.

A process's own standard output is written to past Python's text layer, which took 15 of 25 µs (docs/adr/0010-observability.md).
Several processes on one pipe may mix events of more than 4,096 bytes.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading

from handler.light_typing import Any

# The file that a process has as its standard output.
_FILE = 1


class Stdout:
    """Writes to what sys.stdout is when it writes. Safe to share between threads, such as uvicorn's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._stream: Any = None
        self._is_own = False

    def __call__(self, text: str) -> None:
        """Writes a text and the end of its line, at once and whole. Raises what the stream raises."""
        with self._lock:
            if sys.stdout is not self._stream:
                self._stream = sys.stdout
                self._is_own = _is_own(self._stream)
            if not self._is_own:
                self._stream.write(f"{text}\n")
                self._stream.flush()
                return
            rest = f"{text}\n".encode()
            written = os.write(_FILE, rest)
            while written < len(rest):
                rest = rest[written:]
                written = os.write(_FILE, rest)


def _is_own(stream: Any) -> bool:
    """Tells whether a stream is the process's own standard output, and not another file, or one in memory."""
    # io's UnsupportedOperation is a ValueError too.
    with contextlib.suppress(AttributeError, OSError, ValueError):
        return bool(stream.fileno() == _FILE)
    return False
