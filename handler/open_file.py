"""A file that stays open: it can be read when its folder is deleted, as that of a release which others still share."""

from __future__ import annotations

import os
import weakref

from handler.light_typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


class OpenFile:
    """A file that is read at places, by any thread. It is closed with its last user."""

    def __init__(self, path: Path) -> None:
        """Opens the file; raises OSError where it can't be opened."""
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._descriptor)

    @property
    def size(self) -> int:
        """The file's size in bytes."""
        return os.fstat(self._descriptor).st_size

    def read(self, start: int, count: int) -> bytes:
        """Returns up to `count` bytes from `start` on; raises OSError where they can't be read."""
        return os.pread(self._descriptor, count, start)

    def read_all(self) -> bytes:
        """Returns the whole file; raises OSError where it can't be read."""
        parts, length = [], 0
        # One call gives 2 GB at most.
        while part := self.read(length, self.size - length):
            parts.append(part)
            length += len(part)
        return b"".join(parts)
