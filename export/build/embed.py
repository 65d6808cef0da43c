"""The embedding stage: every document's vector, from the journal, the artifact being replaced, or the model.

What is already known by the same recipe isn't embedded again, and equal texts are embedded once. The arrays that
it writes don't depend on where a vector came from. It reads documents.jsonl of the folder that it writes to.
"""

from __future__ import annotations

import hashlib
import io
import json
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from export.build.journal import KEY_BYTES, Journal, Rows
from export.build.progress import Progress
from export.build.vectors import stored_rows, write_embeddings
from export.build.write_scan import write_scan
from handler.artifact import DOCUMENTS_FILE, EMBEDDINGS_FILE, TOKENS_FILE
from handler.encoder import Encoder
from handler.manifest import Manifest
from handler.scores import Embeddings

EMBED_CHUNK = 256
GATHER_CHUNK = 8192


@dataclass(frozen=True, slots=True)
class Vectors:
    """Where each document's vector is: a row of the journal, or ~row of the artifact that is replaced."""

    row_of: NDArray[np.int64]
    tokens: NDArray[np.int16]  # negative where the text was cut
    journal: Rows
    old: Rows | None


def embed(
    directory: Path,
    count: int,
    recipe: str,
    prompt: str,
    encoder: Encoder,
    journal: Journal,
    reusable: Path | None,
    progress: Progress,
) -> Vectors:
    """A vector for each of the `count` documents in `directory`; new ones go to the journal.

    recipe    hex digest of all that decides a vector, part of each text's key
    reusable  an artifact of the same recipe in float32, or None
    """
    salt = bytes.fromhex(recipe)

    def key(text: str) -> bytes:
        return hashlib.blake2b(text.encode(), digest_size=KEY_BYTES, key=salt).digest()

    known: dict[bytes, int] = {}
    old: Rows | None = None
    old_tokens = np.empty(0, np.int16)
    if reusable is not None:
        old_tokens = np.load(reusable / TOKENS_FILE)
        old = stored_rows(reusable / EMBEDDINGS_FILE, len(old_tokens), encoder.dim)
        for row, text in enumerate(_texts(reusable)):
            known.setdefault(key(text), ~row)
    records = journal.records()
    known.update((name, row) for row, name in enumerate(records["key"].tolist()))
    new_tokens = array("h")
    row_of = np.empty(count, np.int64)
    with progress.embedding(count) as bar:
        texts = _texts(directory)
        done = 0
        while chunk := list(islice(texts, EMBED_CHUNK)):
            keys = [key(text) for text in chunk]
            missing = {name: text for name, text in zip(keys, chunk, strict=True) if name not in known}
            if missing:
                encoded = encoder.encode_counted(list(missing.values()), prompt)
                tokens = np.where(encoded.truncated, -encoded.tokens, encoded.tokens).astype(np.int16)
                first = journal.rows
                journal.append(list(missing), tokens, encoded.embeddings)
                new_tokens.extend(tokens.tolist())
                known.update((name, first + offset) for offset, name in enumerate(missing))
                bar.tokens(int(encoded.tokens.sum()))
            row_of[done : done + len(chunk)] = [known[name] for name in keys]
            done += len(chunk)
            bar.update(len(chunk), known=len(chunk) - len(missing))
    in_journal = np.concatenate([records["tokens"], np.frombuffer(new_tokens, np.int16)])
    tokens = np.empty(count, np.int16)
    from_old = row_of < 0
    tokens[~from_old] = in_journal[row_of[~from_old]]
    tokens[from_old] = old_tokens[~row_of[from_old]]
    return Vectors(row_of, tokens, journal.rows_source(), old)


def write_arrays(directory: Path, vectors: Vectors, dim: int, dtype: str) -> None:
    """Writes the embeddings as `dtype`, the token counts, and the scan."""
    count = len(vectors.row_of)

    def chunks() -> Iterator[NDArray[np.float32]]:
        for start, end in pairwise([*range(0, count, GATHER_CHUNK), count]):
            rows = vectors.row_of[start:end]
            chunk = np.empty((end - start, dim), np.float32)
            from_old = rows < 0
            chunk[~from_old] = vectors.journal.take(rows[~from_old])
            if vectors.old is not None:
                chunk[from_old] = vectors.old.take(~rows[from_old])
            yield chunk

    write_embeddings(directory / EMBEDDINGS_FILE, chunks(), count, dim, dtype)
    save_array(directory / TOKENS_FILE, vectors.tokens)
    write_scan(Embeddings.load(directory, count, dim), directory)


def save_array(path: Path, values: NDArray[np.generic]) -> None:
    """Writes a .npy file. np.save to a path doesn't say why where it fails, as on a full disk."""
    file = io.BytesIO()
    np.save(file, values)
    path.write_bytes(file.getbuffer())


def find_reusable(out: Path, old: Manifest | None, recipe: str) -> Path | None:
    """The artifact being replaced, where its vectors are whole and what this recipe would give."""
    if old is None or old.recipe_sha256 != recipe or old.dtype != "float32" or TOKENS_FILE not in old.files:
        return None
    for name in (EMBEDDINGS_FILE, DOCUMENTS_FILE, TOKENS_FILE):
        with (out / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != old.files[name].sha256:
                return None
    return out


def _texts(directory: Path) -> Iterator[str]:
    with (directory / DOCUMENTS_FILE).open("rb") as file:
        for line in file:
            yield json.loads(line)["text"]
