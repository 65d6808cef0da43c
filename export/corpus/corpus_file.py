"""Opens a corpus file, unzips it, and reads it as bytes or as lines. The whole file is never in memory.

The corpus is a regular file, a pipe or standard input ("-"). Its first two bytes say whether it is gzipped. Text must
be UTF-8, and a line ends at LF or CR LF only. Anything else raises CorpusError with the place. This module knows
neither columns nor documents.
"""

from __future__ import annotations

import codecs
import gzip
import io
import os
import shutil
import stat
import sys
import tempfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO

from export.corpus.places import S3, open_in_s3
from export.corpus.rewound import Rewound
from handler.errors import CorpusError

MAX_LINE = 16 << 20
"""Most bytes in a line, and most characters in a field. A longer one has lost its line end or its closing quote."""

PARQUET_MAGIC = b"PAR1"

_HEAD = 4096  # bytes from which the format is recognised
_BUFFER = 1 << 18  # bytes per read

# First bytes that no UTF-8 text has. UTF-32 LE comes before UTF-16 LE, since it begins with the same two bytes.
_NOT_TEXT = {
    codecs.BOM_UTF32_LE: "UTF-32 text (byte order mark FF FE 00 00): save it as UTF-8",
    codecs.BOM_UTF32_BE: "UTF-32 text (byte order mark 00 00 FE FF): save it as UTF-8",
    codecs.BOM_UTF16_LE: "UTF-16 text (byte order mark FF FE): save it as UTF-8",
    codecs.BOM_UTF16_BE: "UTF-16 text (byte order mark FE FF): save it as UTF-8",
    PARQUET_MAGIC: "a Parquet file: name it .parquet or give --format parquet",
    b"PK\x03\x04": "a ZIP archive or an Excel workbook: unpack it, or save it as CSV",
    b"BZh91AY&SY": "compressed with bzip2: unpack it or use gzip",
    b"\xfd7zXZ\x00": "compressed with xz: unpack it or use gzip",
    b"\x28\xb5\x2f\xfd": "compressed with zstd: unpack it or use gzip",
}


class CorpusFile:
    """The unzipped bytes of one corpus. open_corpus makes it.

    Attributes:
        name: its name in errors.
        unit: the unit in which errors give a place: "line", or "row" for Parquet.
        progress: the share that has been read, 0 to 1, where a reader knows it better than the file's position.
        head: its first bytes, 4096 at most. The stream has them too.
        stream: all its bytes.
    """

    def __init__(self, name: str, file: BinaryIO, size: int | None) -> None:
        """Reads the head of a file.

        Args:
            name: its name in errors.
            file: the bytes as they are stored, perhaps gzipped.
            size: its size in bytes; None for a pipe, which has no size and can't seek.

        Raises:
            CorpusError: it can't be read.
        """
        self.name = name
        self.unit = "line"
        self.progress: float | None = None  # Parquet is read out of order, so it counts rows
        self._file = file
        self._size = size
        self._count = 0  # unzipped bytes read
        self._below: Callable[[int], bytes] = file.read

        magic = self._read(2)
        if size is not None:
            file.seek(0)
        else:
            file = io.BufferedReader(Rewound(magic, file.read), _BUFFER)
        self._gzipped = magic == b"\x1f\x8b"
        self._below = gzip.GzipFile(fileobj=file).read if self._gzipped else file.read
        if name.lower().endswith(".gz") and magic and not self._gzipped:
            raise CorpusError(
                f"{name} is not gzipped, though its name ends in .gz "
                f"(it starts with {magic.hex(' ').upper()}, not 1F 8B): rename it or get it again"
            )
        self._count = 0
        self.head = self._read(_HEAD)
        self.stream = io.BufferedReader(Rewound(self.head, self._read), _BUFFER)

    @property
    def fraction(self) -> float | None:
        """The share of the file that has been read, 0 to 1; None where its size is unknown."""
        if self.progress is not None or not self._size:
            return self.progress
        return min(1.0, self._file.tell() / self._size)

    def place(self, number: int) -> str:
        """Names a line or row, counted from 1: "corpus.csv, line 7"."""
        return f"{self.name}, {self.unit} {number}"

    def check_text(self) -> None:
        """Raises CorpusError where the first bytes are those of something other than UTF-8 text."""
        for magic, what in _NOT_TEXT.items():
            if self.head.startswith(magic):
                raise CorpusError(f"{self.name} is {what}")
        # In UTF-16 and UTF-32, half of the bytes of common letters are 0. A text may hold a few.
        if self.head and 5 * self.head.count(0) >= 2 * len(self.head):
            raise CorpusError(
                f"{self.name} holds many NUL bytes, as UTF-16 and UTF-32 text do: save it as UTF-8"
            )

    def lines(self) -> Iterator[str]:
        """Yields the physical lines with their ends, without the byte order mark.

        Raises:
            CorpusError: a byte isn't UTF-8, or a line has MAX_LINE bytes or more.
        """
        self.check_text()
        offset = 0
        chunks = iter(partial(self.stream.readline, MAX_LINE), b"")
        for number, raw in enumerate(chunks, 1):
            if len(raw) == MAX_LINE and not raw.endswith(b"\n"):
                raise CorpusError(
                    f"{self.place(number)} has more than {MAX_LINE >> 20} MiB: end its lines with LF or CR LF"
                )
            mark = len(codecs.BOM_UTF8) if number == 1 and raw.startswith(codecs.BOM_UTF8) else 0
            try:
                line = raw[mark:].decode("utf-8")
            except UnicodeDecodeError as error:
                at = mark + error.start
                raise CorpusError(
                    f"{self.place(number)}, byte offset {offset + at} (byte {at + 1} of the line):"
                    f" 0x{raw[at]:02X} is not UTF-8: save the file as UTF-8"
                ) from error
            yield line
            offset += len(raw)

    @contextmanager
    def seekable(self) -> Iterator[BinaryIO]:
        """Yields the bytes as a file that can seek: the file itself, or else a temporary copy on disk."""
        if self._size is not None and not self._gzipped:
            self._file.seek(0)
            yield self._file
            return
        with ExitStack() as stack:
            try:
                copy = stack.enter_context(tempfile.TemporaryFile())
                shutil.copyfileobj(self.stream, copy, _BUFFER)
                copy.seek(0)
            except OSError as error:
                raise CorpusError(
                    f"{self.name} can't be copied to a temporary file ({error.strerror}): "
                    "make room for it or set TMPDIR to a directory that has it"
                ) from error
            yield copy

    def _read(self, size: int) -> bytes:
        try:
            data = self._below(size)
        except EOFError as error:
            raise CorpusError(
                f"{self.name}: the gzip data is cut off {self._about()}: copy or download it again"
            ) from error
        except (zlib.error, gzip.BadGzipFile) as error:
            raise CorpusError(
                f"{self.name}: the gzip data is damaged {self._about()} ({error}): copy or download it again"
            ) from error
        except OSError as error:
            raise CorpusError(
                f"{self.name} can't be read {self._about()}: {error.strerror or error}"
            ) from error
        self._count += len(data)
        return data

    def _about(self) -> str:
        read = f"after about {self._count:,} bytes of text"
        if not self._size:
            return read
        return f"near byte {self._file.tell():,} of {self._size:,}, {read}"


@contextmanager
def open_corpus(path: str) -> Iterator[CorpusFile]:
    """Opens the file at path or in S3, or standard input for "-", and closes it afterwards.

    Raises:
        CorpusError: there is no such file, or it can't be opened or read.
    """
    if path == "-":
        if sys.stdin is None:
            raise CorpusError("standard input is closed: pipe the corpus in, or name a file")
        yield CorpusFile(name_of(path), sys.stdin.buffer, None)
        return
    name = name_of(path)
    if path.startswith(S3):
        opened = open_in_s3(path)
        with opened.file as remote:
            source = CorpusFile(name, remote, opened.size)
            try:
                yield source
            finally:
                source.progress = source.fraction
        return
    with _open(path, name) as file:
        status = os.fstat(file.fileno())
        # A pipe has no size and can't seek.
        source = CorpusFile(name, file, status.st_size if stat.S_ISREG(status.st_mode) else None)
        try:
            yield source
        finally:
            source.progress = source.fraction  # a closed file has no position any more


def name_of(path: str) -> str:
    """Returns a corpus's name in errors."""
    return "standard input" if path == "-" else path.encode("utf-8", "backslashreplace").decode("utf-8")


def _open(path: str, name: str) -> BinaryIO:
    try:
        return Path(path).open("rb")
    except FileNotFoundError as error:
        raise CorpusError(f"{name}: there is no such file: check the path") from error
    except IsADirectoryError as error:
        raise CorpusError(f"{name} is a directory: name one file in it") from error
    except PermissionError as error:
        raise CorpusError(
            f"{name} can't be opened: you have no permission to read it: chmod u+r it"
        ) from error
    except OSError as error:
        raise CorpusError(f"{name} can't be opened: {error.strerror}") from error
