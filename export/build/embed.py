"""The embedding stage: every row's vector, from the journal, the artifact being replaced, or the model.

A text that has a vector by the same recipe isn't embedded again, and equal texts are embedded once. The artifact's
bytes don't depend on where a vector came from. This module writes no file but the journal's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.build.journal import KEY_BYTES, Journal
from export.build.progress import Progress
from export.build.token_counts import TokenCounts, read_token_counts
from export.build.write_documents import read_row_texts
from handler.artifact import DOCUMENTS_FILE, EMBEDDINGS_FILE, PASSAGES_FILE, TOKENS_FILE, Artifact
from handler.encoder import Encoder
from handler.errors import ArtifactError, VerifyError
from handler.manifest import Manifest
from handler.scores import Embeddings

EMBED_CHUNK = 256
GATHER_CHUNK = 8192
# How far from 1 a float32 vector's length may be. Rounding makes a difference of less than a millionth.
UNIT_TOLERANCE = 1e-3
# The same for vectors that were stored as float16 or int8.
ROUNDED_TOLERANCE = 0.02


class Origin(IntEnum):
    """The place of a row's vector."""

    JOURNAL = 0
    REPLACED = 1  # the artifact that is replaced


@dataclass(frozen=True, slots=True)
class Vectors:
    """The places of n rows' vectors, and the token counts of their texts."""

    origins: NDArray[np.uint8]  # (n,) of Origin
    rows: NDArray[np.int64]  # (n,) row in that place
    counts: TokenCounts
    embeddings: Mapping[Origin, Embeddings]
    dim: int

    def chunks(self) -> Iterator[NDArray[np.float32]]:
        """Yields the vectors in the rows' order, (m, dim) float32 with m up to GATHER_CHUNK.

        Raises VerifyError where one isn't finite or not of unit length.
        """
        for start in range(0, len(self.rows), GATHER_CHUNK):
            origins, rows = (
                self.origins[start : start + GATHER_CHUNK],
                self.rows[start : start + GATHER_CHUNK],
            )
            chunk = np.empty((len(rows), self.dim), np.float32)
            for origin, source in self.embeddings.items():
                here = origins == origin
                chunk[here] = source.take(rows[here])
                # Mapped pages count as this process's memory until they are released.
                source.let_go()
            check_unit_length(chunk, start, self._tolerance)
            yield chunk

    @property
    def _tolerance(self) -> float:
        rounded = any(source.rows.dtype != np.float32 for source in self.embeddings.values())
        return ROUNDED_TOLERANCE if rounded else UNIT_TOLERANCE


def check_unit_length(
    vectors: NDArray[np.floating[Any]], first: int, tolerance: float = UNIT_TOLERANCE
) -> None:
    """Raises VerifyError for the first vector that isn't finite or not of length 1; `first` is the row of vectors[0]."""
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(vectors, axis=1)
    # With `not <=` instead of `>`, NaN counts as wrong.
    wrong = np.flatnonzero(~(np.abs(lengths - 1) <= tolerance))
    if wrong.size:
        raise VerifyError(
            f"the vector of row {first + wrong[0]} (counted from 0) has the length {lengths[wrong[0]]:.4g}, "
            "not 1, so it is damaged: run the export again with --force"
        )


class Embedder:
    """Finds or makes the vector of each text, by one recipe."""

    def __init__(
        self,
        encoder: Encoder,
        journal: Journal,
        *,
        recipe: str,
        prompt: str,
        replaced: Artifact | None,
        progress: Progress,
    ) -> None:
        """Takes what the embedding needs.

        Args:
            encoder: the int8 model.
            journal: keeps new vectors, and has those of an interrupted run.
            recipe: hex digest of everything that decides a vector. It is part of each text's key.
            prompt: the words before every document.
            replaced: the artifact whose vectors can be reused (see `find_reusable`), or None.
            progress: shows every chunk.
        """
        self._encoder = encoder
        self._journal = journal
        self._salt = bytes.fromhex(recipe)
        self._prompt = prompt
        self._replaced = replaced
        self._progress = progress

    def embed(self, directory: Path, count: int) -> Vectors:
        """Finds or makes the vector of each of the `count` rows in `directory`. New vectors go to the journal.

        Raises ArtifactError where the model gives a vector that isn't finite.
        """
        in_journal = self._journal.find_whole()
        in_replaced = self._find_replaced()
        origins, rows = np.empty(count, np.uint8), np.empty(count, np.int64)
        texts = read_row_texts(directory)
        done = 0
        with self._progress.embedding(count) as bar:
            while chunk := list(islice(texts, EMBED_CHUNK)):
                keys = [self._key(text) for text in chunk]
                new = {
                    key: text
                    for key, text in zip(keys, chunk, strict=True)
                    if key not in in_journal and key not in in_replaced
                }
                if new:
                    first = self._journal.rows
                    bar.tokens(self._embed_new(new))
                    in_journal.update(zip(new, range(first, first + len(new)), strict=True))
                here = slice(done, done + len(chunk))
                origins[here] = [Origin.JOURNAL if key in in_journal else Origin.REPLACED for key in keys]
                rows[here] = [in_journal[key] if key in in_journal else in_replaced[key] for key in keys]
                done += len(chunk)
                bar.update(len(chunk), known=len(chunk) - len(new))
        return self._gather(origins, rows)

    def _key(self, text: str) -> bytes:
        return hashlib.blake2b(text.encode(), digest_size=KEY_BYTES, key=self._salt).digest()

    def _find_replaced(self) -> dict[bytes, int]:
        """Returns the key and row of each text of the artifact that is replaced."""
        if self._replaced is None:
            return {}
        return {self._key(text): row for row, text in enumerate(read_row_texts(self._replaced.directory))}

    def _embed_new(self, texts: Mapping[bytes, str]) -> int:
        """Embeds texts into the journal; returns how many tokens they have."""
        encoded = self._encoder.encode_counted(list(texts.values()), self._prompt)
        counts = TokenCounts(encoded.tokens.astype(np.int16), encoded.truncated)
        self._journal.append(list(texts), counts, encoded.embeddings)
        return int(encoded.tokens.sum())

    def _gather(self, origins: NDArray[np.uint8], rows: NDArray[np.int64]) -> Vectors:
        """Looks up the token counts, and maps the vectors."""
        counts = {Origin.JOURNAL: self._journal.token_counts()}
        embeddings = {Origin.JOURNAL: self._journal.embeddings()}
        if self._replaced is not None:
            manifest = self._replaced.manifest
            counts[Origin.REPLACED] = read_token_counts(self._replaced.path(TOKENS_FILE))
            embeddings[Origin.REPLACED] = Embeddings.load(
                self._replaced.directory, manifest.rows, manifest.dim
            )
        gathered = TokenCounts(np.empty(len(rows), np.int16), np.empty(len(rows), np.bool_))
        for origin, stored in counts.items():
            here = origins == origin
            gathered.tokens[here] = stored.tokens[rows[here]]
            gathered.truncated[here] = stored.truncated[rows[here]]
        return Vectors(origins, rows, gathered, embeddings, self._encoder.dim)


def find_reusable(old: Artifact | None, recipe: str, dtype: str) -> Artifact | None:
    """Returns `old` if its vectors are undamaged, of this recipe, and as exact as `dtype` stores them, or else None."""
    if old is None or not _is_reusable(old.manifest, recipe, dtype):
        return None
    try:
        needed = (EMBEDDINGS_FILE, DOCUMENTS_FILE, TOKENS_FILE, PASSAGES_FILE)
        old.check_hashes(name for name in needed if name in old.manifest.files)
    except ArtifactError:
        return None
    return old


def _is_reusable(manifest: Manifest, recipe: str, dtype: str) -> bool:
    # Vectors stored as float16 or int8 give the same bytes only where they are stored so again. Format 1 rounded
    # the scales of int8 otherwise.
    exact = manifest.dtype == "float32" or (manifest.dtype == dtype and manifest.format_version > 1)
    return manifest.recipe_sha256 == recipe and exact and TOKENS_FILE in manifest.files
