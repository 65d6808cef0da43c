"""The SQL of a release: its tables, indexes and views, as handler/postgres/layout.py describes them. It runs nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from handler.manifest import Manifest
from handler.postgres.layout import COLUMN_TYPES, TABLES, column_name

# Beside a release's tables, until it is whole: how far it is, and with --changed which documents it shares.
LOADING = "loading"
INCOMING = "incoming"
VECTOR_INDEX = "rows_embedding"

_RELEASE_COLUMNS = (
    "release text NOT NULL, manifest text NOT NULL, layout int4 NOT NULL, columns text NOT NULL, recall float8, recall_k int4, "
    "recall_queries int4, ef_search int4, published timestamptz NOT NULL"
)
# Next document, word and term; what was taken over or sent; the release that unchanged documents come from.
_LOADING_COLUMNS = (
    "release text NOT NULL, manifest text NOT NULL, layout int4 NOT NULL, documents int4 NOT NULL DEFAULT 0, "
    "words int4 NOT NULL DEFAULT 0, terms int4 NOT NULL DEFAULT 0, sent int8 NOT NULL DEFAULT 0, "
    "sent_documents int4 NOT NULL DEFAULT 0, sent_keywords int8 NOT NULL DEFAULT 0, source text, incoming int4 NOT NULL DEFAULT 0, "
    "matched boolean NOT NULL DEFAULT false"
)


class IndexOptions(NamedTuple):
    """How the HNSW index is built. memory is in MB; None is chosen by the size, or the server's.

    pgvector's own ef_construction is 64. 128 takes twice as long, and the search then needs half of the ef_search.
    """

    m: int = 16
    ef_construction: int = 128
    memory: int | None = None
    workers: int | None = None


class Index(NamedTuple):
    """An index of a release: its name, and the statement that makes it."""

    name: str
    sql: str


def literal(text: str) -> str:
    """Quotes a text for SQL, where a parameter can't stand."""
    quoted = text.replace("'", "''")
    return f"E'{quoted.replace(chr(92), chr(92) * 2)}'" if chr(92) in text else f"'{quoted}'"


def quoted(identifier: str) -> str:
    """Quotes an identifier for SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def create_tables(schema: str, manifest: Manifest, vector_schema: str) -> list[str]:
    """Returns the statements that make a release's schema and its empty tables.

    vector_schema is where pgvector's types are.
    """
    columns = "".join(
        f", {column_name(place)} {COLUMN_TYPES[kind]}"
        for place, kind in enumerate((manifest.columns or {}).values())
    )
    return [
        f"CREATE SCHEMA {schema}",
        f"CREATE TABLE {schema}.release ({_RELEASE_COLUMNS})",
        f"CREATE TABLE {schema}.documents (index int4 NOT NULL, id bytea NOT NULL, line text NOT NULL, "
        f"digest bytea NOT NULL{columns})",
        f"CREATE TABLE {schema}.rows (row int4 NOT NULL, document int4 NOT NULL, start int4, stop int4, "
        f"embedding {quoted(vector_schema)}.halfvec({manifest.dim}) NOT NULL, codes bytea NOT NULL)",
        f"CREATE TABLE {schema}.words (word bytea NOT NULL, term int4 NOT NULL)",
        f"CREATE TABLE {schema}.terms (term int4 NOT NULL, rows bytea NOT NULL, impacts bytea NOT NULL)",
        # Compression costs time and saves nothing here.
        f"ALTER TABLE {schema}.rows ALTER codes SET STORAGE EXTERNAL",
        f"ALTER TABLE {schema}.terms ALTER rows SET STORAGE EXTERNAL, ALTER impacts SET STORAGE EXTERNAL",
        f"CREATE TABLE {schema}.{LOADING} ({_LOADING_COLUMNS})",
    ]


def create_incoming(schema: str) -> str:
    """Returns the statement that makes the table of a release's documents by their digests."""
    # source is the document of the current release that is equal to it; null where it must be sent.
    return (
        f"CREATE TABLE {schema}.{INCOMING} (index int4 NOT NULL, row int4 NOT NULL, digest bytea NOT NULL, "
        "source int4)"
    )


def indexes(schema: str, manifest: Manifest, options: IndexOptions, vector_schema: str) -> list[Index]:
    """Returns a release's indexes, in the order in which they are made; HNSW, which takes longest, is the last."""
    made = [
        Index(
            "documents_index",
            f"ALTER TABLE {schema}.documents ADD CONSTRAINT documents_index PRIMARY KEY (index)",
        ),
        Index("documents_id", f"CREATE UNIQUE INDEX documents_id ON {schema}.documents (id)"),
        Index("rows_row", f"ALTER TABLE {schema}.rows ADD CONSTRAINT rows_row PRIMARY KEY (row)"),
        Index("words_word", f"ALTER TABLE {schema}.words ADD CONSTRAINT words_word PRIMARY KEY (word)"),
        Index("terms_term", f"ALTER TABLE {schema}.terms ADD CONSTRAINT terms_term PRIMARY KEY (term)"),
    ]
    if manifest.passages is not None:
        made.append(Index("rows_document", f"CREATE INDEX rows_document ON {schema}.rows (document)"))
    for place, kind in enumerate((manifest.columns or {}).values()):
        column = column_name(place)
        method = "gin" if kind == "strings" else "btree"
        made.append(
            Index(
                f"documents_{column}",
                f"CREATE INDEX documents_{column} ON {schema}.documents USING {method} ({column})",
            )
        )
    made.append(
        Index(
            VECTOR_INDEX,
            f"CREATE INDEX {VECTOR_INDEX} ON {schema}.rows USING hnsw "
            f"(embedding {quoted(vector_schema)}.halfvec_ip_ops) "
            f"WITH (m = {options.m}, ef_construction = {options.ef_construction})",
        )
    )
    return made


def view(name: str, schema: str, table: str, columns: Sequence[str], verb: str) -> str:
    """Returns the statement that points a view of the corpus at a release's table. verb is CREATE, or with OR REPLACE."""
    listed = ", ".join(columns)
    return f"{verb} VIEW {name}.{table} AS SELECT {listed} FROM {schema}.{table}"


def grants(schema: str, reader: str) -> list[str]:
    """Returns the statements that let a role read a release's tables, or the corpus's views, and nothing else there."""
    listed = ", ".join(f"{schema}.{table}" for table in TABLES)
    return [f"GRANT USAGE ON SCHEMA {schema} TO {reader}", f"GRANT SELECT ON {listed} TO {reader}"]


def needed_memory(rows: int, dim: int, m: int) -> int:
    """Estimates the bytes of an HNSW graph in memory: each row's vector, its element, and its neighbours by layer.

    pgvector keeps 2 * m neighbours of 16 bytes in the lowest layer, and m in each higher one.
    """
    return rows * (2 * dim + 8 + 160 + 16 * (2 * m + 1 + m // (m - 1) * 2))
