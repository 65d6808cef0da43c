"""A release: one published artifact, whose tables never change. It is found by the corpus's name."""

from __future__ import annotations

import json

from handler.artifact import ENCODER_FIELDS, ENCODER_FILES
from handler.errors import ArtifactError
from handler.light_typing import Any
from handler.manifest import Manifest
from handler.named import NamedTuple
from handler.postgres.connection import Connection
from handler.postgres.faults import DatabaseError
from handler.postgres.layout import LAYOUT, TABLES, schema_of

PUBLISH = "run `seeklet publish` again"


class Release(NamedTuple):
    """A release as the publishing left it.

    id         16 hex digits
    schema     the schema of its tables
    manifest   the artifact's
    columns    the description of each metadata column
    recall     the share of the exactly nearest rows that the index finds at `ef_search`; None where it wasn't measured
    recall_k   how many nearest rows were compared, of each of `recall_queries`
    ef_search  how many rows the index looks at
    vectors    the schema of pgvector's types and operators, which need not be on the search path
    """

    id: str
    schema: str
    manifest: Manifest
    columns: list[dict[str, Any]]
    recall: float | None
    recall_k: int
    recall_queries: int
    ef_search: int
    vectors: str

    def describe(self) -> dict[str, Any]:
        """Returns what GET /info says of it: its id, and what was measured when it was published."""
        return {
            "release": self.id,
            "recall": self.recall,
            "recall_k": self.recall_k,
            "recall_queries": self.recall_queries,
            "ef_search": self.ef_search,
        }

    def check_encoder(self, own: Manifest) -> None:
        """Raises ArtifactError where the function's encoder isn't the one that the release was made with."""
        for name in ENCODER_FILES:
            if own.files.get(name) != self.manifest.files.get(name):
                raise ArtifactError(
                    f"the release {self.id} was made with another {name} than this function has: "
                    "deploy the function with the release's encoder"
                )
        for name in (*ENCODER_FIELDS, "query_prompt"):
            if getattr(own, name) != getattr(self.manifest, name):
                raise ArtifactError(
                    f"the release {self.id} was made with another {name} than this function's encoder: "
                    "deploy the function with the release's encoder"
                )


def current_id(connection: Connection, name: str) -> str:
    """Returns the id of the current release. Raises as `find_release` does."""
    return str(_read(connection, name, "release")[0])


def find_release(connection: Connection, name: str) -> Release:
    """Reads the current release of a corpus.

    Raises DatabaseError where the database can't answer, and ArtifactError where nothing is published, or by another
    version of seeklet, or for other readers.
    """
    fields = "release, manifest, layout, columns, recall, recall_k, recall_queries, ef_search"
    release, manifest, layout, columns, recall, recall_k, queries, ef_search = _read(connection, name, fields)
    if layout != LAYOUT:
        raise ArtifactError(
            f"the corpus {name} in {connection.address} has layout {layout}, this code reads {LAYOUT}: {PUBLISH}"
        )
    parsed = Manifest.parse(manifest.encode(), f"the corpus {name} in {connection.address}")
    schema = schema_of(name, release)
    _check_rights(connection, release, schema)
    return Release(
        release,
        schema,
        parsed,
        json.loads(columns or "[]"),
        recall,
        int(recall_k or 0),
        int(queries or 0),
        int(ef_search or 40),
        _find_pgvector(connection),
    )


def _check_rights(connection: Connection, release: str, schema: str) -> None:
    """Raises ArtifactError where the release has a table that this role may not read: its views may have more readers."""
    found = connection.look(
        "SELECT relname FROM pg_class WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = :schema)"
        " AND relname = ANY(:tables::text[])"
        " AND NOT (has_schema_privilege(relnamespace, 'USAGE') AND has_any_column_privilege(oid, 'SELECT'))"
        " ORDER BY 1",
        schema=schema,
        tables=list(TABLES),
    )
    if found:
        user = connection.address.user
        raise ArtifactError(
            f"{user} may not read {schema}.{found[0][0]} of the release {release}: {PUBLISH} with --reader {user}"
        )


def _find_pgvector(connection: Connection) -> str:
    found = connection.look(
        "SELECT quote_ident(nspname) FROM pg_extension JOIN pg_namespace AS n ON n.oid = extnamespace WHERE extname = 'vector'"
    )
    if not found:
        raise ArtifactError(f"{connection.address} has no pgvector: CREATE EXTENSION vector, then {PUBLISH}")
    return str(found[0][0])


def _read(connection: Connection, name: str, fields: str) -> list[Any]:
    try:
        rows = connection.look(f"SELECT {fields} FROM {name}.release")
    except DatabaseError as error:
        if error.code != "index_moved":
            raise
        rows = []
    if not rows:
        raise ArtifactError(
            f"{connection.address} has no corpus {name}: publish one with `seeklet publish`, or mend INDEX_NAME"
        )
    return list(rows[0])
