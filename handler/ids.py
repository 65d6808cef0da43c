"""The documents by their ids: an id's CRC-32 leads to the few documents that may have it, whose lines are then compared.

export/build/write_documents.py writes ids.safetensors. An artifact without that file, of an older export, is read whole at
the first search for an id.
"""

from __future__ import annotations

import binascii
import functools
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from handler.artifact import IDS_FILE, Artifact
from handler.documents import Documents
from handler.errors import ArtifactError
from handler.light_typing import Any
from handler.manifest import REMEDY
from handler.safetensors import read_safetensors


class Ids:
    """Which document has which id. Safe to share between threads."""

    def __init__(self, documents: Documents, table: dict[str, NDArray[Any]] | None = None) -> None:
        """Takes the documents, and the tensors of ids.safetensors; None where there is no such file.

        Raises ArtifactError where the tensors are not those of as many documents.
        """
        if table is not None:
            _check(table, len(documents))
        self._documents = documents
        self._given = table

    @classmethod
    def open(cls, artifact: Artifact, documents: Documents | None = None) -> Ids:
        """Maps the artifact's table of ids. `documents` are the artifact's, where they are open already.

        Raises ArtifactError where a file is missing or damaged.
        """
        if documents is None:
            documents = Documents.open(artifact)
        if IDS_FILE not in artifact.manifest.files:
            return cls(documents)
        return cls(documents, read_safetensors(artifact.path(IDS_FILE)))

    def find(self, id: str) -> int | None:  # noqa: A002 - the field's name
        """Returns the index of the document with this id, or None.

        Raises ArtifactError where the table or a document's line is damaged.
        """
        crc32, indexes = self._table["crc32"], self._table["indexes"]
        crc = crc32_of(id)
        for place in range(int(crc32.searchsorted(np.uint32(crc))), len(crc32)):
            if crc32[place] != crc:
                break
            index = int(indexes[place])
            if not 0 <= index < len(self._documents):
                raise ArtifactError(
                    f"{IDS_FILE} names document {index:,} of {len(self._documents):,}: {REMEDY}"
                )
            if self._documents[index].id == id:
                return index
        return None

    @functools.cached_property
    def _table(self) -> dict[str, NDArray[Any]]:
        if self._given is not None:
            return self._given
        documents = (self._documents[index] for index in range(len(self._documents)))
        return id_table(crc32_of(document.id) for document in documents)


def crc32_of(id: str) -> int:  # noqa: A002 - the field's name
    """Returns an id's CRC-32. Half of a surrogate pair is in no id, and has a CRC-32 nevertheless."""
    return binascii.crc32(id.encode("utf-8", "surrogatepass"))


def id_table(crcs: Iterable[int]) -> dict[str, NDArray[Any]]:
    """Returns the tensors of ids.safetensors from the CRC-32 of each document's id, in the corpus's order."""
    values = np.fromiter(crcs, np.uint32)
    order = values.argsort(kind="stable")
    return {"crc32": values[order], "indexes": order.astype(np.int32)}


def _check(table: dict[str, NDArray[Any]], count: int) -> None:
    kinds = {name: (tensor.dtype.str, tensor.shape) for name, tensor in table.items()}
    wanted = {"crc32": ("<u4", (count,)), "indexes": ("<i4", (count,))}
    if kinds != wanted:
        raise ArtifactError(
            f"{IDS_FILE} holds {kinds!a:.120}, not the CRC-32 and indexes of {count:,} ids: {REMEDY}"
        )
