"""A corpus file as documents: id, text and metadata, one at a time.

Joins the text columns, numbers or checks the ids, skips documents without text, and counts.
Whatever is wrong with the corpus ends as a CorpusError of one sentence: where, what, remedy.
It never holds the corpus: only, where an id column is named, a hash per id. It neither cleans
texts (their ends apart) nor cuts them into passages, nor notices two documents with equal texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from export.corpus.formats import (
    FORMATS,
    Row,
    detect_format,
    json_type,
    read_csv,
    read_jsonl,
    read_text,
    read_tsv,
    show,
    unknown_column,
)
from export.corpus.parquet import read_parquet
from export.corpus.source import Source, open_source
from handler.documents import Document
from handler.errors import CorpusError


class CorpusReader:
    """The documents of a corpus file, to be iterated over once.

    path      the file, gzipped or not; "-" is standard input
    text      the columns that make the text, joined by one space; ["text"] for plain text
    id        the column of unique ids; None numbers the rows from 1
    metadata  the columns to keep; one that a JSON Lines row lacks is left out of its metadata
    format    one of formats.FORMATS; None tells it by the name, or else by the first bytes

    rows counts what was read, skipped those of them whose text was empty; both grow while
    iterating. Iterating raises CorpusError, at the latest after the last document (an empty
    corpus, a JSON Lines column that no row had).
    """

    def __init__(
        self,
        path: str,
        text: Sequence[str],
        id: str | None = None,  # noqa: A002, the name of what it makes
        metadata: Sequence[str] = (),
        format: str | None = None,  # noqa: A002, the name of the option
    ) -> None:
        """Note what to read; nothing is opened yet. Raises CorpusError for an unknown format."""
        if not text:
            raise CorpusError(f"{path}: no text column is named: name one or more")
        if format is not None and format not in FORMATS:
            raise CorpusError(f"{format!r} is not a format: give one of {', '.join(FORMATS)}")
        self.rows = 0
        self.skipped = 0
        self._path = path
        self._text = list(dict.fromkeys(text))
        self._id = id
        self._metadata = list(dict.fromkeys(metadata))
        self._format = format
        self._source: Source | None = None
        self._seen: dict[int, int] = {}

    @property
    def fraction(self) -> float | None:
        """How much of the input has been read, 0 to 1; None where that can't be known."""
        return None if self._source is None else self._source.fraction

    def __iter__(self) -> Iterator[Document]:
        """Yield the documents in the order of the file."""
        if self._source is not None:
            raise RuntimeError("a CorpusReader can be iterated over once: make another")
        with open_source(self._path) as source:
            self._source = source
            for row in self._read_rows(source):
                self.rows += 1
                text = self._join_text(source, row)
                if not text:
                    self.skipped += 1
                    continue
                metadata = {name: row.values[name] for name in self._metadata if name in row.values}
                yield Document(self._identify(source, row), text, metadata)
            if self.rows == self.skipped:
                raise CorpusError(
                    f"{source.name} has no documents ({self.rows} rows read, {self.skipped} "
                    "skipped because their text is empty): check the file and the text columns"
                )

    def _read_rows(self, source: Source) -> Iterator[Row]:
        others = [*([] if self._id is None else [self._id]), *self._metadata]
        columns = list(dict.fromkeys([*self._text, *others]))
        match self._format or detect_format(source, self._path):
            case "csv":
                return read_csv(source, columns)
            case "tsv":
                return read_tsv(source, columns)
            case "jsonl":
                return read_jsonl(source, columns)
            case "txt":
                return read_text(source, columns)
        return read_parquet(source, self._text, others)

    def _join_text(self, source: Source, row: Row) -> str:
        parts: list[str] = []
        for name in self._text:
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

    def _identify(self, source: Source, row: Row) -> str:
        if self._id is None:
            return str(self.rows)
        place = source.place(row.number)
        if self._id not in row.values:
            raise unknown_column(place, self._id, row.values)
        value = row.values[self._id]
        if value is None or (isinstance(value, str) and not value.strip()):
            raise CorpusError(f"{place}: the id {self._id!r} is empty: give each document its own")
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise CorpusError(
                f"{place}: the id {self._id!r} holds {json_type(value)}, "
                "an id must be a string or a number: name another column or quote the value"
            )
        identifier = str(value)
        # A 64-bit hash for the string: among a million ids two share one once in 4 * 10**7 runs.
        first = self._seen.setdefault(hash(identifier), row.number)
        if first != row.number:
            raise CorpusError(
                f"{place}: the id {show(identifier)} is already that of {source.unit} {first}: "
                "make the ids unique, or name no id column to number the rows"
            )
        return identifier
