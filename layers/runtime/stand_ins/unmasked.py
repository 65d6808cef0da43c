"""Stands in for numpy/ma: there are no masked arrays, and numpy's other functions can ask whether an array is one."""

from __future__ import annotations

from typing import Any


class MaskedArray:
    """The class of no array."""


masked = MaskedArray()


def is_masked(_: Any) -> bool:
    """Whether an array has masked values."""
    return False


def isMaskedArray(_: Any) -> bool:  # noqa: N802 - numpy's name
    """Whether an array is a masked one."""
    return False
