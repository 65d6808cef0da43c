"""Documents: the texts behind the rows, read from disk one at a time.

Loading parses nothing. A line of documents.jsonl is found by its offset when an answer needs it.
"""

from __future__ import annotations

import os
import re

import numpy as np

from handler.artifact import DOCUMENTS_FILE, OFFSETS_FILE, Artifact
from handler.errors import ArtifactError
from handler.json_types import DECODER
from handler.light_typing import TYPE_CHECKING, Any
from handler.manifest import REMEDY
from handler.named import NamedTuple
from handler.open_file import OpenFile

if TYPE_CHECKING:
    from pathlib import Path

# What numpy writes before a one-dimensional array of uint64. Its own reader evaluates a header as Python, warns on
# standard error, and multiplies sizes until they overflow.
_NPY_HEADER = re.compile(
    rb"\x93NUMPY\x01\x00..\{'descr': '<u8', 'fortran_order': False, 'shape': \((\d{1,15}),\), \} *\n",
    re.DOTALL,
)


class Document(NamedTuple):
    """One text of the corpus."""

    id: str
    text: str
    metadata: dict[str, Any]


class Documents:
    """The corpus's texts, by row."""

    def __init__(self, path: Path, offsets: np.ndarray[Any, np.dtype[np.uint64]]) -> None:
        """Opens `path`. Line i lies between offsets i and i + 1 of the (n + 1,) offsets."""
        # Not mapped: a map's pages count as the process's memory, sixteen for each line that is read.
        self._file = OpenFile(path)
        self._offsets = offsets
        self.directory = path.parent

    @classmethod
    def open(cls, artifact: Artifact) -> Documents:
        """Opens the documents; raises ArtifactError where their number isn't the manifest's."""
        directory, count = artifact.directory, artifact.manifest.count
        path = artifact.path(DOCUMENTS_FILE)
        offsets = _map_offsets(artifact.path(OFFSETS_FILE), count)
        try:
            documents = cls(path, offsets)
            size = documents._file.size
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
        """Reads the document of row `index`; raises ArtifactError where its line is damaged."""
        start, end = self._offsets.item(index), self._offsets.item(index + 1)
        try:
            line = self._file.read(start, end - start).decode()
            fields, used = DECODER.raw_decode(line)
            document = Document(fields["id"], fields["text"], fields["metadata"])
            if line[used:] != "\n" or tuple(map(type, document)) != (str, str, dict):
                raise TypeError
            return document
        except (OSError, OverflowError, ValueError, KeyError, TypeError, RecursionError):
            raise ArtifactError(f"{self._file.path}, line {index + 1} is damaged: {REMEDY}") from None


def _map_offsets(path: Path, count: int) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Maps the (count + 1,) uint64 offsets; raises ArtifactError where the file holds anything else."""
    try:
        with path.open("rb") as file:
            header = _NPY_HEADER.match(file.read(1024))
            size = file.seek(0, os.SEEK_END)
    except OSError as error:
        raise ArtifactError(f"{path} can't be read ({error.strerror}): {REMEDY}") from None
    if header is None:
        raise ArtifactError(f"{path} is not a one-dimensional .npy array of uint64: {REMEDY}")
    if int(header[1]) != count + 1 or size != header.end() + 8 * (count + 1):
        raise ArtifactError(
            f"{path} holds {int(header[1]):,} offsets in {size:,} bytes, the manifest's {count:,} documents need "
            f"{count + 1:,} in {header.end() + 8 * (count + 1):,}: {REMEDY}"
        )
    # As a plain array: a memmap runs Python code at each access.
    return np.asarray(np.memmap(os.fspath(path), np.uint64, "r", header.end(), (count + 1,)))
