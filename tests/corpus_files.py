"""Corpora as people have them, as files of every format, for the tests of their readers."""

from __future__ import annotations

import csv
import importlib
import io
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from export.corpus.reader import CorpusReader
from handler.documents import Document
from handler.errors import CorpusError

pa: Any = pytest.importorskip("pyarrow")
pq: Any = importlib.import_module("pyarrow.parquet")

BOM = b"\xef\xbb\xbf"
ROWS = [
    {"id": "a1", "title": "Café", "body": 'He said "go", at once.', "year": "2019"},
    {"id": "b2", "title": "", "body": "  Σίσυφος 🪨  ", "year": "2020"},
    {"id": "c3", "title": "  ", "body": "", "year": "2021"},
    {"id": "d4", "title": "x" * 200_000, "body": "tail", "year": ""},
]
DOCUMENTS = [
    Document("a1", 'Café He said "go", at once.', {"year": "2019"}),
    Document("b2", "Σίσυφος 🪨", {"year": "2020"}),
    Document("d4", "x" * 200_000 + " tail", {"year": ""}),
]


def as_csv(rows: Sequence[dict[str, Any]]) -> bytes:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue().encode()


def as_tsv(rows: Sequence[dict[str, Any]]) -> bytes:
    lines = [list(rows[0]), *(list(row.values()) for row in rows)]
    return "".join("\t".join(line) + "\n" for line in lines).encode()


def as_jsonl(rows: Sequence[dict[str, Any]]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def as_parquet(columns: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    pq.write_table(pa.table(columns), file, row_group_size=2)
    return file.getvalue()


def rows_as_parquet(rows: Sequence[dict[str, Any]]) -> bytes:
    return as_parquet({name: [row[name] for row in rows] for name in rows[0]})


WRITERS: dict[str, Callable[[Sequence[dict[str, Any]]], bytes]] = {
    "csv": as_csv,
    "tsv": as_tsv,
    "jsonl": as_jsonl,
    "parquet": rows_as_parquet,
}


class Corpus:
    """Corpus files in one folder, to be read or refused."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def reader(
        self,
        name: str,
        data: bytes | str,
        text: Sequence[str] = ("text",),
        id_column: str | None = None,
        metadata: Sequence[str] = (),
        kind: str | None = None,
    ) -> CorpusReader:
        path = self.folder / name
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return CorpusReader(str(path), text, id_column, metadata, kind)

    def texts(self, name: str, data: bytes | str, text: Sequence[str] = ("text",)) -> list[str]:
        return [document.text for document in self.reader(name, data, list(text))]


def refusal(reader: CorpusReader) -> str:
    """Iterates, and returns the error without the folder. It must be one line."""
    with pytest.raises(CorpusError) as caught:
        list(reader)
    message = str(caught.value)
    assert "\n" not in message
    return message.partition(f"{os.sep}corpus")[2] or message
