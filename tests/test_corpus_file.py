"""Files that can't be read as they are: missing, damaged, not UTF-8, of another kind."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from corpus_files import BOM, Corpus, as_parquet, refusal

from export.corpus.corpus_file import MAX_LINE
from export.corpus.reader import CorpusReader


def test_a_missing_file(tmp_path: Path) -> None:
    reader = CorpusReader(str(tmp_path / "corpus.csv"), ["text"])
    assert refusal(reader) == ".csv: there is no such file: check the path"


def test_a_directory(tmp_path: Path) -> None:
    (tmp_path / "corpus.csv").mkdir()
    reader = CorpusReader(str(tmp_path / "corpus.csv"), ["text"])
    assert refusal(reader) == ".csv is a directory with no file in it: put the corpus's files there"


def test_a_file_without_permission(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = corpus.reader("corpus.csv", "text\na\n")
    path = corpus.folder / "corpus.csv"
    path.chmod(0)
    if os.access(path, os.R_OK):  # as root

        def deny(*_: object) -> None:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(Path, "open", deny)
    assert refusal(reader).startswith(".csv can't be opened: you have no permission")


def test_a_name_too_long(tmp_path: Path) -> None:
    reader = CorpusReader(str(tmp_path / ("corpus" + "s" * 300)), ["text"])
    assert refusal(reader).endswith("can't be opened: File name too long")


def test_a_name_that_is_not_utf8_can_be_printed(tmp_path: Path) -> None:
    reader = CorpusReader(str(tmp_path / "corpus\udce9.csv"), ["text"])
    assert refusal(reader).encode() == rb"\udce9.csv: there is no such file: check the path"


def test_without_room_for_a_temporary_copy(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tempfile.TemporaryFile", fail)
    data = gzip.compress(as_parquet({"text": ["a"]}))
    assert refusal(corpus.reader("corpus.parquet.gz", data)).startswith(
        ".parquet.gz can't be copied to a temporary file (No space left on device): make room"
    )


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (gzip.compress(b"text\n" + b"a\n" * 9)[:-9], "the gzip data is cut off near byte"),
        (gzip.compress(b"text\na\n")[:5], "the gzip data is cut off near byte 5 of 5, after"),
        (gzip.compress(b"text\na\n")[:-8] + b"\0" * 8, "the gzip data is damaged near byte"),
        (gzip.compress(b"text\na\n") + b"rubbish", "the gzip data is damaged near byte"),
        (gzip.compress(b"text\n")[:10] + b"\xff" * 20, "the gzip data is damaged near byte"),
    ],
    ids=["cut", "cut-header", "checksum", "tail", "data"],
)
@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_damaged_gzip(corpus: Corpus, kind: str, data: bytes, expected: str) -> None:
    message = refusal(corpus.reader(f"corpus.{kind}.gz", data))
    assert message.startswith(f".{kind}.gz: {expected}")
    assert message.endswith("copy or download it again")


def test_damage_deep_in_a_gzip_is_located(corpus: Corpus) -> None:
    data = gzip.compress(os.urandom(1 << 20).hex().encode())
    message = refusal(corpus.reader("corpus.txt.gz", data[: len(data) // 2]))
    assert f"near byte {len(data) // 2:,} of {len(data) // 2:,}, after about" in message


def test_not_gzip_despite_the_name(corpus: Corpus) -> None:
    message = refusal(corpus.reader("corpus.csv.gz", "text\na\n"))
    assert message.startswith(
        ".csv.gz is not gzipped, though its name ends in .gz (it starts with 74 65, not 1F 8B)"
    )


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "txt"])
def test_not_utf8(corpus: Corpus, kind: str) -> None:
    lines = ['{"text": "a"}', '{"text": "é"}'] if kind == "jsonl" else ["text", "é"]
    data = BOM + lines[0].encode() + b"\r\n" + lines[1].encode("latin-1") + b"\n"
    message = refusal(corpus.reader(f"corpus.{kind}", data))
    at = data.index(b"\xe9")
    assert message == (
        f".{kind}, line 2, byte offset {at} (byte {at - len(lines[0]) - 4} of the line): "
        "0xE9 is not UTF-8: save the file as UTF-8"
    )


def test_not_utf8_right_after_the_bom(corpus: Corpus) -> None:
    message = refusal(corpus.reader("corpus.csv", BOM + b"\xff\n"))
    assert message.startswith(".csv, line 1, byte offset 3 (byte 4 of the line): 0xFF")


@pytest.mark.parametrize("name", ["corpus.csv", "corpus.jsonl", "corpus.txt", "corpus"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
def test_other_unicode_is_told_by_name(corpus: Corpus, name: str, encoding: str) -> None:
    message = refusal(corpus.reader(name, "\ufefftext\na\n".encode(encoding)))
    assert f"is {encoding[:6].upper()} text (byte order mark" in message
    assert message.endswith("save it as UTF-8")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (as_parquet({"text": ["a"]}), "is a Parquet file: name it .parquet or give --format"),
        (b"PK\x03\x04rest", "is a ZIP archive or an Excel workbook"),
        (b"\x28\xb5\x2f\xfdrest", "is compressed with zstd"),
    ],
)
def test_other_files_are_told_by_name(corpus: Corpus, data: bytes, expected: str) -> None:
    assert refusal(corpus.reader("corpus.csv", data)).startswith(f".csv {expected}")


def test_an_endless_line_doesnt_fill_the_memory(corpus: Corpus) -> None:
    message = refusal(corpus.reader("corpus.txt", b"a\n" + b"b" * (MAX_LINE + 1)))
    assert message.startswith(".txt, line 2 has more than 16 MiB")
