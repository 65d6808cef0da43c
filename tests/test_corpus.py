"""Corpora as people have them: each format, and each way a file can be wrong, as real files."""

from __future__ import annotations

import csv
import datetime
import decimal
import gzip
import importlib
import io
import json
import os
import sys
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export.corpus.reader import CorpusReader
from export.corpus.source import MAX_LINE
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

    def texts(self, name: str, data: bytes | str) -> list[str]:
        return [document.text for document in self.reader(name, data)]


def refusal(reader: CorpusReader) -> str:
    """Return the error, which must be one line, without the folder."""
    with pytest.raises(CorpusError) as caught:
        list(reader)
    message = str(caught.value)
    assert "\n" not in message
    return message.partition(f"{os.sep}corpus")[2] or message


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    return Corpus(tmp_path)


@pytest.fixture
def pipe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], None]]:
    """Feed data to standard input through a real pipe: it can't seek, nor tell its size."""
    threads: list[threading.Thread] = []

    def feed(data: bytes) -> None:
        outlet, inlet = os.pipe()

        def write() -> None:
            with suppress(BrokenPipeError), os.fdopen(inlet, "wb", buffering=0) as file:
                file.write(data[:1])  # a first read of one byte must not confuse the sniffing
                file.write(data[1:])

        threads.append(threading.Thread(target=write))
        threads[-1].start()
        stdin = SimpleNamespace(buffer=files.enter_context(os.fdopen(outlet, "rb")))
        monkeypatch.setattr(sys, "stdin", stdin)

    with ExitStack() as files:
        yield feed
    for thread in threads:
        thread.join()


class TestFormats:
    @pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
    @pytest.mark.parametrize("kind", WRITERS)
    def test_rows_become_documents(self, corpus: Corpus, kind: str, zipped: bool) -> None:
        data = WRITERS[kind](ROWS)
        name = f"corpus.{kind}.gz" if zipped else f"corpus.{kind}"
        data = gzip.compress(data) if zipped else data
        reader = corpus.reader(name, data, ["title", "body"], "id", ["year"])
        assert list(reader) == DOCUMENTS
        assert (reader.rows, reader.skipped) == (4, 1)
        assert reader.fraction == 1

    @pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
    def test_a_line_of_plain_text_is_a_document(self, corpus: Corpus, zipped: bool) -> None:
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
    def test_without_an_id_column_rows_are_numbered(self, corpus: Corpus, kind: str) -> None:
        reader = corpus.reader(f"corpus.{kind}", WRITERS[kind](ROWS), ["body", "title"])
        assert [document.id for document in reader] == ["1", "2", "4"]

    @pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "txt"])
    @pytest.mark.parametrize("mark", [b"", BOM], ids=["no-bom", "bom"])
    @pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["lf", "crlf"])
    def test_line_ends_and_bom(self, corpus: Corpus, kind: str, mark: bytes, end: bytes) -> None:
        lines = [b"uno", b"due"] if kind != "jsonl" else [b'{"text":"uno"}', b'{"text":"due"}']
        header = [b"text"] if kind in ("csv", "tsv") else []
        # With and without an end to the last line.
        for data in (end.join([*header, *lines]), end.join([*header, *lines, b""])):
            assert corpus.texts(f"corpus.{kind}", mark + data) == ["uno", "due"]

    @pytest.mark.parametrize("name", ["corpus.data", "CORPUS.TXT", "corpus.csv"])
    def test_the_given_format_wins(self, corpus: Corpus, name: str) -> None:
        reader = corpus.reader(name, '{"text": "a"}\n', kind="jsonl")
        assert [document.text for document in reader] == ["a"]

    @pytest.mark.parametrize(
        ("name", "data"),
        [
            ("corpus.JSONL", b'{"text": "a"}'),
            ("corpus.ndjson", b'{"text": "a"}'),
            ("corpus.json", b'{"text": "a"}'),
            ("corpus", BOM + b'\n\n {"text": "a"}'),
            ("corpus.v2.CSV.GZ", gzip.compress(b"text\na\n")),
            ("corpus.csv", gzip.compress(b"text\na\n")),  # gzip by its magic bytes alone
            ("corpus.csv.gz", gzip.compress(b"text\n") + gzip.compress(b"a\n")),
            ("corpus", as_parquet({"text": ["a"]})),
            ("corpus.gz", gzip.compress(as_parquet({"text": ["a"]}))),
        ],
    )
    def test_the_format_is_told_by_name_or_content(self, corpus: Corpus, name: str, data: bytes) -> None:
        assert corpus.texts(name, data) == ["a"]

    def test_nul_bytes_are_kept(self, corpus: Corpus) -> None:
        assert corpus.texts("corpus.csv", "text,n\na\0b,\0\n") == ["a\0b"]
        assert corpus.texts("corpus.txt", "a\0b\n") == ["a\0b"]
        assert corpus.texts("corpus.jsonl", '{"text": "a\\u0000b"}') == ["a\0b"]

    def test_a_reader_is_for_one_iteration(self, corpus: Corpus) -> None:
        reader = corpus.reader("corpus.txt", "a\n")
        list(reader)
        with pytest.raises(RuntimeError, match="once"):
            list(reader)

    def test_an_abandoned_reader_keeps_its_fraction(self, corpus: Corpus) -> None:
        reader = corpus.reader("corpus.txt", "text\n" * 1_000_000)
        documents = iter(reader)
        next(documents)
        fraction = reader.fraction
        del documents
        assert fraction is not None
        assert 0 < fraction < 1
        assert reader.fraction == fraction

    @pytest.mark.parametrize("kind", ["txt", "parquet"])
    def test_the_fraction_grows_to_one(self, corpus: Corpus, kind: str) -> None:
        data = as_parquet({"text": ["text"] * 2000}) if kind == "parquet" else b"text\n" * 299_999
        reader = corpus.reader(f"corpus.{kind}", data)
        fractions = [reader.fraction for _ in reader]
        assert len(set(fractions)) > 3
        assert fractions == sorted(fractions, key=lambda fraction: fraction or 0.0)
        assert fractions[-1] == reader.fraction == 1.0


class TestCsv:
    def test_quoted_newlines_commas_and_quotes(self, corpus: Corpus) -> None:
        data = 'id,text\n1,"a\nb, ""c""\r\nd"\n\n2,"e"\n   \n3,f\n'
        reader = corpus.reader("corpus.csv", data, id_column="id")
        assert [(d.id, d.text) for d in reader] == [
            ("1", 'a\nb, "c"\r\nd'),
            ("2", "e"),
            ("3", "f"),
        ]
        assert reader.rows == 3

    def test_columns_twice_are_fine_unless_used(self, corpus: Corpus) -> None:
        assert corpus.texts("corpus.csv", "x,text,x\n1,a,2\n") == ["a"]
        message = refusal(corpus.reader("corpus.csv", "text,x,text\na,1,b\n"))
        assert message.startswith(".csv, line 1: 2 columns are called 'text'")

    def test_a_quote_in_tsv_is_an_ordinary_character(self, corpus: Corpus) -> None:
        data = 'id\ttext\n1\t"Go" he said\n2\t"all of it"\n3\tan 8" pipe\n4\t"open\n'
        assert corpus.texts("corpus.tsv", data) == [
            '"Go" he said',
            '"all of it"',
            'an 8" pipe',
            '"open',
        ]

    @settings(deadline=None)
    @given(
        st.lists(
            st.tuples(
                st.text(st.characters(exclude_categories=["Cs"])),
                st.text(st.characters(exclude_categories=["Cs"])),
            ),
            min_size=1,
        ),
        st.sampled_from(["\n", "\r\n"]),
        st.booleans(),
    )
    def test_what_csv_writes_is_read_as_dictreader_does(
        self,
        tmp_path_factory: pytest.TempPathFactory,
        rows: list[tuple[str, str]],
        end: str,
        quote_all: bool,
    ) -> None:
        if end == "\n" and not quote_all:  # then csv.writer leaves CR unquoted, and can't read it
            rows = [(text.replace("\r", ""), note.replace("\r", "")) for text, note in rows]
        path = tmp_path_factory.getbasetemp() / "corpus.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(
                file,
                lineterminator=end,
                quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL,
            )
            writer.writerow(["text", "note"])
            writer.writerows([("x" + text, note) for text, note in rows])
        with path.open(encoding="utf-8", newline="") as file:
            expected = [(row["text"].strip(), {"note": row["note"]}) for row in csv.DictReader(file)]
        read = [(d.text, d.metadata) for d in CorpusReader(str(path), ["text"], None, ["note"])]
        assert read == expected == [(("x" + text).strip(), {"note": note}) for text, note in rows]

    @pytest.mark.parametrize(
        ("data", "expected"),
        [
            ("id,text\n1,a\n2,b,c\n", "line 3 has 3 fields, the header has 2: quote a field"),
            ("id,text\n\n1,a\n2\n", "line 4 has 1 fields, the header has 2"),
            ('id,text\n1,"a\nb"\n2,c,d\n', "line 4 has 3 fields, the header has 2"),
            ('id,text\n1,a\n2,"b\n3,c\n4,d\n', "line 3: a quote is opened in this row and not"),
            ('"id,text\n1,a\n', "line 1: a quote is opened in this row and not"),
            ('id,text\n1,"a" b\n', "line 2: there is text after a closing quote"),
            ("id,text\n1,a\rb\n", "line 2: a carriage return in an unquoted field"),
            ("id,text\r1,a\r", "line 1: a carriage return in an unquoted field"),
        ],
    )
    def test_malformed_csv(self, corpus: Corpus, data: str, expected: str) -> None:
        assert refusal(corpus.reader("corpus.csv", data)).startswith(f".csv, {expected}")

    def test_malformed_tsv(self, corpus: Corpus) -> None:
        message = refusal(corpus.reader("corpus.tsv", "id\ttext\n1\ta\tb\n"))
        assert message.startswith(".tsv, line 2 has 3 fields, the header has 2: a tab")

    def test_an_endless_field_doesnt_fill_the_memory(self, corpus: Corpus) -> None:
        data = 'text\na\n"b\n' + ("c" * 1023 + "\n") * ((MAX_LINE >> 10) + 1)
        message = refusal(corpus.reader("corpus.csv", data))
        assert message.startswith(".csv, line 3: a field has more than 16 Mi characters")


class TestJsonLines:
    def test_metadata_of_every_type_is_kept(self, corpus: Corpus) -> None:
        metadata = {"n": None, "b": True, "i": 2**70, "f": 1.5, "s": "\u2028", "l": [1, {"x": []}]}
        reader = corpus.reader(
            "corpus.jsonl", as_jsonl([{"text": "a", "unused": 1, **metadata}]), metadata=[*metadata]
        )
        assert [document.metadata for document in reader] == [metadata]

    def test_ids_may_be_numbers(self, corpus: Corpus) -> None:
        data = as_jsonl([{"id": each, "text": "a"} for each in (7, "x", 1.5, -0)])
        ids = [document.id for document in corpus.reader("corpus.jsonl", data, id_column="id")]
        assert ids == ["7", "x", "1.5", "0"]

    def test_some_rows_may_lack_a_column(self, corpus: Corpus) -> None:
        data = as_jsonl([{"a": "x"}, {"b": "y", "m": 1}, {"a": None, "b": "z"}, {}])
        reader = corpus.reader("corpus.jsonl", b"\n  \n" + data, ["a", "b"], metadata=["m"])
        assert list(reader) == [
            Document("1", "x", {}),
            Document("2", "y", {"m": 1}),
            Document("3", "z", {}),
        ]
        assert (reader.rows, reader.skipped) == (4, 1)

    @pytest.mark.parametrize("role", ["text", "metadata"])
    def test_a_column_in_no_row_is_unknown(self, corpus: Corpus, role: str) -> None:
        data = as_jsonl([{"title": "a"}, {"title": "b", "abstract": "c"}])
        text = ["title", "abstrct"] if role == "text" else ["title"]
        reader = corpus.reader("corpus.jsonl", data, text, metadata=["abstrct"] if role == "metadata" else [])
        assert refusal(reader) == (
            ".jsonl: there is no column 'abstrct' (did you mean 'abstract'?); "
            "the columns are: 'title', 'abstract'"
        )

    def test_a_surrogate_pair_is_one_character(self, corpus: Corpus) -> None:
        assert corpus.texts("corpus.jsonl", r'{"text": "\ud83e\udea8 \\ud800"}') == ["🪨 \\ud800"]

    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ('{"text": "a" "m"}', "line 3, column 14: malformed JSON (Expecting ',' delimiter)"),
            ('{"text": "a"', "line 3, column 13: malformed JSON (Expecting ',' delimiter)"),
            ('{"text": "a"} {', "line 3, column 15: malformed JSON (Extra data)"),
            ("{", "line 3, column 2: malformed JSON (Expecting property name enclosed in"),
            ('{"text": "a\tb"}', "line 3, column 12: malformed JSON (Invalid control character"),
            ('["a", "b"]', "line 3 holds a list, not an object"),
            ('"a"', "line 3 holds a string, not an object"),
            ("12", "line 3 holds a number, not an object"),
            ("null", "line 3 holds null, not an object"),
            ('{"text": "a", "m": NaN}', "line 3: NaN is not a JSON value: write null"),
            ('{"text": "a", "m": [-Infinity]}', "line 3: -Infinity is not a JSON value"),
            ('{"text": "a", "m": 1e999}', "line 3: 1e999 is beyond the range of a number"),
            ('{"text": "a", "m": 1' + "0" * 5000 + "}", "line 3: Exceeds the limit (4300 digits)"),
            ('{"text": "a", "m": ' + "[" * 200_000, "line 3: the JSON is nested too deeply"),
            (r'{"text": "\ud800"}', "line 3: 'text' holds a lone surrogate (\\ud800)"),
            (r'{"text": "a", "m": ["\uDFFF"]}', "line 3: 'm' holds a lone surrogate (\\udfff)"),
            ('{"text": 12}', "line 3: 'text' holds a number, a text must be a string or null"),
            ('{"text": ["a"]}', "line 3: 'text' holds a list, a text must be a string"),
            ('{"text": false}', "line 3: 'text' holds true or false, a text must be a string"),
        ],
    )
    def test_malformed_json(self, corpus: Corpus, line: str, expected: str) -> None:
        message = refusal(corpus.reader("corpus.jsonl", f'{{"text": "a"}}\n\n{line}\n'))
        assert message.startswith(f".jsonl, {expected}")

    def test_an_array_is_not_json_lines(self, corpus: Corpus) -> None:
        message = refusal(corpus.reader("corpus.json", '[{"text": "a"}]'))
        assert message.startswith(".json starts with '[', a JSON array: write one object per line")


class TestParquet:
    def test_values_become_json(self, corpus: Corpus) -> None:
        values: dict[str, tuple[Any, Any]] = {
            "date": (pa.array([datetime.date(2026, 1, 2)]), "2026-01-02"),
            "time": (pa.array([datetime.time(1, 2, 3)]), "01:02:03"),
            "stamp": (pa.array([1], pa.timestamp("ns")), "1970-01-01T00:00:00"),
            "zoned": (pa.array([1], pa.timestamp("s", "UTC")), "1970-01-01T00:00:01+00:00"),
            "nanotime": (pa.array([1001], pa.time64("ns")), "00:00:00.000001"),
            "span": (pa.array([1_500_000_001], pa.duration("ns")), 1.5),
            "decimal": (pa.array([decimal.Decimal("1.50")]), "1.50"),
            "uuid": (pa.array([uuid.UUID(int=1).bytes], pa.uuid()), str(uuid.UUID(int=1))),
            "struct": (
                pa.array([{"a": [datetime.date(2026, 1, 2)], "b": None}]),
                {"a": ["2026-01-02"], "b": None},
            ),
            "map": (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int8())), [["a", 1]]),
            "code": (pa.array(["x"]).dictionary_encode(), "x"),
            "dotted.name": (pa.array([2.5]), 2.5),
            "flag": (pa.array([True]), True),
            "null": (pa.nulls(1), None),
        }
        data = as_parquet({"text": ["a"]} | {name: array for name, (array, _) in values.items()})
        (document,) = corpus.reader("corpus.parquet", data, metadata=list(values))
        assert document.metadata == {name: value for name, (_, value) in values.items()}
        assert json.loads(json.dumps(document.metadata, allow_nan=False)) == document.metadata

    @pytest.mark.parametrize(
        "kind", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), "str")]
    )
    def test_text_may_be_of_every_string_type(self, corpus: Corpus, kind: Any) -> None:
        column = pa.array(["a", None, "", "b"]).cast(kind)
        data = as_parquet({"text": column, "none": pa.nulls(4), "id": [4, 5, 6, 7]})
        reader = corpus.reader("corpus.parquet", data, ["none", "text"], "id")
        assert [(d.id, d.text) for d in reader] == [("4", "a"), ("7", "b")]
        assert reader.skipped == 2

    @pytest.mark.parametrize(
        ("column", "expected"),
        [
            (pa.array([None, b"x"]), "row 2: column 'm' holds bytes, which JSON can't hold"),
            (pa.array([[], [b"x"]]), "row 2: column 'm' holds bytes, which JSON can't hold"),
            (pa.array([1.0, float("nan")]), "row 2: column 'm' holds nan, which JSON can't hold"),
            (
                pa.array([0, 10**9], pa.int32()).cast(pa.date32()),
                "rows 1 to 2: column 'm' of type date32[day] has a value Python has no type for",
            ),
        ],
    )
    def test_values_json_cant_hold(self, corpus: Corpus, column: Any, expected: str) -> None:
        data = as_parquet({"text": ["a", "b"], "m": column})
        message = refusal(corpus.reader("corpus.parquet", data, metadata=["m"]))
        assert message.startswith(f".parquet, {expected}")

    @pytest.mark.parametrize(
        ("column", "kind"), [([1], "int64"), ([b"x"], "binary"), ([["x"]], "list<element: string>")]
    )
    def test_text_of_another_type(self, corpus: Corpus, column: list[Any], kind: str) -> None:
        message = refusal(corpus.reader("corpus.parquet", as_parquet({"text": column})))
        assert message.startswith(f".parquet: column 'text' is of type {kind}, a text must be")

    def test_bytes_that_are_not_utf8(self, corpus: Corpus) -> None:
        column = pa.array([b"a", b"\xe9"]).view(pa.string())
        message = refusal(corpus.reader("corpus.parquet", as_parquet({"text": column})))
        assert message.startswith(
            ".parquet, rows 1 to 2: column 'text' has a string with byte 0xE9, which is not UTF-8"
        )

    @pytest.mark.parametrize(
        "damage",
        [
            lambda data: b"",
            lambda data: b"PAR1",
            lambda data: data[:-9],
            lambda data: data[:40] + b"\xff" * 60 + data[100:],
            lambda data: b"id,text\n1,a\n" * 9,
        ],
        ids=["empty", "magic", "cut", "overwritten", "csv"],
    )
    def test_malformed_parquet(self, corpus: Corpus, damage: Callable[[bytes], bytes]) -> None:
        # Random text, lest compression make the pages too small to damage.
        data = as_parquet({"text": [str(uuid.uuid4()) for _ in range(100)]})
        message = refusal(corpus.reader("corpus.parquet", damage(data)))
        assert message.startswith(".parquet, after row 0, can't be read as Parquet (")

    def test_rows_number_the_errors(self, corpus: Corpus) -> None:
        data = as_parquet({"id": ["x", "y", "x"], "text": ["a", "b", "c"]})
        message = refusal(corpus.reader("corpus.parquet", data, id_column="id"))
        assert message.startswith(".parquet, row 3: the id 'x' is already that of row 1")

    def test_without_pyarrow(self, corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "pyarrow", None)
        message = refusal(corpus.reader("corpus.parquet", as_parquet({"text": ["a"]})))
        assert message == ".parquet: Parquet needs pyarrow: pip install pyarrow"


class TestStandardInput:
    @pytest.mark.parametrize("zipped", [False, True], ids=["plain", "gzip"])
    @pytest.mark.parametrize("kind", WRITERS)
    def test_every_format(self, pipe: Callable[[bytes], None], kind: str, zipped: bool) -> None:
        data = WRITERS[kind](ROWS)
        pipe(gzip.compress(data) if zipped else data)
        sniffed = kind in ("jsonl", "parquet")
        reader = CorpusReader("-", ["title", "body"], "id", ["year"], None if sniffed else kind)
        assert list(reader) == DOCUMENTS
        # Parquet counts rows; of the others nobody knows how much is to come.
        assert reader.fraction == (1.0 if kind == "parquet" else None)

    def test_the_format_must_be_given_where_it_cant_be_told(self, pipe: Callable[[bytes], None]) -> None:
        pipe(b"id,text\n1,a\n")
        assert refusal(CorpusReader("-", ["text"])) == (
            "standard input: neither name nor content tells the format: "
            "give --format csv, tsv, jsonl, txt or parquet"
        )

    @pytest.mark.parametrize("data", [b"", b"\n \n"])
    def test_empty(self, pipe: Callable[[bytes], None], data: bytes) -> None:
        pipe(data)
        assert refusal(CorpusReader("-", ["text"])).startswith("standard input is empty")

    def test_cut_gzip(self, pipe: Callable[[bytes], None]) -> None:
        pipe(gzip.compress(b"text\na\n")[:-9])
        message = refusal(CorpusReader("-", ["text"], format="csv"))
        assert message.startswith("standard input: the gzip data is cut off after about 0 bytes")

    def test_closed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "stdin", None)
        assert refusal(CorpusReader("-", ["text"])).startswith("standard input is closed")

    def test_a_named_pipe_is_read_too(self, tmp_path: Path) -> None:
        path = tmp_path / "corpus.csv"
        os.mkfifo(path)
        thread = threading.Thread(target=path.write_bytes, args=(b"text\na\n",))
        thread.start()
        reader = CorpusReader(str(path), ["text"])
        assert [document.text for document in reader] == ["a"]
        assert reader.fraction is None
        thread.join()


class TestFiles:
    def test_missing(self, tmp_path: Path) -> None:
        reader = CorpusReader(str(tmp_path / "corpus.csv"), ["text"])
        assert refusal(reader) == ".csv: there is no such file: check the path"

    def test_directory(self, tmp_path: Path) -> None:
        (tmp_path / "corpus.csv").mkdir()
        reader = CorpusReader(str(tmp_path / "corpus.csv"), ["text"])
        assert refusal(reader) == ".csv is a directory: name one file in it"

    def test_no_permission(self, corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
        reader = corpus.reader("corpus.csv", "text\na\n")
        path = corpus.folder / "corpus.csv"
        path.chmod(0)
        if os.access(path, os.R_OK):  # as root

            def deny(*_: object) -> None:
                raise PermissionError(13, "Permission denied")

            monkeypatch.setattr(Path, "open", deny)
        assert refusal(reader).startswith(".csv can't be opened: you have no permission")

    def test_a_name_too_long(self, tmp_path: Path) -> None:
        reader = CorpusReader(str(tmp_path / ("corpus" + "s" * 300)), ["text"])
        assert refusal(reader).endswith("can't be opened: File name too long")

    def test_a_name_that_is_not_utf8_can_be_printed(self, tmp_path: Path) -> None:
        reader = CorpusReader(str(tmp_path / "corpus\udce9.csv"), ["text"])
        assert refusal(reader).encode() == rb"\udce9.csv: there is no such file: check the path"

    def test_no_temporary_directory(self, corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
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
    def test_bad_gzip(self, corpus: Corpus, kind: str, data: bytes, expected: str) -> None:
        message = refusal(corpus.reader(f"corpus.{kind}.gz", data))
        assert message.startswith(f".{kind}.gz: {expected}")
        assert message.endswith("copy or download it again")

    def test_damage_deep_in_a_gzip_is_located(self, corpus: Corpus) -> None:
        data = gzip.compress(os.urandom(1 << 20).hex().encode())
        message = refusal(corpus.reader("corpus.txt.gz", data[: len(data) // 2]))
        assert f"near byte {len(data) // 2:,} of {len(data) // 2:,}, after about" in message

    def test_not_gzip_despite_the_name(self, corpus: Corpus) -> None:
        message = refusal(corpus.reader("corpus.csv.gz", "text\na\n"))
        assert message.startswith(
            ".csv.gz is not gzipped, though its name ends in .gz (it starts with 74 65, not 1F 8B)"
        )

    @pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "txt"])
    def test_not_utf8(self, corpus: Corpus, kind: str) -> None:
        lines = ['{"text": "a"}', '{"text": "é"}'] if kind == "jsonl" else ["text", "é"]
        data = BOM + lines[0].encode() + b"\r\n" + lines[1].encode("latin-1") + b"\n"
        message = refusal(corpus.reader(f"corpus.{kind}", data))
        at = data.index(b"\xe9")
        assert message == (
            f".{kind}, line 2, byte offset {at} (byte {at - len(lines[0]) - 4} of the line): "
            "0xE9 is not UTF-8: save the corpus as UTF-8"
        )

    def test_not_utf8_right_after_the_bom(self, corpus: Corpus) -> None:
        message = refusal(corpus.reader("corpus.csv", BOM + b"\xff\n"))
        assert message.startswith(".csv, line 1, byte offset 3 (byte 4 of the line): 0xFF")

    @pytest.mark.parametrize("name", ["corpus.csv", "corpus.jsonl", "corpus.txt", "corpus"])
    @pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
    def test_other_unicode_is_told_by_name(self, corpus: Corpus, name: str, encoding: str) -> None:
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
    def test_other_files_are_told_by_name(self, corpus: Corpus, data: bytes, expected: str) -> None:
        assert refusal(corpus.reader("corpus.csv", data)).startswith(f".csv {expected}")

    def test_an_endless_line_doesnt_fill_the_memory(self, corpus: Corpus) -> None:
        message = refusal(corpus.reader("corpus.txt", b"a\n" + b"b" * (MAX_LINE + 1)))
        assert message.startswith(".txt, line 2 has more than 16 MiB")


class TestColumnsAndIds:
    @pytest.mark.parametrize("kind", ["csv", "tsv", "parquet"])
    @pytest.mark.parametrize("role", ["text", "id", "metadata"])
    def test_unknown_column(self, corpus: Corpus, kind: str, role: str) -> None:
        data = WRITERS[kind]([{"id": "1", "Text": "a", "year": "2026"}])
        reader = corpus.reader(
            f"corpus.{kind}",
            data,
            ["text"] if role == "text" else ["Text"],
            "ID" if role == "id" else "id",
            ["yaer"] if role == "metadata" else [],
        )
        wrong, near = {"text": ("text", "Text"), "id": ("ID", "id")}.get(role, ("yaer", "year"))
        place = f".{kind}" if kind == "parquet" else f".{kind}, line 1"
        assert refusal(reader) == (
            f"{place}: there is no column {wrong!r} (did you mean {near!r}?); "
            "the columns are: 'id', 'Text', 'year'"
        )

    def test_an_unknown_column_far_from_any(self, corpus: Corpus) -> None:
        names = [f"c{number}" for number in range(25)] + ["long" * 100]
        message = refusal(corpus.reader("corpus.csv", ",".join(reversed(names)) + "\n", ["zzz"]))
        assert message.startswith(
            f".csv, line 1: there is no column 'zzz'; the columns are: '{'long' * 10}...'"
        )
        assert message.endswith("'c6' and 6 more")

    def test_plain_text_has_one_column(self, corpus: Corpus) -> None:
        message = refusal(corpus.reader("corpus.txt", "a\n", ["title"]))
        assert message.startswith(".txt (plain text): there is no column 'title'")
        assert message.endswith("the columns are: 'text'")

    def test_no_text_column_named(self) -> None:
        with pytest.raises(CorpusError, match="no text column is named"):
            CorpusReader("corpus.csv", [])

    def test_unknown_format(self) -> None:
        with pytest.raises(CorpusError, match="'xml' is not a format: give one of csv, tsv"):
            CorpusReader("corpus.xml", ["text"], format="xml")

    @pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
    def test_duplicate_ids(self, corpus: Corpus, kind: str) -> None:
        rows = [{"id": each, "text": "a"} for each in ("x", "y", "z", "y")]
        message = refusal(corpus.reader(f"corpus.{kind}", WRITERS[kind](rows), id_column="id"))
        first = {"csv": "line 3", "tsv": "line 3", "jsonl": "line 2", "parquet": "row 2"}[kind]
        second = {"csv": "line 5", "tsv": "line 5", "jsonl": "line 4", "parquet": "row 4"}[kind]
        assert message == (
            f".{kind}, {second}: the id 'y' is already that of {first}: "
            "make the ids unique, or name no id column to number the rows"
        )

    def test_a_number_and_its_string_are_one_id(self, corpus: Corpus) -> None:
        data = as_jsonl([{"id": 1, "text": "a"}, {"id": "1", "text": "b"}])
        assert "line 2: the id '1' is already" in refusal(corpus.reader("corpus.jsonl", data, id_column="id"))

    @pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
    @pytest.mark.parametrize("empty", ["", "  ", None])
    def test_empty_id(self, corpus: Corpus, kind: str, empty: str | None) -> None:
        rows: list[dict[str, Any]] = [{"id": "x", "text": "a"}, {"id": empty, "text": "b"}]
        message = refusal(corpus.reader(f"corpus.{kind}", WRITERS[kind](rows), id_column="id"))
        place = {"csv": "line 3", "jsonl": "line 2", "parquet": "row 2"}[kind]
        assert message.startswith(f".{kind}, {place}: the id 'id' is empty")

    def test_an_id_missing_in_one_row(self, corpus: Corpus) -> None:
        data = as_jsonl([{"id": 1, "text": "a"}, {"_id": 2, "text": "b"}])
        message = refusal(corpus.reader("corpus.jsonl", data, id_column="id"))
        assert message == (
            ".jsonl, line 2: there is no column 'id' (did you mean '_id'?); the columns are: '_id', 'text'"
        )

    @pytest.mark.parametrize("value", [True, [1], {"a": 1}])
    def test_an_id_of_another_type(self, corpus: Corpus, value: object) -> None:
        data = as_jsonl([{"id": value, "text": "a"}])
        message = refusal(corpus.reader("corpus.jsonl", data, id_column="id"))
        assert message.endswith("an id must be a string or a number: name another column or quote the value")

    @pytest.mark.parametrize(
        ("name", "data", "rows"),
        [
            ("corpus.csv", b"", 0),
            ("corpus.csv.gz", b"", 0),
            ("corpus.csv", b"text\n", 0),
            ("corpus.csv", b"id,text\n1,\n2, \n", 2),
            ("corpus.jsonl", b"\n\n", 0),
            ("corpus.jsonl", b'{"text": null}\n{"text": " "}\n{}\n', 3),
            ("corpus.txt", b"\n\n \n", 3),
            ("corpus.parquet", as_parquet({"text": pa.nulls(3)}), 3),
            ("corpus.parquet", as_parquet({"text": pa.array([], pa.string())}), 0),
        ],
    )
    def test_no_documents(self, corpus: Corpus, name: str, data: bytes, rows: int) -> None:
        assert refusal(corpus.reader(name, data)).startswith(
            f"{name.removeprefix('corpus')} has no documents "
            f"({rows} rows read, {rows} skipped because their text is empty)"
        )
