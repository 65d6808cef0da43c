"""What a release in PostgreSQL holds, and what it must hold by the artifact's own readers."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from command import ROOT
from postgres import Postgres

from handler.artifact import Artifact
from handler.dates import parse_date
from handler.documents import Documents
from handler.keywords import Keywords
from handler.passages import Passages
from handler.postgres.layout import column_name, read_row_bytes
from handler.safetensors import read_safetensors
from handler.scores import Embeddings

Table = list[tuple[Any, ...]]


def contents(server: Postgres, name: str = "seeklet", database: str = "postgres") -> dict[str, Table]:
    """The tables of the current release, through its views, in the order of their first column."""
    connection = server.connect(database)
    try:
        found = {}
        for table, key in (("documents", "index"), ("rows", "row"), ("words", "word"), ("terms", "term")):
            # halfvec as the text of its values.
            columns = "row, document, start, stop, embedding::text, codes" if table == "rows" else "*"
            rows = connection.run(f"SELECT {columns} FROM {name}.{table} ORDER BY {key}")
            found[table] = [tuple(row) for row in rows]
        return found
    finally:
        connection.close()


def current(server: Postgres, name: str = "seeklet", database: str = "postgres") -> Any:
    """The row of the view `release`."""
    return server.run(f"SELECT * FROM {name}.release", database=database)[0]


def release_of(artifact: Path) -> str:
    """The release that an artifact becomes."""
    return hashlib.sha256((artifact / "manifest.json").read_bytes()).hexdigest()[:16]


def check_contents(found: Mapping[str, Table], artifact: Path) -> None:
    """Compares the tables with the artifact, value by value."""
    opened = Artifact.open(artifact)
    check_documents(found["documents"], opened)
    check_rows(found["rows"], opened)
    check_keywords(found["words"], found["terms"], opened)


def check_documents(found: Table, artifact: Artifact) -> None:
    documents = Documents.open(artifact)
    lines = (artifact.directory / "documents.jsonl").read_text(encoding="utf-8").split("\n")[:-1]
    assert [row[0] for row in found] == list(range(len(documents)))
    assert [row[1] for row in found] == [
        documents[place].id.encode("utf-8", "surrogatepass") for place in range(len(documents))
    ]
    assert [row[2] for row in found] == lines
    assert {len(row[3]) for row in found} == {16}
    for place, (name, kind) in enumerate((artifact.manifest.columns or {}).items()):
        values = [documents[index].metadata.get(name) for index in range(len(documents))]
        assert [row[4 + place] for row in found] == [as_sql(kind, value) for value in values], (
            column_name(place),
            name,
        )


def as_sql(kind: str, value: Any) -> Any:
    """A value of the metadata as PostgreSQL has it."""
    if value in (None, "", []):
        return None
    if kind == "strings":
        return sorted({item.encode() for item in value})
    if kind == "string":
        return value.encode()
    if kind == "date":
        return parse_date(value)
    if kind == "boolean":
        return value
    return Decimal(value) if value == int(value) else Decimal(repr(value))


def check_rows(found: Table, artifact: Artifact) -> None:
    manifest = artifact.manifest
    embeddings = Embeddings.load(artifact.directory, manifest.rows, manifest.dim)
    passages = Passages.open(artifact)
    assert [row[0] for row in found] == list(range(manifest.rows))
    if passages is None:
        assert [row[1:4] for row in found] == [(row, None, None) for row in range(manifest.rows)]
    else:
        assert [row[1:4] for row in found] == [
            (passages.document_of(row), *passages.spans[row].tolist()) for row in range(manifest.rows)
        ]
    vectors = np.array([[float(value) for value in row[4][1:-1].split(",")] for row in found])
    assert (vectors.astype(np.float16) == embeddings.values(0, manifest.rows).astype(np.float16)).all()
    rows, scales = read_row_bytes(b"".join(row[5] for row in found), embeddings.rows.dtype.name, manifest.dim)
    assert (rows == embeddings.rows).all()
    assert (scales is None) == (embeddings.scales is None)
    if scales is not None:
        assert (scales == embeddings.scales).all()


def check_keywords(words: Table, terms: Table, artifact: Artifact) -> None:
    if artifact.manifest.keywords is None:
        assert not words
        assert not terms
        return
    tensors = read_safetensors(artifact.path("keywords.safetensors"))
    ends = tensors["word_ends"].tolist()
    text = tensors["words"].tobytes()
    assert words == sorted(
        (text[start:end], term)
        for start, end, term in zip(ends, ends[1:], tensors["word_terms"].tolist(), strict=False)
    )
    # The function's own reader gives the postings of some words.
    keywords = Keywords.load(artifact.directory, artifact.manifest.rows, lambda: _Words())
    by_term = {term: (rows, impacts) for term, rows, impacts in terms}
    assert list(by_term) == list(range(len(tensors["term_ends"]) - 1))
    for word, term in words[:: max(1, len(words) // 50)]:
        query = keywords.query(word.decode())
        assert query is not None
        posting = query.postings[0]
        assert (posting.term, posting.rows.tobytes(), posting.impacts.tobytes()) == (term, *by_term[term])
    assert b"".join(rows for _, rows, _ in terms) == tensors["rows"].tobytes()
    assert b"".join(impacts for *_, impacts in terms) == tensors["impacts"].tobytes()


class _Words:
    """An analyzer for whole words that are known."""

    def words(self, text: str) -> Any:
        return [(text, 0, len(text))]

    def term(self, word: str) -> str:
        return word


def start_publish(uri: str, *arguments: str | Path, **environ: str) -> subprocess.Popen[str]:
    """`seeklet publish` in a process of its own; the address is in INDEX_URI."""
    return subprocess.Popen(
        [sys.executable, "-m", "seeklet", "publish", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, "INDEX_URI": uri, **environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_publish(uri: str, *arguments: str | Path, status: int = 0, **environ: str) -> tuple[str, str]:
    """Runs it to its end; what it printed, on both streams."""
    process = start_publish(uri, *arguments, **environ)
    out, err = process.communicate(timeout=300)
    assert process.returncode == status, (process.returncode, out, err)
    return out, err
