"""Builds a release's indexes, each unless it is there: an index that was half built is gone with its transaction."""

from __future__ import annotations

from collections.abc import Callable

from export.publish.loading import Progress
from export.publish.session import Session
from export.publish.state import exists
from export.publish.tables import VECTOR_INDEX, Index, IndexOptions, indexes, needed_memory
from handler.manifest import Manifest
from handler.postgres.layout import TABLES

MB = 1 << 20
# A value in a B-tree may have a third of a page, some 2,700 bytes.
_MOST_KEY = 2_600


def build_indexes(
    session: Session,
    connect: Callable[[], Session],
    schema: str,
    manifest: Manifest,
    options: IndexOptions,
    vector_schema: str,
    progress: Progress,
) -> None:
    """Builds what is missing, then marks every page as visible to all. `connect` makes the connection that watches."""
    wanted = [_fit(session, schema, index) for index in indexes(schema, manifest, options, vector_schema)]
    missing = [
        index for index in wanted if index is not None and not exists(session, f"{schema}.{index.name}")
    ]
    if not missing:
        return
    watcher = connect()
    try:
        # Before the indexes: what was loaded in vain is then in none of them.
        for table in TABLES[1:]:
            session.run_watched(
                f"VACUUM (ANALYZE, FREEZE) {schema}.{table}", watcher, lambda: _alive(watcher)
            )
        _use_memory(session, manifest, options, progress)
        for index in missing:
            if index.name == VECTOR_INDEX:
                _build_vectors(session, watcher, index, manifest.rows, progress)
            else:
                session.run_watched(index.sql, watcher, lambda: _alive(watcher))
    finally:
        watcher.close()


def _use_memory(session: Session, manifest: Manifest, options: IndexOptions, progress: Progress) -> None:
    needed = -(-needed_memory(manifest.rows, manifest.dim, options.m) // MB)
    own, buffers = (
        int(session.run("SELECT pg_size_bytes(current_setting(:name))", name=name)[0][0]) // MB
        for name in ("maintenance_work_mem", "shared_buffers")
    )
    # shared_buffers is a quarter of a server's memory, as a rule.
    memory = options.memory or max(own, min(needed, 2 * buffers))
    if memory < needed:
        progress.say(
            f"the HNSW index needs some {needed:,} MB of the server's memory, and may use {memory:,}: it is faster "
            f"with --index-memory {needed}, where the server has that"
        )
    session.run(f"SET maintenance_work_mem = '{memory}MB'")
    if options.workers is not None:
        session.run(f"SET max_parallel_maintenance_workers = {options.workers}")


def _build_vectors(session: Session, watcher: Session, index: Index, rows: int, progress: Progress) -> None:
    with progress.counting("indexing", rows, "rows") as counter:
        done = 0

        def watch() -> None:
            nonlocal done
            found = watcher.run(
                "SELECT tuples_done FROM pg_stat_progress_create_index WHERE pid = :pid", pid=session.pid
            )
            now = min(int(found[0][0]), rows) if found else done
            if now > done:
                counter.add(now - done)
                done = now

        session.run_watched(index.sql, watcher, watch)
        counter.add(rows - done)


def _alive(watcher: Session) -> None:
    watcher.run("SELECT 1")


def _fit(session: Session, schema: str, index: Index) -> Index | None:
    """Returns the index as its longest value allows: hashes for long strings, none for long items of lists."""
    table, _, column = index.name.partition("_")
    if table != "documents" or column == "index":
        return index
    kind = session.run(
        "SELECT format_type(atttypid, NULL) FROM pg_attribute WHERE attrelid = to_regclass(:table) AND attname = :column",
        table=f"{schema}.documents",
        column=column,
    )[0][0]
    if kind == "bytea":
        longest = session.run(f"SELECT max(length({column})) FROM {schema}.documents")[0][0]
        if (longest or 0) > _MOST_KEY:
            return Index(index.name, f"CREATE INDEX {index.name} ON {schema}.documents USING hash ({column})")
    elif kind == "bytea[]":
        longest = session.run(
            f"SELECT max(length(item)) FROM {schema}.documents, unnest({column}) AS items (item)"
        )[0][0]
        if (longest or 0) > _MOST_KEY:
            return None
    return index
