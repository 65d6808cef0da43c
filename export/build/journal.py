"""The journal: every vector embedded so far. An interrupted export continues from it.

It has two files that only grow: the vectors, and a record for each of them with its key, its token count and a
checksum. A chunk's vectors are on disk before its records are, so every record has its vector. A journal belongs to one
recipe: vectors of another recipe would be useless, and perhaps of another size. It knows nothing of documents or their
order.
"""

from __future__ import annotations

import os
import re
import time
import zlib
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.build.token_counts import TokenCounts
from handler.scores import Embeddings

KEY_BYTES = 16
# The version of a record's layout. Files of another version have other names, so that they are never misread.
JOURNAL_VERSION = "v2"
RECORD = np.dtype([("key", f"V{KEY_BYTES}"), ("tokens", "<i2"), ("truncated", "?"), ("crc32", "<u4")])
SYNC_SECONDS = 2.0

# The names of this version's files, and of the first version's, which are removed.
_NAME = re.compile(r"journal\.[0-9a-f]{16}\.(v2\.)?(records|vectors)")
# The checksum covers the vector and these first bytes of the record: all before the checksum itself.
_COVERED = RECORD.itemsize - RECORD["crc32"].itemsize
_CHUNK = 8192


def is_journal_file(name: str) -> bool:
    """Tells whether a file of that name is a journal's."""
    return _NAME.fullmatch(name) is not None


class Journal:
    """(rows, dim) float32 vectors, each with a 16-byte key and what the tokenizer saw of its text.

    It is a context manager: at its end, however it ends, everything appended is on disk.
    """

    def __init__(
        self,
        directory: Path,
        dim: int,
        recipe: str,
        *,
        fresh: bool = False,
        sync_seconds: float = SYNC_SECONDS,
    ) -> None:
        """Continues the recipe's journal in `directory`, unless `fresh` is set, and removes any other journal.

        Args:
            directory: the folder of its files.
            dim: dimensions of a vector.
            recipe: hex digest of everything that decides a vector.
            fresh: whether to forget what an earlier run left.
            sync_seconds: an append writes to disk if the last write is longer ago than this.
        """
        stem = f"journal.{recipe[:16]}.{JOURNAL_VERSION}"
        self._vectors_path = directory / f"{stem}.vectors"
        self._records_path = directory / f"{stem}.records"
        ours = (self._vectors_path, self._records_path)
        for path in list(directory.iterdir()):
            if is_journal_file(path.name) and (fresh or path not in ours):
                path.unlink()
        for path in ours:
            path.touch()
        row_bytes = dim * 4
        self.rows = min(
            self._records_path.stat().st_size // RECORD.itemsize,
            self._vectors_path.stat().st_size // row_bytes,
        )
        self._found = self.rows
        # An interrupted write may have left part of a record or a vector at the end: it is cut off.
        os.truncate(self._records_path, self.rows * RECORD.itemsize)
        os.truncate(self._vectors_path, self.rows * row_bytes)
        self._dim = dim
        self._sync_seconds = sync_seconds
        self._vectors = self._vectors_path.open("ab")
        self._records = self._records_path.open("ab")
        self._pending = b""
        self._synced = time.monotonic()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def appended(self) -> int:
        """The number of rows that this run has added."""
        return self.rows - self._found

    def find_whole(self) -> dict[bytes, int]:
        """Reads the journal: returns the key and row of each record whose checksum is right.

        A damaged record stays in the file, and its row is never used.
        """
        records, vectors = self._read_records(), self.embeddings()
        whole: dict[bytes, int] = {}
        for start in range(0, self.rows, _CHUNK):
            part = records[start : start + _CHUNK]
            holds = part["crc32"] == _checksums(part, vectors.rows[start : start + _CHUNK])
            vectors.let_go()
            rows = (start + np.flatnonzero(holds)).tolist()
            whole.update(zip(part["key"][holds].tolist(), rows, strict=True))
        return whole

    def append(self, keys: list[bytes], counts: TokenCounts, vectors: NDArray[np.float32]) -> None:
        """Adds n rows: n keys, counts of n texts, vectors (n, dim) float32."""
        records = np.empty(len(keys), RECORD)
        records["key"] = keys
        records["tokens"] = counts.tokens
        records["truncated"] = counts.truncated
        records["crc32"] = _checksums(records, vectors)
        self._vectors.write(vectors.tobytes())
        self._pending += records.tobytes()
        self.rows += len(keys)
        if time.monotonic() - self._synced > self._sync_seconds:
            self.sync()

    def sync(self) -> None:
        """Writes the vectors to disk, and then their records."""
        self._vectors.flush()
        os.fsync(self._vectors.fileno())
        self._records.write(self._pending)
        self._pending = b""
        self._records.flush()
        os.fsync(self._records.fileno())
        self._synced = time.monotonic()

    def embeddings(self) -> Embeddings:
        """Maps the vectors of all rows. (rows, dim) float32."""
        self.sync()
        shape = (self.rows, self._dim)
        if not self.rows:
            return Embeddings(np.empty(shape, np.float32))
        return Embeddings(np.memmap(self._vectors_path, np.float32, "r", shape=shape))

    def token_counts(self) -> TokenCounts:
        """Reads the token counts of all rows."""
        records = self._read_records()
        return TokenCounts(records["tokens"], records["truncated"])

    def close(self) -> None:
        """Writes everything appended to disk, and closes both files."""
        # Both files are closed even if a full disk makes sync fail.
        with self._vectors, self._records:
            self.sync()

    def delete(self) -> None:
        """Removes both files."""
        self._vectors_path.unlink()
        self._records_path.unlink()

    def _read_records(self) -> NDArray[Any]:
        self.sync()
        return np.fromfile(self._records_path, RECORD, self.rows)


def _checksums(records: NDArray[Any], vectors: NDArray[Any]) -> NDArray[np.uint32]:
    """Computes the CRC-32 of each record's own bytes and its vector. (n,) RECORD, (n, dim) float32 -> (n,) uint32."""
    data = np.frombuffer(records.tobytes(), np.uint8).reshape(len(records), RECORD.itemsize)
    pairs = zip(data[:, :_COVERED], np.ascontiguousarray(vectors), strict=True)
    return np.fromiter(
        (zlib.crc32(vector, zlib.crc32(own)) for own, vector in pairs), np.uint32, len(records)
    )
