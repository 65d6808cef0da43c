"""Publishes an artifact: loads, indexes, checks, measures, and makes it current; goes on where it was interrupted.

Nothing is kept on this side: how far a release is stands in the database, in the transactions that brought it there.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from export.publish.checking import check
from export.publish.indexing import build_indexes
from export.publish.loading import Progress, create, load
from export.publish.recall import Recall, measure
from export.publish.reuse import why_not
from export.publish.session import Session
from export.publish.source import Source
from export.publish.state import (
    Loading,
    check_rights,
    check_views,
    current_release,
    exists,
    find_pgvector,
    has_vectors,
    is_finished,
    lock,
    read_loading,
    schema_exists,
    size_of,
)
from export.publish.switching import drop, finish, show, switch
from export.publish.tables import VECTOR_INDEX, IndexOptions
from handler.postgres.address import Address
from handler.postgres.faults import DatabaseError
from handler.postgres.layout import DEFAULT_NAME, LAYOUT, schema_of

# After a connection is lost: a server that restarts is back within them, as a rule.
WAITS = (2.0, 5.0, 9.0, 15.0)


@dataclass(frozen=True, slots=True)
class PublishOptions:
    """How an artifact is published.

    recall   the least recall@10 that ef_search is chosen for
    changed  whether unchanged documents are copied within the database
    reader   a role that may read the release
    """

    name: str = DEFAULT_NAME
    index: IndexOptions = field(default_factory=IndexOptions)
    recall: float = 0.98
    changed: bool = False
    reader: str | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """What was done. `loading` and `recall` are None where the release was there already."""

    release: str
    was_current: bool
    documents: int
    bytes: int  # of the release in the database
    loading: Loading | None = None
    recall: Recall | None = None


def publish(
    directory: Path | str,
    address: Address,
    options: PublishOptions,
    progress: Progress,
    waits: Sequence[float] = WAITS,
) -> Published:
    """Publishes an artifact, and makes it current. After a lost connection it goes on by itself, as often as it gets on.

    Raises:
        ArtifactError: the artifact is damaged, or can't be published.
        DatabaseError: the database can't be used as asked. The same call then goes on, or makes all again.
        SettingsError: a certificate can't be read.
    """
    source = Source(directory)
    tries, before, connected = 0, None, False
    while True:
        try:
            session = Session(address)
            connected = True
            try:
                return _publish(session, source, options, progress)
            finally:
                session.close()
        except DatabaseError as fault:
            if fault.code != "index_unavailable" or not connected:
                raise
            now = _how_far(address, source, options)
            tries = tries + 1 if now in (None, before) else 1
            before = now or before
            if tries > len(waits):
                raise DatabaseError(
                    fault.code, f"{fault}: run the same command again to go on", fault.state
                ) from None
            progress.say(f"{fault}: trying again in {waits[tries - 1]:g} s")
        time.sleep(waits[tries - 1])


def _how_far(address: Address, source: Source, options: PublishOptions) -> Loading | None:
    try:
        session = Session(address)
    except DatabaseError:
        return None
    try:
        return read_loading(session, schema_of(options.name, source.release))
    except DatabaseError:
        return None
    finally:
        session.close()


def _publish(session: Session, source: Source, options: PublishOptions, progress: Progress) -> Published:
    name, release = options.name, source.release
    schema = schema_of(name, release)
    lock(session, name)
    check_views(session, name)
    check_rights(session, name)
    vector_schema = find_pgvector(session, session.address)
    was_current = current_release(session, name) == release

    def index() -> None:
        build_indexes(
            session,
            lambda: Session(session.address),
            schema,
            source.manifest,
            options.index,
            vector_schema,
            progress,
        )

    if was_current or is_finished(session, schema):
        if has_vectors(session, schema):
            if not exists(session, f"{schema}.{VECTOR_INDEX}"):
                index()  # somebody dropped it, or a copy of the database came without it
            if was_current:
                show(session, name, release, options.reader)
            else:
                switch(session, name, release, options.reader)
            return Published(release, was_current, source.manifest.count, size_of(session, schema))
        progress.say(f"release {release} has lost its vectors, as by DROP EXTENSION: it is published again")
        drop(session, schema)
    _prepare(session, source, schema, vector_schema, options, progress)
    loading = load(session, source, name, schema, progress)
    index()
    check(session, source, schema)
    recall = measure(session, source.embeddings, schema, vector_schema, options.recall, release)
    finish(session, source, name, recall, options.reader)
    return Published(release, False, source.manifest.count, size_of(session, schema), loading, recall)


def _prepare(
    session: Session,
    source: Source,
    schema: str,
    vector_schema: str,
    options: PublishOptions,
    progress: Progress,
) -> None:
    """Makes the release's tables, unless they are there from a publishing that was interrupted."""
    loading = read_loading(session, schema)
    if loading is not None and (loading.layout != LAYOUT or not has_vectors(session, schema)):
        drop(session, schema)
        loading = None
    if loading is not None:
        progress.say(f"going on with release {source.release} after {loading.documents:,} documents")
        return
    if schema_exists(session, schema):
        raise DatabaseError(
            "index_error",
            f"{session.address} has a schema {schema} that isn't a release: drop it, or use another --name",
        )
    current = current_release(session, options.name) if options.changed else None
    if current is not None:
        reason = why_not(session, source, schema_of(options.name, current))
        if reason is not None:
            progress.say(f"all documents travel: of the current release {current} {reason}")
            current = None
    create(session, source, schema, vector_schema, current, options.reader)
