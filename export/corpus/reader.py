"""Reads a corpus file as documents: id, text and metadata, one at a time.

The reader joins the text columns, checks the ids or numbers the rows, skips rows without text, and counts. Of the
corpus it keeps nothing but one hash for each id, if an id column is named. It strips white space from a text's ends. It
doesn't clean texts further, doesn't cut them into passages, and doesn't notice two documents with equal texts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from export.corpus.corpus_file import CorpusFile, open_corpus
from export.corpus.formats import FORMATS, detect_format
from export.corpus.jsonl import read_jsonl
from export.corpus.parquet import read_parquet
from export.corpus.rows import MAX_DEPTH, Row, is_deeper, show, unknown_column
from export.corpus.text_formats import read_csv, read_text, read_tsv
from handler.documents import Document
from handler.errors import CorpusError
from handler.json_types import json_type


class CorpusReader:
    """The documents of a corpus file. It can be iterated over once.

    Iterating raises CorpusError where the corpus can't be read as asked. An empty corpus, and a JSON Lines column that
    no row has, are known only after the last document.

    Attributes:
        rows: number of rows read so far.
        skipped: number of those rows whose text was empty.
        format: the format, one of formats.FORMATS; None where the first document is to tell it.
    """

    def __init__(
        self,
        path: str,
        text: Sequence[str],
        id: str | None = None,  # noqa: A002, the name of the option
        metadata: Sequence[str] = (),
        format: str | None = None,  # noqa: A002, the name of the option
    ) -> None:
        """Notes what to read; nothing is opened yet.

        Args:
            path: the file, gzipped or not; "-" is standard input.
            text: the columns that make the text, joined by one space; ["text"] for plain text.
            id: the column of unique ids; None numbers the rows from 1.
            metadata: the columns to keep. Where a JSON Lines row lacks one, its metadata lacks it too.
            format: one of formats.FORMATS; None for what detect_format says.

        Raises:
            CorpusError: the format is unknown, or no text column is named.
        """
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
        self.format = format
        self._source: CorpusFile | None = None
        self._seen: dict[int, int] = {}

    @property
    def fraction(self) -> float | None:
        """The share of the input that has been read, 0 to 1; None where that can't be known."""
        return None if self._source is None else self._source.fraction

    def __iter__(self) -> Iterator[Document]:
        """Yields the documents in the order of the file; raises CorpusError where one can't be read."""
        if self._source is not None:
            raise RuntimeError("a CorpusReader can be iterated over once: make another")
        with open_corpus(self._path) as source:
            self._source = source
            for row in self._read_rows(source):
                self.rows += 1
                text = self._join_text(source, row)
                if not text:
                    self.skipped += 1
                    continue
                metadata = {name: row.values[name] for name in self._metadata if name in row.values}
                for name, value in metadata.items():
                    if is_deeper(value, MAX_DEPTH):
                        raise CorpusError(
                            f"{source.place(row.number)}: {show(name)} is nested more than {MAX_DEPTH} levels deep: "
                            "flatten it"
                        )
                yield Document(self._identify(source, row), text, metadata)
            if self.rows == self.skipped:
                raise CorpusError(
                    f"{source.name} has no documents ({self.rows} rows read, {self.skipped} "
                    "skipped because their text is empty): check the file and the text columns"
                )

    def _read_rows(self, source: CorpusFile) -> Iterator[Row]:
        others = [*([] if self._id is None else [self._id]), *self._metadata]
        columns = list(dict.fromkeys([*self._text, *others]))
        self.format = self.format or detect_format(source, self._path)
        match self.format:
            case "csv":
                return read_csv(source, columns)
            case "tsv":
                return read_tsv(source, columns)
            case "jsonl":
                return read_jsonl(source, columns)
            case "txt":
                return read_text(source, columns)
        return read_parquet(source, self._text, others)

    def _join_text(self, source: CorpusFile, row: Row) -> str:
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

    def _identify(self, source: CorpusFile, row: Row) -> str:
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
        # A 64-bit hash stands for the string. Two of a million ids share a hash in 1 of 4 * 10**7 runs.
        first = self._seen.setdefault(hash(identifier), row.number)
        if first != row.number:
            raise CorpusError(
                f"{place}: the id {show(identifier)} is already that of {source.unit} {first}: "
                "make the ids unique, or name no id column to number the rows"
            )
        return identifier
