"""One file of a corpus as entries: each row's id, text and metadata, before the file is seen beside the others.

Ids are checked for their type here, and numbered and compared by the reader, which knows all files.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from export.corpus.corpus_file import CorpusFile, name_of, open_corpus
from export.corpus.formats import detect_format
from export.corpus.jsonl import read_jsonl
from export.corpus.parquet import read_parquet
from export.corpus.rows import MAX_DEPTH, Row, SeenColumns, is_deeper, show, unknown_column
from export.corpus.text_formats import read_csv, read_text, read_tsv
from handler.errors import CorpusError
from handler.json_types import json_type


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is read of each file."""

    text: tuple[str, ...]  # columns, joined by a space
    id: str | None
    metadata: tuple[str, ...]
    format: str | None
    alone: bool = True  # whether the corpus is one file, and no folder or pattern

    @property
    def others(self) -> list[str]:
        """The columns that hold any JSON value."""
        return [*([] if self.id is None else [self.id]), *self.metadata]

    @property
    def columns(self) -> list[str]:
        """All columns, each once."""
        return list(dict.fromkeys([*self.text, *self.others]))


class Entry(NamedTuple):
    """A row. `text` is empty where the row is left out, and then the rest is too; `id` is None where rows are numbered."""

    number: int  # of the line or row, from 1
    id: str | None
    text: str
    metadata: dict[str, Any]


class Entries(Protocol):
    """One file's entries, once. The attributes but `name` are known after the first entry, `seen` after the last."""

    name: str
    unit: str
    format: str | None
    seen: SeenColumns

    @property
    def fraction(self) -> float | None:
        """The share of the file that has been read, 0 to 1; None where that can't be known."""
        ...

    def __iter__(self) -> Iterator[Entry]:
        """Yields the entries in the file's order; raises CorpusError where one can't be read."""
        ...


def open_files(paths: Sequence[str], wanted: Wanted) -> Iterator[Entries]:
    """Yields each file's entries, read in this process."""
    for path in paths:
        yield FileEntries(path, wanted)


class FileEntries:
    """The entries of a file, read in this process."""

    def __init__(self, path: str, wanted: Wanted) -> None:
        """Takes the path, "-" or an s3:// URI; nothing is opened yet."""
        self.name = name_of(path)
        self.unit = "line"
        self.format = wanted.format
        self.seen = SeenColumns(wanted.columns)
        self._path = path
        self._wanted = wanted
        self._source: CorpusFile | None = None

    @property
    def fraction(self) -> float | None:
        """The share of the file that has been read, 0 to 1; None where that can't be known."""
        return None if self._source is None else self._source.fraction

    def __iter__(self) -> Iterator[Entry]:
        """Yields the entries in the file's order; raises CorpusError where one can't be read."""
        with open_corpus(self._path) as source:
            self._source = source
            for row in self._read_rows(source):
                self.unit = source.unit
                yield self._entry(source, row)

    def _read_rows(self, source: CorpusFile) -> Iterator[Row]:
        wanted = self._wanted
        self.format = wanted.format or detect_format(source, self._path, alone=wanted.alone)
        match self.format:
            case "csv":
                return read_csv(source, wanted.columns)
            case "tsv":
                return read_tsv(source, wanted.columns)
            case "jsonl":
                return read_jsonl(source, wanted.columns, self.seen)
            case "txt":
                return read_text(source, wanted.columns)
        return read_parquet(source, wanted.text, wanted.others)

    def _entry(self, source: CorpusFile, row: Row) -> Entry:
        text = self._join_text(source, row)
        if not text:
            return Entry(row.number, None, "", {})
        metadata = {name: row.values[name] for name in self._wanted.metadata if name in row.values}
        for name, value in metadata.items():
            if is_deeper(value, MAX_DEPTH):
                raise CorpusError(
                    f"{source.place(row.number)}: {show(name)} is nested more than {MAX_DEPTH} levels deep: "
                    "flatten it"
                )
        return Entry(row.number, self._identify(source, row), text, metadata)

    def _join_text(self, source: CorpusFile, row: Row) -> str:
        parts: list[str] = []
        for name in self._wanted.text:
            part = row.values.get(name)
            if part is None:
                continue
            if not isinstance(part, str):
                raise CorpusError(
                    f"{source.place(row.number)}: {name!r} holds {json_type(part)}, "
                    "a text must be a string or null: name another column or quote the value"
                )
            parts.append(part.strip())
        return " ".join(part for part in parts if part)

    def _identify(self, source: CorpusFile, row: Row) -> str | None:
        name = self._wanted.id
        if name is None:
            return None
        place = source.place(row.number)
        if name not in row.values:
            raise unknown_column(place, name, row.values)
        value = row.values[name]
        if value is None or (isinstance(value, str) and not value.strip()):
            raise CorpusError(f"{place}: the id {name!r} is empty: give each document its own")
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise CorpusError(
                f"{place}: the id {name!r} holds {json_type(value)}, "
                "an id must be a string or a number: name another column or quote the value"
            )
        return str(value)
