"""What a Searcher asks of an engine: the corpus, and its search by vectors and words.

local.py answers from an artifact's files, handler/postgres from a database. An engine embeds no text: searcher.py does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from handler.asking import Answer, Asked
from handler.documents import Document
from handler.light_typing import Any, Protocol
from handler.manifest import Manifest
from handler.postings import KeywordQuery


class Engine(Protocol):
    """A corpus that can be searched. Safe to share between threads."""

    @property
    def manifest(self) -> Manifest:
        """The manifest of the artifact that is searched."""

    @property
    def column_types(self) -> Mapping[str, str]:
        """The metadata's columns and their types; none where there are no columns."""

    def describe(self) -> dict[str, Any]:
        """Describes the engine for GET /info: its name, and what its answers depend on."""

    def describe_columns(self) -> list[dict[str, Any]]:
        """Describes each column, as handler.columns.Columns does."""

    def find_all(self, ids: Sequence[str]) -> list[int | None]:
        """Returns the index of the document that has each id, or None."""

    def read_all(self, indexes: Sequence[int]) -> list[Document]:
        """Reads the documents at some indexes, each from 0 to the manifest's count."""

    def embeddings(self, indexes: Sequence[int]) -> NDArray[np.float32]:
        """Returns documents' vectors, the mean of its passages' where one is cut. -> (m, dim) of length 1."""

    def keywords_of(self, text: str) -> KeywordQuery | None:
        """Looks up the terms of a query; None where no document holds any of them, or there are no keywords."""

    def answer(
        self,
        embeddings: NDArray[np.float32] | None,
        keywords: Sequence[KeywordQuery | None],
        asked: Asked,
        without: int | None = None,
    ) -> Iterator[Answer]:
        """Answers some queries, one after the other: an answer's documents are read when it is asked for.

        Args:
            embeddings: (q, dim) float32, or None in the mode keyword.
            keywords: the terms of each query; None in the mode semantic, and where no document holds one.
            asked: what is asked of each; its mode and share are filled in.
            without: the index of a document that is left out.
        """
