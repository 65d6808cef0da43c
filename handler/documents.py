"""Documents: the texts behind the rows, read from disk one at a time.

Nothing is parsed at load: a line of documents.jsonl is found by its offset when it is in an answer.
"""

from __future__ import annotations

import json
import os
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from handler.artifact import DOCUMENTS_FILE, OFFSETS_FILE, Artifact
from handler.errors import ArtifactError
from handler.manifest import REMEDY


@dataclass(frozen=True, slots=True)
class Document:
    """One text of the corpus."""

    id: str
    text: str
    metadata: dict[str, Any]


class Documents:
    """The corpus's texts, by row."""

    def __init__(self, path: Path, offsets: np.ndarray[Any, np.dtype[np.uint64]]) -> None:
        """`path` has a line from each of the (n + 1,) offsets to the next."""
        # Not mapped: a map's pages count as the process's memory, sixteen for each line that is read.
        self._descriptor = os.open(path, os.O_RDONLY)
        weakref.finalize(self, os.close, self._descriptor)
        self._offsets = offsets
        self._path = path

    @classmethod
    def open(cls, artifact: Artifact) -> Documents:
        """Opens the documents; raises ArtifactError where they aren't as many as the manifest says."""
        directory, count = artifact.directory, artifact.manifest.count
        path = artifact.path(DOCUMENTS_FILE)
        try:
            offsets = np.load(artifact.path(OFFSETS_FILE), mmap_mode="r", allow_pickle=False)
            documents = cls(path, offsets)
            size = os.fstat(documents._descriptor).st_size
        except (OSError, EOFError, ValueError, SyntaxError) as error:
            # numpy raises EOFError for an empty file, and what its header's parser raises.
            raise ArtifactError(f"the documents of {directory} can't be read ({error}): {REMEDY}") from None
        if offsets.shape != (count + 1,) or offsets.dtype != np.uint64:
            raise ArtifactError(
                f"{directory / OFFSETS_FILE} holds {offsets.shape} {offsets.dtype}, "
                f"the manifest's {count:,} documents need ({count + 1},) uint64: {REMEDY}"
            )
        if int(offsets[-1]) != size:
            raise ArtifactError(
                f"{path} has {size:,} bytes, its offsets end at {int(offsets[-1]):,}: {REMEDY}"
            )
        return documents

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, index: int) -> Document:
        """The document of row `index`; raises ArtifactError where its line is damaged."""
        start, end = int(self._offsets[index]), int(self._offsets[index + 1])
        try:
            line = json.loads(os.pread(self._descriptor, end - start, start))
            return Document(line["id"], line["text"], line["metadata"])
        except (OSError, OverflowError, ValueError, KeyError, TypeError, RecursionError):
            raise ArtifactError(f"{self._path}, line {index + 1} is damaged: {REMEDY}") from None
