"""The journal: every vector embedded so far, so that an interrupted export goes on where it was.

Two files that only grow: the vectors, and a record of key and token count each. A chunk's vectors are on disk
before its records are, so whatever the records name is whole. A journal belongs to one recipe: vectors of another
would be of no use, and of another size. It knows nothing of documents or their order.
"""

from __future__ import annotations

import mmap
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

# What the names of all its files begin with.
JOURNAL = "journal."
KEY_BYTES = 16
RECORD = np.dtype([("key", f"V{KEY_BYTES}"), ("tokens", "<i2")])
SYNC_SECONDS = 2.0


class Journal:
    """(rows, dim) float32 vectors under 16-byte keys; tokens is negative where the text was cut."""

    def __init__(self, directory: Path, dim: int, recipe: str, *, fresh: bool = False) -> None:
        """Goes on with the recipe's journal in `directory`, unless `fresh`; removes any other."""
        self._vectors_path = directory / f"{JOURNAL}{recipe[:16]}.vectors"
        self._records_path = directory / f"{JOURNAL}{recipe[:16]}.records"
        ours = (self._vectors_path, self._records_path)
        for path in list(directory.glob(f"{JOURNAL}*")):
            if fresh or path not in ours:
                path.unlink()
        for path in ours:
            path.touch()
        row_bytes = dim * 4
        self.rows = min(
            self._records_path.stat().st_size // RECORD.itemsize,
            self._vectors_path.stat().st_size // row_bytes,
        )
        # A torn tail is cut off: it was never acknowledged.
        os.truncate(self._records_path, self.rows * RECORD.itemsize)
        os.truncate(self._vectors_path, self.rows * row_bytes)
        self._dim = dim
        self._vectors = self._vectors_path.open("ab")
        self._records = self._records_path.open("ab")
        self._pending = b""
        self._synced = time.monotonic()

    def records(self) -> NDArray[Any]:
        """What an earlier run left: (rows,) of RECORD."""
        return np.fromfile(self._records_path, RECORD, self.rows)

    def append(self, keys: list[bytes], tokens: NDArray[np.int16], vectors: NDArray[np.float32]) -> None:
        """Adds n rows. n keys, (n,), (n, dim)."""
        records = np.empty(len(keys), RECORD)
        records["key"] = keys
        records["tokens"] = tokens
        self._vectors.write(vectors.tobytes())
        self._pending += records.tobytes()
        self.rows += len(keys)
        if time.monotonic() - self._synced > SYNC_SECONDS:
            self.sync()

    def sync(self) -> None:
        """Vectors first, then the records that vouch for them."""
        self._vectors.flush()
        os.fsync(self._vectors.fileno())
        self._records.write(self._pending)
        self._pending = b""
        self._records.flush()
        os.fsync(self._records.fileno())
        self._synced = time.monotonic()

    def rows_source(self) -> Rows:
        """The vectors, to be read."""
        self.sync()
        return Rows(self._vectors_path, 0, self.rows, self._dim)

    def close(self) -> None:
        """Keeps what was appended."""
        # Both are closed, whatever a full disk lets be written.
        with self._vectors, self._records:
            self.sync()

    def delete(self) -> None:
        """Removes both files."""
        self._vectors_path.unlink()
        self._records_path.unlink()


class Rows:
    """Vectors in a file: (count, dim) float32 from a byte offset on, read without keeping the pages resident."""

    def __init__(self, path: Path, offset: int, count: int, dim: int) -> None:
        shape = (count, dim)
        self._rows = np.memmap(path, np.float32, "r", offset, shape) if count else np.empty(shape, np.float32)

    def take(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """The vectors of `rows`. (n,) -> (n, dim) float32."""
        taken = np.asarray(self._rows[rows])
        if isinstance(self._rows, np.memmap):
            # Mapped pages count as this process's memory until they're given back.
            self._rows._mmap.madvise(mmap.MADV_DONTNEED)  # type: ignore[union-attr]
        return taken
