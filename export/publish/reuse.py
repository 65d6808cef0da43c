"""--changed: documents that the current release has too are copied within the database, and only the others are sent.

    the artifact's digests --COPY--> incoming --JOIN by digest--> the current release's documents

A document's digest says all that is published of it but its number (source.py), so that what is copied is what would have
been sent. Two documents may be equal: any of them may be copied.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from export.publish.binary import bytes_field, int4_field, tuple_start
from export.publish.session import Session
from export.publish.source import Source
from export.publish.state import exists, read_loading
from export.publish.tables import INCOMING, LOADING, create_incoming
from handler.artifact import KEYWORDS_FILE
from handler.manifest import MANIFEST_FILE, Manifest
from handler.postgres.layout import LAYOUT, column_name

if TYPE_CHECKING:
    from export.publish.loading import Progress


class Shared:
    """Which documents are copied from the current release, and which are sent."""

    def __init__(self, sent: NDArray[np.bool_], manifest: Manifest, old: str, schema: str) -> None:
        """Takes whether each document is sent, (count,), the artifact's manifest, and both schemas."""
        self._sent = sent
        places = range(len(manifest.columns or {}))
        self._columns = ", ".join(["id", "line", "digest", *map(column_name, places)])
        # Without passages a document's row has its number, and only rows.row has an index.
        self._document = "row" if manifest.passages is None else "document"
        self._old = old
        self._schema = schema

    def sent(self, start: int, stop: int) -> NDArray[np.bool_]:
        """Returns whether each of documents start to stop is sent."""
        return self._sent[start:stop]

    def copy(self, session: Session, start: int, stop: int) -> None:
        """Copies those of documents start to stop that aren't sent."""
        if self._sent[start:stop].all():
            return
        wanted = f"{self._schema}.{INCOMING} i WHERE i.index >= {start} AND i.index < {stop} AND i.source IS NOT NULL"
        chosen = ", ".join(f"d.{column}" for column in self._columns.split(", "))
        session.run(
            f"INSERT INTO {self._schema}.documents (index, {self._columns}) SELECT i.index, {chosen} "
            f"FROM (SELECT i.index, i.source FROM {wanted}) i JOIN {self._old}.documents d ON d.index = i.source"
        )
        session.run(
            f"INSERT INTO {self._schema}.rows (row, document, start, stop, embedding, codes) "
            "SELECT i.row + row_number() OVER (PARTITION BY i.index ORDER BY r.row) - 1, i.index, r.start, r.stop, "
            f"r.embedding, r.codes FROM (SELECT i.index, i.row, i.source FROM {wanted}) i "
            f"JOIN {self._old}.rows r ON r.{self._document} = i.source"
        )


def why_not(session: Session, source: Source, old: str) -> str | None:
    """Says why no document of a release can be copied; None where some may be."""
    text, layout = session.run(f"SELECT manifest, layout FROM {old}.release")[0]
    before, now = Manifest.parse(str(text).encode(), f"{old}'s {MANIFEST_FILE}", 1), source.manifest
    parts = {
        "layout": (layout, LAYOUT),
        "model or recipe": (before.recipe_sha256, now.recipe_sha256),
        "dtype": (before.dtype, now.dtype),
        "dimensions": (before.dim, now.dim),
        "columns": (list((before.columns or {}).values()), list((now.columns or {}).values())),
        "passages": (before.passages, now.passages),
    }
    changed = [name for name, (one, other) in parts.items() if one != other]
    return f"its {changed[0]} is another" if changed else None


def share(session: Session, source: Source, old: str, schema: str, progress: Progress) -> Shared:
    """Finds which documents the releases share, as far as that hasn't been done."""
    loading = read_loading(session, schema)
    assert loading is not None
    if not exists(session, f"{schema}.{INCOMING}"):
        session.run(create_incoming(schema))
    start, count = loading.incoming, source.manifest.count
    with progress.counting("comparing", count - start, "documents") as counter:
        while start < count:
            stop = source.part_end(start)
            with session.transaction():
                sent = session.copy(
                    f"{schema}.{INCOMING} (index, row, digest)", [_digests(source, start, stop)]
                )
                session.run(f"UPDATE {schema}.{LOADING} SET incoming = {stop}, sent = sent + {sent}")
            counter.add(stop - start)
            start = stop
    if not loading.matched:
        _match(session, old, schema)
    sent_documents = np.zeros(count, np.bool_)
    rows = session.run(f"SELECT index FROM {schema}.{INCOMING} WHERE source IS NULL")
    sent_documents[[index for (index,) in rows]] = True
    return Shared(sent_documents, source.manifest, old, schema)


def _match(session: Session, old: str, schema: str) -> None:
    with session.transaction():
        session.run(
            f"UPDATE {schema}.{INCOMING} i SET source = d.index FROM "
            f"(SELECT digest, min(index) AS index FROM {old}.documents GROUP BY digest) d WHERE d.digest = i.digest"
        )
        session.run(f"CREATE INDEX ON {schema}.{INCOMING} (index)")
        session.run(f"UPDATE {schema}.{LOADING} SET matched = true")
    session.run(f"ANALYZE {schema}.{INCOMING}")


def _digests(source: Source, start: int, stop: int) -> bytes:
    head = tuple_start(3)
    return b"".join(
        head + int4_field(index) + int4_field(source.rows_of(index, index + 1)[0]) + bytes_field(digest)
        for index, digest in enumerate(source.part(start, stop).digests, start)
    )


def keywords_are_equal(session: Session, source: Source, old: str) -> bool:
    """Tells whether a release's keyword index is the artifact's, byte by byte."""
    if not source.terms:
        return False
    text = session.run(f"SELECT manifest FROM {old}.release")[0][0]
    before = Manifest.parse(str(text).encode(), f"{old}'s {MANIFEST_FILE}", 1).files.get(KEYWORDS_FILE)
    return before is not None and before.sha256 == source.manifest.files[KEYWORDS_FILE].sha256


def copy_keywords(session: Session, source: Source, old: str, schema: str) -> None:
    """Copies a release's words and terms, unless that has been done."""
    loading = read_loading(session, schema)
    assert loading is not None
    if loading.terms == source.terms and loading.words == source.words:
        return
    with session.transaction():
        session.run(f"INSERT INTO {schema}.words (word, term) SELECT word, term FROM {old}.words")
        session.run(
            f"INSERT INTO {schema}.terms (term, rows, impacts) SELECT term, rows, impacts FROM {old}.terms"
        )
        session.run(f"UPDATE {schema}.{LOADING} SET words = {source.words}, terms = {source.terms}")
