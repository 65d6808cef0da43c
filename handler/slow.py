"""A time limit for the body of an answer. It knows neither S3 nor what the body holds."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

from handler.light_typing import Any

# What a socket may be silent, once its body has taken too long.
_AT_ONCE_SECONDS = 0.001


@contextlib.contextmanager
def in_time(body: Any, seconds: float) -> Iterator[Any]:
    """Gives botocore's body, which is closed afterwards, and whose reading fails with a BotoCoreError after so many seconds.

    The client's own timeout begins anew with each packet: a server that sends a byte now and then never meets it.
    """

    def stop() -> None:
        # It may have ended just now.
        with contextlib.suppress(AttributeError, OSError, ValueError):
            body.set_socket_timeout(_AT_ONCE_SECONDS)

    timer = threading.Timer(seconds, stop)
    timer.daemon = True
    timer.start()
    try:
        with contextlib.closing(body):
            yield body
    finally:
        timer.cancel()
