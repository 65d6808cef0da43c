"""The log, imported when there is something to say: at a start there isn't, and logging takes a twentieth of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import logging


def log() -> logging.Logger:
    """Returns seeklet's logger."""
    import logging

    return logging.getLogger("seeklet")
