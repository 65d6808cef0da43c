"""Compares what was published with the artifact, before anyone may see it: every count, and some documents byte by byte."""

from __future__ import annotations

import random

from export.publish.session import Session
from export.publish.source import Source
from handler.postgres.faults import DatabaseError

_DOCUMENTS = 50


def check(session: Session, source: Source, schema: str) -> None:
    """Raises DatabaseError where a release isn't the artifact."""
    wanted = {
        "documents": source.manifest.count,
        "rows": source.manifest.rows,
        "words": source.words,
        "terms": source.terms,
    }
    for table, count in wanted.items():
        found = session.run(f"SELECT count(*) FROM {schema}.{table}")[0][0]
        if found != count:
            raise _differs(schema, f"{table} has {found:,} rows, the artifact {count:,}")
    if source.terms:
        # int32 and uint8 of each posting.
        found = session.run(f"SELECT sum(length(rows)), sum(length(impacts)) FROM {schema}.terms")[0]
        postings = source.postings
        if [int(size) for size in found] != [4 * postings, postings]:
            raise _differs(schema, f"terms has {found[1]:,} postings, the artifact {postings:,}")
    chooser = random.Random(source.release)
    for document in chooser.sample(range(wanted["documents"]), min(_DOCUMENTS, wanted["documents"])):
        _check_document(session, source, schema, document)


def _check_document(session: Session, source: Source, schema: str, document: int) -> None:
    part = source.part(document, document + 1)
    line, digest = session.run(f"SELECT line, digest FROM {schema}.documents WHERE index = {document}")[0]
    if (str(line).encode(), bytes(digest)) != (part.lines[0], part.digests[0]):
        raise _differs(schema, f"document {document:,} is another")
    start, stop = source.rows_of(document, document + 1)
    found = session.run(
        f"SELECT document, codes FROM {schema}.rows WHERE row >= {start} AND row < {stop} ORDER BY row"
    )
    if [(owner, bytes(codes)) for owner, codes in found] != [
        (document, codes) for codes in source.row_bytes(start, stop)
    ]:
        raise _differs(schema, f"the rows of document {document:,} are others")


def _differs(schema: str, what: str) -> DatabaseError:
    return DatabaseError(
        "index_error",
        f"{schema} differs from the artifact: {what}; run `seeklet publish --drop-old` and publish again",
    )
