"""The log, imported when there is something to say: at a start there isn't, and logging takes a twentieth of it."""

from __future__ import annotations

from handler.light_typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging


def log() -> logging.Logger:
    """Returns seeklet's logger."""
    import logging

    return logging.getLogger("seeklet")


class Once:
    """Logs a message, unless the last one was the same: what goes on for hours is said once."""

    def __init__(self) -> None:
        self._said = ""

    def say(self, message: str, level: int) -> None:
        """Logs a message at a level of `logging`, if it is another one than the last."""
        if message != self._said:
            log().log(level, "%s", message)
        self._said = message

    def forget(self) -> None:
        """Lets the same message be said again: all was well in between."""
        self._said = ""
