"""Reads a release's tables documents and rows. It ranks nothing: ranking.py does.

Answers of many rows come as one bytea, which the client decodes once: packed integers and floats, big-endian as
PostgreSQL's send functions write them, or the rows' own bytes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from handler.documents import Document
from handler.errors import ArtifactError
from handler.light_typing import Any
from handler.named import NamedTuple
from handler.passages import Span
from handler.postgres.connection import Connection
from handler.postgres.filters import FilterSql
from handler.postgres.layout import read_row_bytes, vector_text
from handler.postgres.release import PUBLISH, Release
from handler.scores import Embeddings

_PLACE = np.dtype([("row", ">i4"), ("document", ">i4")])
_NEAR = np.dtype([("row", ">i4"), ("document", ">i4"), ("score", ">f4")])


class Near(NamedTuple):
    """Some rows, their documents, and their scores by the index's halves, (m,) each."""

    rows: NDArray[np.int64]
    documents: NDArray[np.int64]
    scores: NDArray[np.float32]


class Tables:
    """The documents and rows of one release. Safe to share between threads."""

    def __init__(self, connection: Connection, release: Release) -> None:
        self._connection = connection
        self._schema = release.schema
        self._manifest = release.manifest
        self._embedding = f"embedding OPERATOR({release.vectors}.<#>) :query::{release.vectors}.halfvec({release.manifest.dim})"
        self._first: NDArray[np.int64] | None = None

    def nearest(self, query: NDArray[np.float32], most: int, *, exact: bool) -> Near:
        """Finds rows near to a query, best first: by the index, or with `exact` by every row's score.

        The index may end before it has found `most`, although there are more.
        """
        # An expression that the index isn't on.
        order = f"({self._embedding}) + 0" if exact else self._embedding
        return self._near(
            f"SELECT row, document, -({self._embedding}) AS score FROM {self._schema}.rows ORDER BY {order} LIMIT :most",
            query=vector_text(query),
            most=most,
        )

    def reaching(self, query: NDArray[np.float32], least: float) -> Near:
        """Finds every row whose score, by the index's halves, is `least` or more, in no order."""
        return self._near(
            f"SELECT row, document, -({self._embedding}) AS score FROM {self._schema}.rows"
            f" WHERE -({self._embedding}) >= :least::float8",
            query=vector_text(query),
            least=least,
        )

    def _near(self, sql: str, **values: Any) -> Near:
        packed = self._packed(
            "int4send(row) || int4send(document) || float4send(score::float4)", f"({sql}) AS found", **values
        )
        found = np.frombuffer(packed, _NEAR)
        order = np.lexsort((found["row"], -found["score"]))
        rows, documents = (found[name][order].astype(np.int64) for name in ("row", "document"))
        return Near(rows, documents, found["score"][order].astype(np.float32))

    def stored(self, rows: NDArray[np.int64]) -> Embeddings:
        """Reads rows as the artifact stores them, in their order. (m,) -> (m, dim)."""
        packed = self._packed(
            "codes",
            f"unnest(:rows::int4[]) WITH ORDINALITY AS asked(row, place) JOIN {self._schema}.rows AS r USING (row)",
            order="place",
            rows=rows.tolist(),
        )
        values, scales = read_row_bytes(packed, self._manifest.dtype, self._manifest.dim)
        if len(values) != len(rows):
            raise ArtifactError(f"{self._schema}.rows has {len(values)} of {len(rows)} rows: {PUBLISH}")
        return Embeddings(values, scales)

    def rows_of(self, documents: Sequence[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Returns the rows of some documents, ascending, and the document of each."""
        if self._manifest.passages is None:
            rows = np.sort(np.array(documents, np.int64))
            return rows, rows
        packed = self._packed(
            "int4send(row) || int4send(document)",
            f"{self._schema}.rows WHERE document = ANY(:documents::int4[])",
            order="row",
            documents=list(documents),
        )
        found = np.frombuffer(packed, _PLACE)
        return found["row"].astype(np.int64), found["document"].astype(np.int64)

    def documents_of(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the document of each row. Where documents are cut, every row's document is read once, and kept."""
        if self._manifest.passages is None:
            return rows
        if self._first is None:
            packed = self._packed("int4send(document)", f"{self._schema}.rows", order="row")
            self._first = np.frombuffer(packed, ">i4").astype(np.int64)
        found: NDArray[np.int64] = self._first[rows]
        return found

    def passing(self, filter: FilterSql) -> NDArray[np.bool_]:  # noqa: A002 - the subject's name
        """Returns which documents pass a filter, (count,)."""
        packed = self._packed(
            "int4send(index)", f"{self._schema}.documents WHERE {filter.text}", **filter.values
        )
        mask = np.zeros(self._manifest.count, np.bool_)
        mask[np.frombuffer(packed, ">i4")] = True
        return mask

    def counts(
        self,
        column: str,
        kind: str,
        most: int,
        *,
        passing: FilterSql | None = None,
        documents: NDArray[np.int64] | None = None,
    ) -> list[list[Any]]:
        """Counts a column's values in the documents that pass a filter, in those that are given, or in all.

        Returns the `most` most frequent values with their counts, equally frequent ones by value.
        """
        of_lists = kind == "strings"
        item = f"unnest({column})" if of_lists else column
        where, values = ("true", {}) if passing is None else (passing.text, passing.values)
        if documents is not None:
            where, values = "index = ANY(:documents::int4[])", {"documents": documents.tolist()}
        # A document counts once for each of its items.
        held = f"SELECT {'DISTINCT index, ' if of_lists else ''}{item} AS value FROM {self._schema}.documents WHERE {where}"
        found = self._connection.read(
            f"SELECT value, count(*) FROM ({held}) AS held WHERE value IS NOT NULL"
            f" GROUP BY value ORDER BY count(*) DESC, value LIMIT {most:d}",
            **values,
        )
        return [list(row) for row in found]

    def find_all(self, ids: Sequence[str]) -> list[int | None]:
        """Returns the index of the document that has each id, or None."""
        keys = [each.encode("utf-8", "surrogatepass") for each in ids]
        found = self._connection.read(
            f"SELECT id, min(index) FROM {self._schema}.documents WHERE id = ANY(:ids::bytea[]) GROUP BY id",
            ids=keys,
        )
        places = {bytes(key): index for key, index in found}
        return [places.get(key) for key in keys]

    def read_all(self, indexes: Sequence[int]) -> list[Document]:
        """Reads the documents at some indexes. Raises ArtifactError where one is missing."""
        found = self._connection.read(
            f"SELECT index, line FROM {self._schema}.documents WHERE index = ANY(:indexes::int4[])",
            indexes=list(map(int, indexes)),
        )
        lines = {index: json.loads(line) for index, line in found}
        try:
            each = [lines[index] for index in indexes]
        except KeyError as error:
            raise ArtifactError(f"{self._schema}.documents lacks document {error}: {PUBLISH}") from None
        return [Document(line["id"], line["text"], line["metadata"]) for line in each]

    def spans(self, rows: Sequence[int]) -> list[Span | None]:
        """Returns the place of each row in its document's text; None where rows are whole documents."""
        if self._manifest.passages is None:
            return [None] * len(rows)
        found = self._connection.read(
            f"SELECT row, start, stop FROM {self._schema}.rows WHERE row = ANY(:rows::int4[])",
            rows=list(rows),
        )
        spans = {row: Span(start, stop) for row, start, stop in found}
        return [spans[row] for row in rows]

    def _packed(self, fields: str, source: str, *, order: str = "", **values: Any) -> bytes:
        """Returns fields of many rows one after the other."""
        ordered = f" ORDER BY {order}" if order else ""
        found = self._connection.read(
            f"SELECT string_agg({fields}, ''::bytea{ordered}) FROM {source}", **values
        )
        return bytes(found[0][0] or b"")
