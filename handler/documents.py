"""Documents: the texts behind the rows, read from disk one at a time.

Nothing is parsed at load: a line of documents.jsonl is found by its offset when it is in an answer.
"""

from __future__ import annotations

import json
import os
import weakref
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np

from handler.artifact import DOCUMENTS_FILE, OFFSETS_FILE, Artifact
from handler.errors import ArtifactError, reason
from handler.manifest import REMEDY


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_refuse)


class Document(NamedTuple):
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
            # np.load would open archives too.
            offsets = np.lib.format.open_memmap(artifact.path(OFFSETS_FILE), mode="r")
        except Exception as error:  # noqa: BLE001 - whatever numpy's parser of a header raises
            raise ArtifactError(
                f"{directory / OFFSETS_FILE} can't be read ({reason(error)}): {REMEDY}"
            ) from None
        if offsets.shape != (count + 1,) or offsets.dtype != np.uint64:
            raise ArtifactError(
                f"{directory / OFFSETS_FILE} holds {offsets.shape} {offsets.dtype}, "
                f"the manifest's {count:,} documents need ({count + 1},) uint64: {REMEDY}"
            )
        try:
            documents = cls(path, offsets)
            size = os.fstat(documents._descriptor).st_size
        except OSError as error:
            raise ArtifactError(f"{path} can't be read ({error.strerror}): {REMEDY}") from None
        if int(offsets[-1]) != size:
            raise ArtifactError(
                f"{path} has {size:,} bytes, its offsets end at {int(offsets[-1]):,}: {REMEDY}"
            )
        # 1 ms for a million documents; no line can then begin or end outside the file.
        if int(offsets[0]) != 0 or not (offsets[1:] > offsets[:-1]).all():
            raise ArtifactError(f"{directory / OFFSETS_FILE} holds offsets that don't rise from 0: {REMEDY}")
        return documents

    def __len__(self) -> int:
        return len(self._offsets) - 1

    def __getitem__(self, index: int) -> Document:
        """The document of row `index`; raises ArtifactError where its line is damaged."""
        start, end = int(self._offsets[index]), int(self._offsets[index + 1])
        try:
            line = _DECODER.decode(os.pread(self._descriptor, end - start, start).decode())
            document = Document(line["id"], line["text"], line["metadata"])
            if tuple(map(type, (document.id, document.text, document.metadata))) != (str, str, dict):
                raise TypeError
            return document
        except (OSError, OverflowError, ValueError, KeyError, TypeError, RecursionError):
            raise ArtifactError(f"{self._path}, line {index + 1} is damaged: {REMEDY}") from None
