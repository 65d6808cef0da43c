"""What is in the database: the server and its pgvector, the releases of a corpus, and how far one of them is loaded.

It changes nothing but two settings of its session, the extension where that is missing, and the lock of a corpus.
"""

from __future__ import annotations

import hashlib
import time
from typing import NamedTuple

from export.publish.session import Session
from export.publish.tables import LOADING
from handler.postgres.address import Address
from handler.postgres.faults import DatabaseError
from handler.postgres.layout import TABLES, schema_of

# The first pgvector with halfvec.
LEAST_PGVECTOR = (0, 7)
# The comment of the table `release` of a release that was rolled back.
ROLLED_BACK = "rolled back"
# A publishing that was killed keeps its lock until the server notices.
LOCK_SECONDS = 10.0


class Loading(NamedTuple):
    """How far a release is: the next document, word and term, and what was sent for them."""

    layout: int
    documents: int
    words: int
    terms: int
    sent: int  # bytes in all
    sent_documents: int
    sent_keywords: int  # bytes of words and terms
    source: str | None  # the release that unchanged documents come from
    incoming: int
    matched: bool


class Stored(NamedTuple):
    """A release in the database. `owner` is the role that it belongs to, where this one may not read it, and else empty."""

    release: str
    finished: bool
    current: bool
    published: str | None  # UTC, YYYY-MM-DD hh:mm:ss
    documents: int | None
    bytes: int
    recall: float | None
    ef_search: int | None
    rolled_back: bool = False
    owner: str = ""


def find_pgvector(session: Session, address: Address) -> str:
    """Returns the schema of pgvector's types, and makes the extension where it is missing.

    Raises DatabaseError where there is none that has halfvec, or the database isn't in UTF-8.
    """
    if session.run("SHOW server_encoding")[0][0] != "UTF8":
        raise DatabaseError("index_error", f"{address} isn't in UTF-8: make a database WITH ENCODING 'UTF8'")
    found = _extension(session)
    if found is None:
        try:
            session.run("CREATE EXTENSION IF NOT EXISTS vector")
        except DatabaseError as fault:
            if fault.code == "index_unavailable":
                raise
            # Another publishing may have made it at the same time.
            if _extension(session) is None:
                raise DatabaseError(
                    "index_refused",
                    f"{address} has no pgvector, and {address.user} can't add it ({fault}): "
                    "an administrator must install pgvector and run CREATE EXTENSION vector",
                    fault.state,
                ) from None
        found = _extension(session)
        assert found is not None
    version, schema = found
    if tuple(int(part) for part in version.split(".")[:2]) < LEAST_PGVECTOR:
        raise DatabaseError(
            "index_error",
            f"{address} has pgvector {version}, and halfvec came with 0.7: an administrator must install a newer one "
            "and run ALTER EXTENSION vector UPDATE",
        )
    return schema


def _extension(session: Session) -> tuple[str, str] | None:
    rows = session.run(
        "SELECT extversion, nspname FROM pg_extension JOIN pg_namespace n ON n.oid = extnamespace "
        "WHERE extname = 'vector'"
    )
    return (str(rows[0][0]), str(rows[0][1])) if rows else None


def lock(session: Session, name: str, seconds: float = LOCK_SECONDS) -> None:
    """Locks a corpus for this session. Raises DatabaseError where another one holds it for so many seconds."""
    # The server notices soon when this process is gone, also in a long statement.
    session.run(
        "SELECT set_config(name, '2s', false) FROM pg_settings WHERE name = 'client_connection_check_interval'"
    )
    key = int.from_bytes(
        hashlib.blake2b(f"seeklet publish {name}".encode(), digest_size=8).digest(), "big", signed=True
    )
    until = time.monotonic() + seconds
    while not session.run("SELECT pg_try_advisory_lock(CAST(:key AS int8))", key=key)[0][0]:
        if time.monotonic() > until:
            raise DatabaseError(
                "index_error",
                f"another process publishes {name} to {session.address} now: wait until it has ended",
            )
        time.sleep(0.2)


def check_views(session: Session, name: str) -> None:
    """Raises DatabaseError where something else has the name of one of the corpus's views.

    A view of ours reads the table of its name in a release's schema, and nothing else.
    """
    rows = session.run(
        "SELECT relname FROM pg_class v WHERE relnamespace = to_regnamespace(:name) "
        "AND relname = ANY(CAST(:tables AS text[])) AND (relkind <> 'v' OR NOT coalesce((SELECT "
        "bool_and(t.relname = v.relname AND nspname ~ :releases) "
        "FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid "
        "AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> v.oid JOIN pg_class t ON t.oid = d.refobjid "
        "JOIN pg_namespace n ON n.oid = t.relnamespace WHERE r.ev_class = v.oid), false))",
        name=name,
        tables=list(TABLES),
        releases=_releases_of(name),
    )
    if rows:
        raise DatabaseError(
            "index_error",
            f"{session.address} has {name}.{rows[0][0]}, which isn't a view of a release: use another --name",
        )


def check_rights(session: Session, name: str) -> None:
    """Raises DatabaseError where this role may not move the corpus's views, which is the last step."""
    rows = session.run(
        "SELECT pg_get_userbyid(nspowner) FROM pg_namespace n WHERE nspname = :name AND (NOT has_schema_privilege(n.oid, "
        "'CREATE') OR EXISTS (SELECT FROM pg_class WHERE relnamespace = n.oid AND relname = ANY(CAST(:tables AS text[])) "
        "AND NOT pg_has_role(relowner, 'USAGE')))",
        name=name,
        tables=list(TABLES),
    )
    if rows:
        raise DatabaseError(
            "index_refused",
            f"{session.address}: the schema {name} belongs to {rows[0][0]}, and {session.address.user} may not change "
            "its views: publish as its owner, or use another --name",
        )


def exists(session: Session, relation: str) -> bool:
    """Tells whether there is a table, view or index of this name, with its schema."""
    return session.run("SELECT to_regclass(:relation) IS NOT NULL", relation=relation)[0][0] is True


def schema_exists(session: Session, schema: str) -> bool:
    """Tells whether there is a schema of this name."""
    return bool(session.run("SELECT 1 FROM pg_namespace WHERE nspname = :schema", schema=schema))


def current_release(session: Session, name: str) -> str | None:
    """Returns the release that a corpus's views show; None where it has none."""
    if not exists(session, f"{name}.release"):
        return None
    rows = session.run(f"SELECT release FROM {name}.release")
    return str(rows[0][0]) if rows else None


def is_finished(session: Session, schema: str) -> bool:
    """Tells whether a release has been published whole."""
    return (
        exists(session, f"{schema}.release")
        and not exists(session, f"{schema}.{LOADING}")
        and bool(session.run(f"SELECT 1 FROM {schema}.release"))
    )


def has_vectors(session: Session, schema: str) -> bool:
    """Tells whether a release still has its vectors: DROP EXTENSION vector CASCADE takes their column away."""
    return bool(
        session.run(
            "SELECT 1 FROM pg_attribute WHERE attrelid = to_regclass(:table) AND attname = 'embedding' AND NOT attisdropped",
            table=f"{schema}.rows",
        )
    )


def read_loading(session: Session, schema: str) -> Loading | None:
    """Reads how far a release is; None where it isn't being loaded."""
    if not exists(session, f"{schema}.{LOADING}"):
        return None
    return Loading(*session.run(f"SELECT {', '.join(Loading._fields)} FROM {schema}.{LOADING}")[0])


def releases(session: Session, name: str) -> list[Stored]:
    """Lists a corpus's releases, the last published first, then those that aren't whole."""
    current = current_release(session, name)
    # Each release has this table from its beginning. A schema of such a name without it is somebody else's.
    schemas = session.run(
        "SELECT nspname, CASE WHEN has_schema_privilege(oid, 'USAGE') THEN '' ELSE pg_get_userbyid(nspowner) END "
        "FROM pg_namespace n WHERE nspname ~ :pattern AND (SELECT count(*) FROM pg_class c JOIN pg_attribute ON attrelid = c.oid "
        "WHERE relnamespace = n.oid AND relname = 'release' AND relkind = 'r' "
        "AND attname IN ('manifest', 'layout', 'published') AND NOT attisdropped) = 3 ORDER BY 1",
        pattern=_releases_of(name),
    )
    found = [_stored(session, name, str(schema)[-16:], current, str(owner)) for schema, owner in schemas]
    return sorted(
        (one for one in found if one), key=lambda one: (one.finished, one.published or ""), reverse=True
    )


def size_of(session: Session, schema: str) -> int:
    """Returns the bytes of a release's tables with their indexes."""
    rows = session.run(
        "SELECT CAST(coalesce(sum(pg_total_relation_size(oid)), 0) AS int8) FROM pg_class "
        "WHERE relnamespace = to_regnamespace(:schema) AND relkind = 'r'",
        schema=schema,
    )
    return int(rows[0][0])


def _releases_of(name: str) -> str:
    """Returns the regular expression of the schemas of a corpus's releases."""
    return f"^{name}_[0-9a-f]{{16}}$"


def _stored(session: Session, name: str, release: str, current: str | None, owner: str) -> Stored | None:
    schema = schema_of(name, release)
    if owner:
        size = size_of(session, schema)
        return Stored(release, False, release == current, None, None, size, None, None, owner=owner)
    finished = is_finished(session, schema)
    if not finished and not exists(session, f"{schema}.{LOADING}"):
        return None  # somebody else's
    size = size_of(session, schema)
    if not finished:
        return Stored(release, False, False, None, None, size, None, None)
    (published, documents, recall, ef_search, comment) = session.run(
        "SELECT to_char(published AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US'), "
        f"CAST(manifest AS json) ->> 'count', recall, ef_search, obj_description(tableoid, 'pg_class') "
        f"FROM {schema}.release"
    )[0]
    is_current, rolled_back = release == current, comment == ROLLED_BACK
    return Stored(release, True, is_current, published, int(documents), size, recall, ef_search, rolled_back)
