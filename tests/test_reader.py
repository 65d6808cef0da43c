"""Documents from corpus files of every format."""

from __future__ import annotations

import gzip

import pytest
from corpus_files import BOM, DOCUMENTS, ROWS, WRITERS, Corpus, as_parquet, refusal

from handler.documents import Document


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("kind", WRITERS)
def test_rows_become_documents(corpus: Corpus, kind: str, zipped: bool) -> None:
    data = WRITERS[kind](ROWS)
    name = f"corpus.{kind}.gz" if zipped else f"corpus.{kind}"
    data = gzip.compress(data) if zipped else data
    reader = corpus.reader(name, data, ["title", "body"], "id", ["year"])
    assert list(reader) == DOCUMENTS
    assert (reader.rows, reader.skipped) == (4, 1)
    assert reader.fraction == 1


@pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
def test_a_line_of_plain_text_is_a_document(corpus: Corpus, zipped: bool) -> None:
    data = "first\r\n\n \t\nfourth, \u2028 still fourth\n  last".encode()
    reader = corpus.reader("corpus.txt.gz", gzip.compress(data))
    if not zipped:
        reader = corpus.reader("corpus.txt", data)
    assert list(reader) == [
        Document("1", "first", {}),
        Document("4", "fourth, \u2028 still fourth", {}),
        Document("5", "last", {}),
    ]
    assert (reader.rows, reader.skipped) == (5, 2)


@pytest.mark.parametrize("kind", WRITERS)
def test_without_an_id_column_rows_are_numbered(corpus: Corpus, kind: str) -> None:
    reader = corpus.reader(f"corpus.{kind}", WRITERS[kind](ROWS), ["body", "title"])
    assert [document.id for document in reader] == ["1", "2", "4"]


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "txt"])
@pytest.mark.parametrize("mark", [b"", BOM], ids=["no-bom", "bom"])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
def test_line_ends_and_bom(corpus: Corpus, kind: str, mark: bytes, end: bytes) -> None:
    lines = [b"uno", b"due"] if kind != "jsonl" else [b'{"text":"uno"}', b'{"text":"due"}']
    header = [b"text"] if kind in ("csv", "tsv") else []
    # With and without an end to the last line.
    for data in (end.join([*header, *lines]), end.join([*header, *lines, b""])):
        assert corpus.texts(f"corpus.{kind}", mark + data) == ["uno", "due"]


@pytest.mark.parametrize("name", ["corpus.data", "CORPUS.TXT", "corpus.csv"])
def test_the_given_format_wins(corpus: Corpus, name: str) -> None:
    reader = corpus.reader(name, '{"text": "a"}\n', kind="jsonl")
    assert [document.text for document in reader] == ["a"]


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("corpus.JSONL", b'{"text": "a"}'),
        ("corpus.ndjson", b'{"text": "a"}'),
        ("corpus.json", b'{"text": "a"}'),
        ("corpus", BOM + b'\n\n {"text": "a"}'),
        ("corpus.v2.CSV.GZ", gzip.compress(b"text\na\n", mtime=0)),
        ("corpus.csv", gzip.compress(b"text\na\n", mtime=0)),  # gzip by its magic bytes alone
        ("corpus.csv.gz", gzip.compress(b"text\n", mtime=0) + gzip.compress(b"a\n", mtime=0)),
        ("corpus", as_parquet({"text": ["a"]})),
        ("corpus.gz", gzip.compress(as_parquet({"text": ["a"]}), mtime=0)),
    ],
)
def test_the_format_is_told_by_name_or_content(corpus: Corpus, name: str, data: bytes) -> None:
    assert corpus.texts(name, data) == ["a"]


def test_nul_bytes_are_kept(corpus: Corpus) -> None:
    assert corpus.texts("corpus.csv", "text,n\na\0b,\0\n") == ["a\0b"]
    assert corpus.texts("corpus.txt", "a\0b\n") == ["a\0b"]
    assert corpus.texts("corpus.jsonl", '{"text": "a\\u0000b"}') == ["a\0b"]


@pytest.mark.parametrize("code", ["utf-16-le", "utf-16-be", "utf-32-le"])
@pytest.mark.parametrize("name", ["corpus.txt", "corpus.csv", "corpus.jsonl"])
def test_utf16_without_its_mark_is_refused(corpus: Corpus, name: str, code: str) -> None:
    message = refusal(corpus.reader(name, "text\nhello\nthere\n".encode(code)))
    assert message.endswith(" holds many NUL bytes, as UTF-16 and UTF-32 text do: save it as UTF-8")


def test_a_reader_is_for_one_iteration(corpus: Corpus) -> None:
    reader = corpus.reader("corpus.txt", "a\n")
    list(reader)
    with pytest.raises(RuntimeError, match="once"):
        list(reader)


def test_an_abandoned_reader_keeps_its_fraction(corpus: Corpus) -> None:
    reader = corpus.reader("corpus.txt", "text\n" * 1_000_000)
    documents = iter(reader)
    next(documents)
    fraction = reader.fraction
    del documents
    assert fraction is not None
    assert 0 < fraction < 1
    assert reader.fraction == fraction


@pytest.mark.parametrize("kind", ["txt", "parquet"])
def test_the_fraction_grows_to_one(corpus: Corpus, kind: str) -> None:
    data = as_parquet({"text": ["text"] * 2000}) if kind == "parquet" else b"text\n" * 299_999
    reader = corpus.reader(f"corpus.{kind}", data)
    fractions = [reader.fraction for _ in reader]
    assert len(set(fractions)) > 3
    assert fractions == sorted(fractions, key=lambda fraction: fraction or 0.0)
    assert fractions[-1] == reader.fraction == 1.0
