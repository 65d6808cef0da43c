"""Fills a release's tables, part by part. A part and the note of how far the release is are one transaction."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Protocol

import numpy as np

from export.publish.reuse import Shared, copy_keywords, keywords_are_equal, share
from export.publish.session import Session
from export.publish.source import Source
from export.publish.state import Loading, read_loading
from export.publish.tables import LOADING, create_tables, grants, literal
from handler.postgres.faults import DatabaseError
from handler.postgres.layout import LAYOUT, schema_of

_PART_WORDS = 50_000
_KEYWORDS_SENT = "sent = sent + {0}, sent_keywords = sent_keywords + {0}"


class Counter(Protocol):
    """Counts what is done."""

    def add(self, count: int = 1) -> None:
        """Notes that so many more are done."""


class Progress(Protocol):
    """What the user sees meanwhile."""

    def say(self, line: str) -> None:
        """Shows a line."""

    def counting(self, title: str, total: int, unit: str) -> AbstractContextManager[Counter]:
        """Shows how many of `total` are done."""


def create(
    session: Session,
    source: Source,
    schema: str,
    vector_schema: str,
    taken_from: str | None,
    reader: str | None,
) -> None:
    """Makes a release's schema with empty tables, in one transaction."""
    with session.transaction():
        for statement in create_tables(schema, source.manifest, vector_schema):
            session.run(statement)
        taken = "NULL" if taken_from is None else literal(taken_from)
        session.run(
            f"INSERT INTO {schema}.{LOADING} (release, manifest, layout, source) "
            f"VALUES ({literal(source.release)}, {literal(source.manifest_text)}, {LAYOUT}, {taken})"
        )
        if reader is not None:
            for statement in grants(schema, reader):
                session.run(statement)


def load(session: Session, source: Source, name: str, schema: str, progress: Progress) -> Loading:
    """Loads all that isn't there yet. Returns what was sent for the release, also before an interruption."""
    loading = _read(session, schema)
    shared = None
    if loading.source is not None:
        shared = share(session, source, schema_of(name, loading.source), schema, progress)
    if loading.documents < source.manifest.count:
        _load_documents(session, source, schema, loading.documents, shared, progress)
    if loading.source is not None and keywords_are_equal(session, source, schema_of(name, loading.source)):
        copy_keywords(session, source, schema_of(name, loading.source), schema)
    else:
        _load_keywords(session, source, schema, progress)
    return _read(session, schema)


def _read(session: Session, schema: str) -> Loading:
    loading = read_loading(session, schema)
    if loading is None:
        raise DatabaseError("index_error", f"{schema} was dropped meanwhile: run the same command again")
    return loading


def _load_documents(
    session: Session, source: Source, schema: str, start: int, shared: Shared | None, progress: Progress
) -> None:
    count = source.manifest.count
    with progress.counting("publishing", count - start, "documents") as counter:
        while start < count:
            stop = source.part_end(start)
            chosen = np.ones(stop - start, np.bool_) if shared is None else shared.sent(start, stop)
            with session.transaction():
                sent = _send_documents(session, source, schema, start, stop, chosen)
                if shared is not None:
                    shared.copy(session, start, stop)
                session.run(
                    f"UPDATE {schema}.{LOADING} SET documents = {stop}, sent = sent + {sent}, "
                    f"sent_documents = sent_documents + {int(chosen.sum())}"
                )
            counter.add(stop - start)
            start = stop


def _send_documents(
    session: Session,
    source: Source,
    schema: str,
    start: int,
    stop: int,
    chosen: np.ndarray[tuple[int], np.dtype[np.bool_]],
) -> int:
    if not chosen.any():
        return 0
    documents = source.document_tuples(start, source.part(start, stop), chosen)
    rows = source.row_tuples(start, stop, chosen)
    return session.copy(f"{schema}.documents", [documents]) + session.copy(f"{schema}.rows", [rows])


def _load_keywords(session: Session, source: Source, schema: str, progress: Progress) -> None:
    loading = _read(session, schema)
    word, term = loading.words, loading.terms
    with progress.counting(
        "publishing", source.words + source.terms - word - term, "words and terms"
    ) as counter:
        while word < source.words:
            stop = min(word + _PART_WORDS, source.words)
            with session.transaction():
                sent = session.copy(f"{schema}.words", [source.word_tuples(word, stop)])
                session.run(f"UPDATE {schema}.{LOADING} SET words = {stop}, {_KEYWORDS_SENT.format(sent)}")
            counter.add(stop - word)
            word = stop
        while term < source.terms:
            stop = source.terms_end(term)
            with session.transaction():
                sent = session.copy(f"{schema}.terms", _joined(source.term_tuples(term, stop)))
                session.run(f"UPDATE {schema}.{LOADING} SET terms = {stop}, {_KEYWORDS_SENT.format(sent)}")
            counter.add(stop - term)
            term = stop


def _joined(tuples: Iterable[bytes]) -> Iterator[bytes]:
    """Joins short tuples to items of some KB: each item is a message of its own."""
    items: list[bytes] = []
    size = 0
    for data in tuples:
        items.append(data)
        size += len(data)
        if size > 1 << 18:
            yield b"".join(items)
            items, size = [], 0
    yield b"".join(items)
