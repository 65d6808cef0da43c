"""An artifact as a release: its name, and its documents, rows, words and terms as COPY's binary format has them.

It reads parts of the artifact's files and holds none whole. It knows no database.
"""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from export.publish.binary import bytes_field, fixed_tuples, halfvec_bytes, int4_field, tuple_start
from export.publish.column_values import column_fields
from handler.artifact import DOCUMENTS_FILE, KEYWORDS_FILE, OFFSETS_FILE, Artifact
from handler.columns import Columns
from handler.documents import Documents
from handler.errors import ArtifactError
from handler.keywords import Keywords
from handler.manifest import MANIFEST_FILE, REMEDY, Manifest
from handler.passages import Passages
from handler.postgres.layout import row_bytes
from handler.safetensors import read_safetensors
from handler.scores import Embeddings

# pgvector builds no HNSW index over longer ones: https://github.com/pgvector/pgvector#hnsw
MOST_DIMENSIONS = 4000
# A part that is loaded in one transaction ends after so many documents, rows, or bytes of documents.
_PART_DOCUMENTS = 2_000
_PART_ROWS = 20_000
_PART_BYTES = 16 << 20


class Part(NamedTuple):
    """Some consecutive documents: what each has in the table `documents`, but for its index."""

    ids: list[bytes]
    lines: list[bytes]
    digests: list[bytes]
    values: list[bytes]  # the fields of the metadata's columns, joined


class Source:
    """What a release is made from. Raises ArtifactError where a file is missing or damaged."""

    def __init__(self, directory: Path | str) -> None:
        """Opens an artifact; compares the hash of each file that is published."""
        self.artifact = Artifact.open(directory)
        manifest = self.manifest
        self.artifact.check_hashes()
        if manifest.dim > MOST_DIMENSIONS:
            raise ArtifactError(
                f"{self.artifact.directory} has {manifest.dim:,} dimensions, pgvector's index takes "
                f"{MOST_DIMENSIONS:,} of halfvec: export it again with a lower --dim"
            )
        data = self.artifact.path(MANIFEST_FILE).read_bytes()
        if Manifest.parse(data, MANIFEST_FILE) != manifest:
            raise ArtifactError(f"{self.artifact.directory} has changed just now: run the same command again")
        self.manifest_text = data.decode()
        self.release = hashlib.sha256(data).hexdigest()[:16]
        self.embeddings = Embeddings.load(self.artifact.directory, manifest.rows, manifest.dim)
        self.passages = Passages.open(self.artifact)
        self._documents = Documents.open(self.artifact)  # checks the offsets
        self._path = self.artifact.path(DOCUMENTS_FILE)
        self._offsets: NDArray[np.uint64] = np.load(self.artifact.path(OFFSETS_FILE), mmap_mode="r")
        self._columns = column_fields(self.artifact)
        self._keywords = self._read_keywords()
        self._salt = json.dumps(
            [manifest.recipe_sha256, manifest.dtype, list((manifest.columns or {}).values())]
        ).encode()

    @property
    def manifest(self) -> Manifest:
        """The artifact's manifest."""
        return self.artifact.manifest

    @property
    def columns_text(self) -> str:
        """The description of the metadata's columns, as JSON: counting them in the database takes long."""
        columns = Columns.open(self.artifact)
        return json.dumps([] if columns is None else columns.describe())

    @property
    def words(self) -> int:
        """The number of words of the keyword index; 0 where there is none."""
        return len(self._keywords["word_terms"]) if self._keywords else 0

    @property
    def terms(self) -> int:
        """The number of terms of the keyword index; 0 where there is none."""
        return len(self._keywords["term_ends"]) - 1 if self._keywords else 0

    @property
    def postings(self) -> int:
        """The number of rows of all terms."""
        return len(self._keywords["rows"]) if self._keywords else 0

    def part_end(self, start: int) -> int:
        """Returns the document before which a part that begins with `start` ends."""
        stop = min(start + _PART_DOCUMENTS, self.manifest.count)
        if self.passages is not None:
            most_rows = int(self.passages.first[start]) + _PART_ROWS
            stop = min(stop, int(self.passages.first.searchsorted(most_rows, "right")) - 1)
        most = np.uint64(int(self._offsets[start]) + _PART_BYTES)
        stop = min(stop, int(self._offsets.searchsorted(most, "right")) - 1)
        return max(stop, start + 1)

    def rows_of(self, start: int, stop: int) -> tuple[int, int]:
        """Returns the first row of documents start to stop, and the row after their last."""
        if self.passages is None:
            return start, stop
        return int(self.passages.first[start]), int(self.passages.first[stop])

    def part(self, start: int, stop: int) -> Part:
        """Reads documents start to stop."""
        offsets = self._offsets[start : stop + 1].astype(np.int64)
        with self._path.open("rb") as file:
            file.seek(int(offsets[0]))
            data = file.read(int(offsets[-1] - offsets[0]))
        bounds = (offsets - offsets[0]).tolist()
        lines = [data[begin:end].removesuffix(b"\n") for begin, end in itertools.pairwise(bounds)]
        ids = [self._id(line, place) for place, line in enumerate(lines, start)]
        values = [
            b"".join(fields) for fields in zip(*(read(start, stop) for read in self._columns), strict=True)
        ]
        values = values or [b""] * len(lines)
        return Part(ids, lines, self._digests(start, stop, lines, values), values)

    def _id(self, line: bytes, place: int) -> bytes:
        try:
            # text can't hold NUL; JSON escapes it.
            if b"\0" in line:
                raise ValueError
            found = json.loads(line)["id"]
            return bytes(found.encode("utf-8", "surrogatepass"))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise ArtifactError(f"{self._path}, line {place + 1} is damaged: {REMEDY}") from None

    def _digests(self, start: int, stop: int, lines: list[bytes], values: list[bytes]) -> list[bytes]:
        """Returns 16 bytes of each document, equal where all that is published of it is equal but its number."""
        begin, end = self.rows_of(start, stop)
        codes = self.row_bytes(begin, end)
        first = [self.rows_of(start, document)[1] - begin for document in range(start, stop + 1)]
        first[0] = 0
        digests = []
        for place, (line, value) in enumerate(zip(lines, values, strict=True)):
            of_rows = codes[first[place] : first[place + 1]]
            made = hashlib.blake2b(self._salt, digest_size=16)
            for part in (line, value):
                made.update(len(part).to_bytes(8, "big"))
                made.update(part)
            made.update(b"".join(of_rows))
            if self.passages is not None:
                made.update(self.passages.spans[begin + first[place] : begin + first[place + 1]].tobytes())
            digests.append(made.digest())
        return digests

    def row_bytes(self, start: int, stop: int) -> list[bytes]:
        """Returns rows.codes of rows start to stop."""
        scales = self.embeddings.scales
        return row_bytes(self.embeddings.rows[start:stop], None if scales is None else scales[start:stop])

    def document_tuples(self, start: int, part: Part, chosen: NDArray[np.bool_]) -> bytes:
        """Returns the chosen documents of a part that begins with `start`, for COPY. (documents of the part,) -> bytes."""
        head = tuple_start(4 + len(self._columns))
        return b"".join(
            b"".join(
                (
                    head,
                    int4_field(start + place),
                    bytes_field(part.ids[place]),
                    bytes_field(part.lines[place]),
                    bytes_field(part.digests[place]),
                    part.values[place],
                )
            )
            for place in chosen.nonzero()[0].tolist()
        )

    def row_tuples(self, start: int, stop: int, chosen: NDArray[np.bool_]) -> bytes:
        """Returns the rows of the chosen documents among start to stop, for COPY. (stop - start,) -> bytes."""
        begin, end = self.rows_of(start, stop)
        rows = np.arange(begin, end)
        documents, spans = rows, None
        if self.passages is not None:
            documents = self.passages.documents_of(rows)
            spans = self.passages.spans[begin:end]
        kept = chosen[documents - start]
        if not kept.any():
            return b""
        codes = np.frombuffer(b"".join(self.row_bytes(begin, end)), np.uint8).reshape(end - begin, -1)
        return fixed_tuples(
            [
                (">i4", rows[kept]),
                (">i4", documents[kept]),
                (">i4", None if spans is None else spans[kept, 0]),
                (">i4", None if spans is None else spans[kept, 1]),
                ("u1", halfvec_bytes(self.embeddings.values(begin, end)[kept])),
                ("u1", codes[kept]),
            ]
        )

    def word_tuples(self, start: int, stop: int) -> bytes:
        """Returns words start to stop, for COPY."""
        ends = self._keywords["word_ends"][start : stop + 1].tolist()
        terms = self._keywords["word_terms"][start:stop].tolist()
        text, head = memoryview(self._keywords["words"]), tuple_start(2)  # type: ignore[arg-type]
        return b"".join(
            head + bytes_field(bytes(text[begin:end])) + int4_field(term)
            for begin, end, term in zip(ends, ends[1:], terms, strict=False)
        )

    def term_tuples(self, start: int, stop: int) -> Iterator[bytes]:
        """Yields terms start to stop, for COPY. A frequent term has some MB."""
        ends = self._keywords["term_ends"][start : stop + 1].tolist()
        head, rows, impacts = tuple_start(3), self._keywords["rows"], self._keywords["impacts"]
        for term, (begin, end) in enumerate(itertools.pairwise(ends), start):
            holders = np.ascontiguousarray(rows[begin:end], "<i4").tobytes()
            yield b"".join(
                (head, int4_field(term), bytes_field(holders), bytes_field(impacts[begin:end].tobytes()))
            )

    def terms_end(self, start: int) -> int:
        """Returns the term before which a part that begins with `start` ends."""
        ends = self._keywords["term_ends"]
        most = np.uint32(min(int(ends[start]) + _PART_BYTES // 5, 2**32 - 1))
        stop = min(int(ends.searchsorted(most, "right")) - 1, start + 25 * _PART_DOCUMENTS, self.terms)
        return max(stop, start + 1)

    def _read_keywords(self) -> dict[str, NDArray[Any]]:
        if self.manifest.keywords is None:
            return {}
        # Checks the tables.
        Keywords.load(self.artifact.directory, self.manifest.rows, _no_analyzer)
        return read_safetensors(self.artifact.path(KEYWORDS_FILE))


def _no_analyzer() -> Any:
    raise NotImplementedError("publishing looks up no words")
