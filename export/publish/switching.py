"""Makes a release current: the views of the corpus move to it in one transaction. Drops the others.

A lock is waited for only shortly, and tried again: who reads the views meanwhile never waits longer than that.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from export.publish.recall import Recall
from export.publish.session import BUSY, Session
from export.publish.source import Source
from export.publish.state import (
    ROLLED_BACK,
    Stored,
    check_views,
    exists,
    has_vectors,
    releases,
    schema_exists,
)
from export.publish.tables import INCOMING, LOADING, grants, literal, view
from handler.postgres.faults import DatabaseError
from handler.postgres.layout import LAYOUT, TABLES, schema_of

_LOCK_TIMEOUT = "400ms"
_LOCK_SECONDS = 60.0
_PAUSE_SECONDS = 0.3


def finish(session: Session, source: Source, name: str, recall: Recall, reader: str | None) -> None:
    """Makes a release that was loaded and checked whole and current, in one transaction."""
    schema = schema_of(name, source.release)
    chosen = recall.chosen

    def work() -> None:
        session.run(
            f"INSERT INTO {schema}.release (release, manifest, layout, columns, recall, recall_k, recall_queries, ef_search, "
            f"published) SELECT release, manifest, layout, {literal(source.columns_text)}, {_number(chosen and chosen.recall)}, "
            f"{_number(recall.k if chosen else None)}, {_number(recall.queries if chosen else None)}, "
            f"{_number(chosen and chosen.ef_search)}, {_time(session, name)} FROM {schema}.{LOADING}"
        )
        session.run(f"DROP TABLE IF EXISTS {schema}.{LOADING}, {schema}.{INCOMING}")
        _move_views(session, name, schema, reader)

    _locking(session, work)


def switch(session: Session, name: str, release: str, reader: str | None, *, left: str | None = None) -> None:
    """Makes a whole release current.

    Without `left` it counts as the last published one. `left` is the current release, if it is rolled back: later
    rollbacks pass it by.
    """
    schema = schema_of(name, release)

    def work() -> None:
        if left is None:
            session.run(f"UPDATE {schema}.release SET published = {_time(session, name)}")
            session.run(f"COMMENT ON TABLE {schema}.release IS NULL")
        else:
            session.run(f"COMMENT ON TABLE {schema_of(name, left)}.release IS {literal(ROLLED_BACK)}")
        _move_views(session, name, schema, reader)

    _locking(session, work)


def show(session: Session, name: str, release: str, reader: str | None) -> None:
    """Makes the views of the current release that are missing, and lets a role read them and the release."""
    if reader is None and all(exists(session, f"{name}.{table}") for table in TABLES):
        return
    _locking(session, lambda: _move_views(session, name, schema_of(name, release), reader))


def roll_back(session: Session, name: str, reader: str | None) -> Stored:
    """Makes the release current that was published before the current one, and wasn't rolled back itself.

    Raises DatabaseError where there is none.
    """
    found = [one for one in releases(session, name) if one.finished and (one.current or not one.rolled_back)]
    places = [place for place, one in enumerate(found) if one.current]
    if not places or places[0] + 1 == len(found):
        raise DatabaseError(
            "index_error", f"{name} has no release before the current one: `seeklet publish --list` shows all"
        )
    before = found[places[0] + 1]
    if session.run(f"SELECT layout FROM {schema_of(name, before.release)}.release")[0][0] != LAYOUT:
        raise DatabaseError(
            "index_error", f"release {before.release} has tables of another version: publish again"
        )
    if not has_vectors(session, schema_of(name, before.release)):
        raise DatabaseError(
            "index_error",
            f"release {before.release} has lost its vectors, as by DROP EXTENSION: publish its artifact again",
        )
    switch(session, name, before.release, reader, left=found[places[0]].release)
    return before


def drop_old(session: Session, name: str) -> list[Stored]:
    """Drops every release that isn't current, whole or not; returns them. The session holds the corpus's lock.

    A release that belongs to another role, and that this one may not read, stays.
    """
    old = [one for one in releases(session, name) if not one.current and not one.owner]
    for one in old:
        drop(session, schema_of(name, one.release))
    return old


def drop(session: Session, schema: str) -> None:
    """Drops a release's schema with all that is in it."""
    _locking(session, lambda: session.run(f"DROP SCHEMA {schema} CASCADE"))


def _move_views(session: Session, name: str, schema: str, reader: str | None) -> None:
    # Also here: somebody may have made a view meanwhile.
    check_views(session, name)
    if not schema_exists(session, name):
        session.run(f"CREATE SCHEMA {name}")
    for table in TABLES:
        columns = _columns(session, f"{schema}.{table}")
        before = _columns(session, f"{name}.{table}")
        # Replaced, a view keeps its grants; but a view may not lose a column or change its type so.
        if before and before != columns:
            session.run(f"DROP VIEW {name}.{table}")
        verb = "CREATE OR REPLACE" if before == columns else "CREATE"
        session.run(view(name, schema, table, [column for column, _ in columns], verb))
    if reader is not None:
        _grant(session, name, schema, reader)


def _grant(session: Session, name: str, schema: str, reader: str) -> None:
    for statement in (*grants(name, reader), *grants(schema, reader)):
        session.run(statement)


def _columns(session: Session, relation: str) -> list[tuple[str, str]]:
    if not exists(session, relation):
        return []
    rows = session.run(
        "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = to_regclass(:relation) "
        "AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        relation=relation,
    )
    return [(str(name), str(kind)) for name, kind in rows]


def _locking(session: Session, work: Callable[[], object]) -> None:
    until = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            with session.transaction():
                session.run(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT}'")
                work()
            return
        except DatabaseError as fault:
            if fault.state not in BUSY:
                raise
            if time.monotonic() > until:
                raise DatabaseError(
                    "index_error",
                    f"{session.address}: somebody holds a transaction open that reads the corpus ({fault}): end it, "
                    "then run the same command again to go on",
                    fault.state,
                ) from None
        time.sleep(_PAUSE_SECONDS)


def _time(session: Session, name: str) -> str:
    """Returns when a release is published, as SQL: after the current one, also where the server's clock was set back."""
    if not exists(session, f"{name}.release"):
        return "now()"
    return f"(SELECT greatest(now(), max(published) + interval '1 microsecond') FROM {name}.release)"


def _number(value: float | None) -> str:
    return "NULL" if value is None else repr(value)
