"""Shards: Parquet files of texts that a worker embeds, and Parquet files of their vectors.

A shard's name is made of the recipe and the texts' keys, so two shards of one name have the same content. Files of
vectors hold a checksum, and one that is damaged counts as absent. This module runs no model.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from export.build.engine import Embedded, NewText
from export.build.journal import KEY_BYTES
from export.build.token_counts import TokenCounts
from export.ray.store import Store

# A worker that is killed has at most this much to do again: some seconds of a core.
SHARD_TEXTS = 1024
SHARD_BYTES = 4 << 20
_CHECKSUM = b"seeklet.sha256"


def cut(texts: Iterable[NewText]) -> Iterator[list[NewText]]:
    """Yields the texts in shards of SHARD_TEXTS texts or SHARD_BYTES bytes, whichever comes first."""
    shard: list[NewText] = []
    size = 0
    for new in texts:
        shard.append(new)
        size += len(new.text.encode())
        if len(shard) == SHARD_TEXTS or size >= SHARD_BYTES:
            yield shard
            shard, size = [], 0
    if shard:
        yield shard


class Shards:
    """The shards of one recipe in a store."""

    def __init__(self, store: Store, recipe: str) -> None:
        """Takes the store and the recipe's hex digest."""
        self._store = store
        self._recipe = recipe

    def write_texts(self, texts: list[NewText]) -> str:
        """Writes a shard of texts; returns its name."""
        import pyarrow as pa

        keys = b"".join(new.key for new in texts)
        name = f"{self._recipe[:16]}.{hashlib.sha256(keys).hexdigest()[:16]}"
        table = pa.table(
            {
                "key": pa.array([new.key for new in texts], pa.binary(KEY_BYTES)),
                "text": pa.array([new.text for new in texts], pa.large_string()),
            }
        )
        self._store.write(f"{name}.texts", _to_parquet(table, "zstd"))
        return name

    def read_texts(self, name: str) -> list[NewText] | None:
        """Returns a shard's texts; None where the file is missing or damaged."""
        table = _from_parquet(self._store.read(f"{name}.texts"))
        if table is None:
            return None
        pairs = zip(table["key"].to_pylist(), table["text"].to_pylist(), strict=True)
        return [NewText(key, text) for key, text in pairs]

    def write_vectors(self, name: str, embedded: Embedded) -> None:
        """Writes a shard's vectors: key, tokens, truncated, and float32 bytes, a row each."""
        import pyarrow as pa

        width = embedded.embeddings.shape[1] * 4
        vectors = np.ascontiguousarray(embedded.embeddings, "<f4").tobytes()
        table = pa.table(
            {
                "key": pa.array(embedded.keys, pa.binary(KEY_BYTES)),
                "tokens": pa.array(embedded.counts.tokens),
                "truncated": pa.array(embedded.counts.truncated),
                "vector": pa.FixedSizeBinaryArray.from_buffers(
                    pa.binary(width), len(embedded.keys), [None, pa.py_buffer(vectors)]
                ),
            },
            metadata={_CHECKSUM: self._checksum(embedded)},
        )
        self._store.write(f"{name}.vectors", _to_parquet(table, "none"))

    def read_vectors(self, name: str) -> Embedded | None:
        """Returns a shard's vectors; None where the file is missing, damaged or another recipe's."""
        table = _from_parquet(self._store.read(f"{name}.vectors"))
        if table is None or table.column_names != ["key", "tokens", "truncated", "vector"]:
            return None
        vectors = table["vector"].combine_chunks()
        width = vectors.type.byte_width // 4
        offset, count = vectors.offset * width, len(vectors) * width
        embedded = Embedded(
            table["key"].to_pylist(),
            TokenCounts(table["tokens"].to_numpy(), table["truncated"].to_numpy()),
            np.frombuffer(vectors.buffers()[1], "<f4", count, offset * 4).reshape(len(vectors), width),
        )
        whole = (table.schema.metadata or {}).get(_CHECKSUM) == self._checksum(embedded)
        return embedded if whole else None

    def tries(self, name: str) -> int:
        """Counts one more worker that takes the shard; returns how many took it before and didn't end it."""
        before = len(self._store.read(f"{name}.tries") or b"")
        self._store.write(f"{name}.tries", b"." * (before + 1))
        return before

    def unfinished(self) -> list[str]:
        """Returns the names of shards that have vectors, of this recipe."""
        names = [name.removesuffix(".vectors") for name in self._store.names() if name.endswith(".vectors")]
        return [name for name in names if name.startswith(self._recipe[:16])]

    def delete(self, name: str, *kinds: str) -> None:
        """Deletes a shard's files, or only those of some kinds."""
        self._store.delete(*(f"{name}.{kind}" for kind in kinds or ("texts", "vectors", "tries")))

    def _checksum(self, embedded: Embedded) -> bytes:
        digest = hashlib.sha256(bytes.fromhex(self._recipe))
        digest.update(b"".join(embedded.keys))
        digest.update(embedded.counts.tokens.astype("<i2").tobytes())
        digest.update(embedded.counts.truncated.astype(np.uint8).tobytes())
        digest.update(np.ascontiguousarray(embedded.embeddings, "<f4").tobytes())
        return digest.hexdigest().encode()


def _to_parquet(table: Any, compression: str) -> bytes:
    from pyarrow import parquet

    file = io.BytesIO()
    parquet.write_table(table, file, compression=compression, use_dictionary=False, write_page_checksum=True)
    return file.getvalue()


def _from_parquet(content: bytes | None) -> Any:
    """Reads a table; None where there is no file, or it can't be read."""
    import pyarrow as pa
    from pyarrow import parquet

    if content is None:
        return None
    try:
        return parquet.read_table(
            io.BytesIO(content), page_checksum_verification=True, use_threads=False, partitioning=None
        )
    except (pa.ArrowException, OSError):
        return None
