"""The embedding stage: every row's vector, from the journal, the artifact being replaced, or the model.

A text that has a vector by the same recipe isn't embedded again, and equal texts are embedded once. The artifact's
bytes don't depend on where a vector came from. An engine, where there is one, runs the model in this process's place.
This module writes no file but the journal's.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from enum import IntEnum
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.build.engine import Embedded, Engine, Job, NewText
from export.build.journal import KEY_BYTES, Journal
from export.build.progress import EmbeddingBar, Progress
from export.build.token_counts import TokenCounts, read_token_counts
from export.build.unit_length import ROUNDED_TOLERANCE, UNIT_TOLERANCE, check_unit_length
from export.build.write_documents import read_row_texts
from handler.artifact import TOKENS_FILE, Artifact
from handler.encoder import Encoder
from handler.scores import Embeddings

EMBED_CHUNK = 256
GATHER_CHUNK = 8192


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
            replaced: the artifact whose vectors can be reused (see reusable.py), or None.
            progress: shows every chunk.
        """
        self._encoder = encoder
        self._journal = journal
        self._salt = bytes.fromhex(recipe)
        self._prompt = prompt
        self._replaced = replaced
        self._progress = progress
        self.recovered = 0  # texts that an interrupted run had embedded, beside those in the journal

    def embed(self, directory: Path, count: int) -> Vectors:
        """Finds or makes the vector of each of the `count` rows in `directory`. New vectors go to the journal.

        Raises ArtifactError where the model gives a vector that isn't finite.
        """
        in_journal = self._journal.find_whole()
        in_replaced = self._find_replaced()
        with self._progress.embedding(count) as bar:
            return self._gather(*self._find_all(directory, count, in_journal, in_replaced, bar))

    def embed_by(self, engine: Engine, job: Job, directory: Path, count: int, *, fresh: bool) -> Vectors:
        """Does what `embed` does; the engine runs the model. With `fresh` it forgets what an earlier run left with it.

        Raises ModelError or EngineError where the engine can't embed.
        """
        in_journal = self._journal.find_whole()
        in_replaced = self._find_replaced()
        for embedded in engine.left(job, fresh):
            # A run that ended between the journal's write and the engine's deletion left them in both places.
            if not in_journal.keys() >= set(embedded.keys):
                self.recovered += len(embedded.keys)
                self._append(embedded, in_journal)
        with self._progress.embedding(count) as bar:
            new = self._new_texts(directory, {*in_journal, *in_replaced}, bar)
            # Closed however the loop ends: the engine may have started something.
            with closing(engine.embed(job, new)) as parts:
                for embedded in parts:
                    self._append(embedded, in_journal)
                    bar.tokens(int(embedded.counts.tokens.sum(dtype=np.int64)))
                    bar.update(len(embedded.keys))
        return self._gather(*self._find_all(directory, count, in_journal, in_replaced, None))

    def _new_texts(self, directory: Path, known: set[bytes], bar: EmbeddingBar) -> Iterator[NewText]:
        """Yields each text without a vector once; the other rows count as done."""
        passed = 0
        for text in read_row_texts(directory):
            if (key := self._key(text)) in known:
                passed += 1
            else:
                known.add(key)
                yield NewText(key, text)
            if passed == EMBED_CHUNK:
                bar.update(passed, known=passed)
                passed = 0
        bar.update(passed, known=passed)

    def _append(self, embedded: Embedded, in_journal: dict[bytes, int]) -> None:
        """Writes vectors to disk, because the engine may delete its own afterwards."""
        first = self._journal.rows
        self._journal.append(*embedded)
        self._journal.sync()
        in_journal.update(zip(embedded.keys, range(first, self._journal.rows), strict=True))

    def _find_all(
        self,
        directory: Path,
        count: int,
        in_journal: dict[bytes, int],
        in_replaced: Mapping[bytes, int],
        bar: EmbeddingBar | None,
    ) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """Returns the origin of each row's vector and its row there; embeds the texts that have none."""
        origins, rows = np.empty(count, np.uint8), np.empty(count, np.int64)
        texts = read_row_texts(directory)
        done = 0
        while chunk := list(islice(texts, EMBED_CHUNK)):
            keys = [self._key(text) for text in chunk]
            new = {
                key: text
                for key, text in zip(keys, chunk, strict=True)
                if key not in in_journal and key not in in_replaced
            }
            if new:
                first = self._journal.rows
                tokens = self._embed_new(new)
                in_journal.update(zip(new, range(first, first + len(new)), strict=True))
                if bar is not None:
                    bar.tokens(tokens)
            here = slice(done, done + len(chunk))
            origins[here] = [Origin.JOURNAL if key in in_journal else Origin.REPLACED for key in keys]
            rows[here] = [in_journal[key] if key in in_journal else in_replaced[key] for key in keys]
            done += len(chunk)
            if bar is not None:
                bar.update(len(chunk), known=len(chunk) - len(new))
        return origins, rows

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
