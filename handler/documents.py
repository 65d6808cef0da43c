"""Documents: the texts behind the rows, read from disk one at a time.

Nothing is parsed at load: a line of documents.jsonl is found by its offset when it is in an answer.
"""

from __future__ import annotations

import json
import mmap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from handler.artifact import DOCUMENTS_FILE, OFFSETS_FILE, REMEDY
from handler.errors import ArtifactError


@dataclass(frozen=True, slots=True)
class Document:
    """One text of the corpus."""

    id: str
    text: str
    metadata: dict[str, Any]


class Documents:
    """The corpus's texts, by row."""

    def __init__(self, lines: mmap.mmap, offsets: np.ndarray[Any, np.dtype[np.uint64]], path: Path) -> None:
        self._lines = lines
        self._offsets = offsets
        self._path = path

    @classmethod
    def load(cls, directory: Path, count: int) -> Documents:
        """Maps the documents; raises ArtifactError where they aren't `count`."""
        path = directory / DOCUMENTS_FILE
        try:
            offsets = np.load(directory / OFFSETS_FILE, mmap_mode="r", allow_pickle=False)
            with path.open("rb") as file:
                lines = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise ArtifactError(f"the documents of {directory} can't be read ({error}): {REMEDY}") from None
        if offsets.shape != (count + 1,) or offsets.dtype != np.uint64:
            raise ArtifactError(
                f"{directory / OFFSETS_FILE} holds {offsets.shape} {offsets.dtype}, "
                f"the manifest's {count:,} documents need ({count + 1},) uint64: {REMEDY}"
            )
        if int(offsets[-1]) != len(lines):
            raise ArtifactError(
                f"{path} has {len(lines):,} bytes, its offsets end at {int(offsets[-1]):,}: {REMEDY}"
            )
        return cls(lines, offsets, path)

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, index: int) -> Document:
        """The document of row `index`; raises ArtifactError where its line is damaged."""
        start, end = int(self._offsets[index]), int(self._offsets[index + 1])
        try:
            line = json.loads(self._lines[start:end])
            return Document(line["id"], line["text"], line["metadata"])
        except (ValueError, KeyError, TypeError):
            raise ArtifactError(f"{self._path}, line {index + 1} is damaged: {REMEDY}") from None
