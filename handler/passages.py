"""Passages: the parts of long documents that have rows of their own, and the search of documents by them.

A document's passages are consecutive rows, in the text's order. This module ranks documents by rows that another one has
ranked: it computes no score, and knows neither embeddings nor keywords. docs/exact-search.md has the proof.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from handler.artifact import PASSAGES_FILE, Artifact
from handler.errors import ArtifactError
from handler.light_typing import TYPE_CHECKING, Protocol, TypeVar
from handler.manifest import REMEDY
from handler.named import NamedTuple
from handler.safetensors import read_safetensors

if TYPE_CHECKING:
    from pathlib import Path

# Rows that are asked for at first, for each document. The best rows of a query are often of the same document, and a second
# search costs more than the additional rows.
ROWS_PER_DOCUMENT = 3


class Span(NamedTuple):
    """A part of a text: text[start:end], in code points.

    Examples:
        >>> from seeklet import Span
        >>> "Winter storms"[slice(*Span(7, 13))]
        'storms'
    """

    start: int
    end: int


class Ranking(Protocol):
    """The best rows of one query, best first, equal ones by lower row."""

    @property
    def ids(self) -> NDArray[np.int64]:
        """The rows, (1, m)."""


R = TypeVar("R", bound=Ranking)


class Passages:
    """Which rows are which document's, and where in its text each row begins and ends."""

    def __init__(self, first: NDArray[np.int64], spans: NDArray[np.int32]) -> None:
        """Takes each document's first row and the end, (documents + 1,), and each row's span, (rows, 2)."""
        self.first = first
        self.spans = spans
        self.documents = len(first) - 1
        self.rows = len(spans)

    @classmethod
    def open(cls, artifact: Artifact) -> Passages | None:
        """Opens an artifact's passages; returns None where its rows are whole documents.

        Raises ArtifactError where the file is missing or damaged, or disagrees with the manifest.
        """
        manifest = artifact.manifest
        if manifest.passages is None:
            return None
        passages = cls.load(artifact.directory)
        found, said = (passages.documents, passages.rows), (manifest.count, manifest.rows)
        if found != said:
            raise ArtifactError(
                f"{artifact.path(PASSAGES_FILE)} has {found[0]:,} documents and {found[1]:,} rows, its manifest says "
                f"{said[0]:,} and {said[1]:,}: {REMEDY}"
            )
        return passages

    @classmethod
    def load(cls, directory: Path) -> Passages:
        """Maps passages.safetensors in `directory`; raises ArtifactError where it is missing or damaged."""
        path = directory / PASSAGES_FILE
        tensors = read_safetensors(path)
        kinds = {name: (tensor.dtype.str, tensor.ndim) for name, tensor in tensors.items()}
        if kinds != {"first": ("<i8", 1), "spans": ("<i4", 2)} or tensors["spans"].shape[1] != 2:
            raise ArtifactError(f"{path} holds {kinds!a:.80}, not the first rows and the spans: {REMEDY}")
        first, spans = tensors["first"], tensors["spans"]
        if len(first) < 2 or first[0] != 0 or first[-1] != len(spans) or not (first[1:] > first[:-1]).all():
            raise ArtifactError(f"{path} holds first rows that don't rise from 0 to {len(spans):,}: {REMEDY}")
        return cls(first, spans)

    def document_of(self, row: int) -> int:
        """Returns the document that a row is of."""
        return int(self.first.searchsorted(row, "right")) - 1

    def documents_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the document that each row is of. (m,) int64 -> (m,) int64."""
        return self.first.searchsorted(rows, "right") - 1

    def rows_of_document(self, document: int) -> NDArray[np.int64]:
        """Returns one document's rows, ascending."""
        return np.arange(self.first[document], self.first[document + 1])

    def rows_of(self, documents: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Returns whether each row's document is true. (documents,) -> (rows,)."""
        return np.repeat(documents, np.diff(self.first))

    def any_row(self, rows: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Tells of which documents any row is true. (rows,) -> (documents,)."""
        return np.logical_or.reduceat(rows, self.first[:-1])

    def span_of(self, row: int, text: str) -> Span:
        """Returns a row's place in its document's text; raises ArtifactError where it lies outside of the text."""
        start, end = self.spans[row].tolist()
        if not 0 <= start < end <= len(text):
            raise ArtifactError(
                f"passage {row} reaches from {start} to {end}, its document has {len(text)} characters: {REMEDY}"
            )
        return Span(start, end)

    def rank(self, search: Callable[[int], R], k: int) -> tuple[R, list[int]]:
        """Finds the k best documents, each by its best row.

        Args:
            search: returns the m best rows of one query, for any m; all that there are where they are fewer.
            k: how many documents; all where there are fewer.

        Returns:
            What `search` returned last, and the places in it of the documents' best rows, best first.
        """
        k = max(0, min(k, self.documents))
        most = ROWS_PER_DOCUMENT * k
        while True:
            found = search(most)
            documents = self.first.searchsorted(found.ids[0], "right")
            # Where each document is seen first.
            places = np.sort(np.unique(documents, return_index=True)[1])[:k].tolist()
            if len(places) == k or len(found.ids[0]) < most or most >= self.rows:
                return found, places
            most *= 2
