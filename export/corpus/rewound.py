"""A stream whose beginning was already read, whole again."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Rewound(io.RawIOBase):
    """The head, and then what `read` returns. A pipe can't seek back to what was looked at."""

    def __init__(self, head: bytes, read: Callable[[int], bytes]) -> None:
        """Takes the bytes that were read, and the function that reads up to so many of those that follow."""
        self._head = head
        self._read = read

    def readable(self) -> bool:
        """It can be read, and nothing else."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fills the buffer from the head, and then from the stream; returns how many bytes."""
        view = memoryview(buffer)
        data = self._head[: len(view)] or self._read(len(view))
        self._head = self._head[len(data) :]
        view[: len(data)] = data
        return len(data)
