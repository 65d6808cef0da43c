"""Reads a corpus as documents: id, text and metadata, one at a time. It is a file, or several files one after another.

The reader numbers the rows or checks that ids are unique, skips rows without text, and counts. Of the corpus it keeps
nothing but one hash for each id, if an id column is named. White space is stripped from a text's ends. It
doesn't clean texts further, doesn't cut them into passages, and doesn't notice two documents with equal texts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import PurePath

from export.corpus.corpus_file import name_of
from export.corpus.entries import Entries, Entry, Wanted, open_files
from export.corpus.formats import FORMATS
from export.corpus.places import beside, find_files
from export.corpus.rows import SeenColumns, show
from handler.documents import Document
from handler.errors import CorpusError

# A place in the corpus is the file's index and, below these bits, the line or row.
_NUMBER_BITS = 40


class CorpusReader:
    """The documents of a corpus. It can be iterated over once.

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
        read: Callable[[Sequence[str], Wanted], Iterator[Entries]] = open_files,
    ) -> None:
        """Notes what to read; nothing is opened yet.

        Args:
            path: a file, a folder, a pattern or an s3:// URI, its files gzipped or not; "-" is standard input.
            text: the columns that make the text, joined by one space; ["text"] for plain text.
            id: the column of unique ids; None numbers the rows from 1, on from file to file.
            metadata: the columns to keep. Where a JSON Lines row lacks one, its metadata lacks it too.
            format: one of formats.FORMATS; None for what detect_format says.
            read: yields the entries of each file.

        Raises:
            CorpusError: the format is unknown, or no text column is named.
        """
        if not text:
            raise CorpusError(f"{path}: no text column is named: name one or more")
        if format is not None and format not in FORMATS:
            raise CorpusError(f"{format!r} is not a format: give one of {', '.join(FORMATS)}")
        self.rows = 0
        self.skipped = 0
        self.format = format
        self._path = path
        self._wanted = Wanted(tuple(dict.fromkeys(text)), id, tuple(dict.fromkeys(metadata)), format)
        self._read = read
        self._current: Entries | None = None
        self._index = 0
        self._names: list[str] = []
        self._seen: dict[int, int] = {}

    @property
    def fraction(self) -> float | None:
        """The share of the input that has been read, 0 to 1; None where that can't be known."""
        if self._current is None or (fraction := self._current.fraction) is None:
            return None
        return (self._index + fraction) / len(self._names)

    def __iter__(self) -> Iterator[Document]:
        """Yields the documents in the files' order; raises CorpusError where one can't be read."""
        if self._names:
            raise RuntimeError("a CorpusReader can be iterated over once: make another")
        paths = find_files(self._path)
        self._names = [name_of(path) for path in paths]
        seen = SeenColumns(self._wanted.columns)
        wanted = replace(self._wanted, alone=paths == [self._path])
        for index, entries in enumerate(self._read(paths, wanted)):
            self._index = index
            self._current = entries
            for entry in entries:
                self.rows += 1
                if entry.text:
                    yield Document(self._identify(entries, entry), entry.text, entry.metadata)
                else:
                    self.skipped += 1
            self._check_format(entries)
            seen.add(entries.seen)
        name = name_of(self._path)
        seen.check(name)
        if self.rows == self.skipped:
            raise CorpusError(
                f"{name} has no documents ({self.rows} rows read, {self.skipped} "
                "skipped because their text is empty): check the file and the text columns"
            )

    def _check_format(self, entries: Entries) -> None:
        if self._index and entries.format != self.format:
            first = self._names[0]
            suffix = PurePath(first.removesuffix(".gz")).suffix or f".{self.format}"
            pattern = beside(first, f"*{suffix}{'.gz' if first.endswith('.gz') else ''}")
            raise CorpusError(
                f"{entries.name} is {entries.format}, {first} is {self.format}, and a corpus's files have one format: "
                f"move the others away, or leave them out by a pattern such as --corpus '{pattern}'"
            )
        self.format = entries.format

    def _identify(self, entries: Entries, entry: Entry) -> str:
        if entry.id is None:
            return str(self.rows)
        # A 64-bit hash stands for the string. Two of a million ids share a hash in 1 of 4 * 10**7 runs.
        here = self._index << _NUMBER_BITS | entry.number
        first = self._seen.setdefault(hash(entry.id), here)
        if first != here:
            index, number = first >> _NUMBER_BITS, first & (1 << _NUMBER_BITS) - 1
            file = "" if index == self._index else f"{self._names[index]}, "
            raise CorpusError(
                f"{entries.name}, {entries.unit} {entry.number}: the id {show(entry.id)} is already that of "
                f"{file}{entries.unit} {number}: make the ids unique, or name no id column to number the rows"
            )
        return entry.id
