"""A stream that gives again the beginning that was already read from it."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer


class Rewound(io.RawIOBase):
    """A stream of the head and then of what `read` returns. It stands in for a pipe, which can't seek back."""

    def __init__(self, head: bytes, read: Callable[[int], bytes]) -> None:
        """Takes the bytes that were read already, and a function that reads up to n of the bytes after them."""
        self._head = head
        self._read = read

    def readable(self) -> bool:
        """Says that the stream can be read."""
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        """Fills the buffer from the head or, once that is used up, from the stream; returns the number of bytes."""
        view = memoryview(buffer)
        data = self._head[: len(view)] or self._read(len(view))
        self._head = self._head[len(data) :]
        view[: len(data)] = data
        return len(data)
