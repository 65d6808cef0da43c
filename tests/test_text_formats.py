"""CSV, TSV: what is read, and each way in which a table can be malformed."""

from __future__ import annotations

import csv

import pytest
from corpus_files import Corpus, refusal
from hypothesis import given, settings
from hypothesis import strategies as st

from export.corpus.corpus_file import MAX_LINE
from export.corpus.reader import CorpusReader


def test_quoted_newlines_commas_and_quotes(corpus: Corpus) -> None:
    data = 'id,text\n1,"a\nb, ""c""\r\nd"\n\n2,"e"\n   \n3,f\n'
    reader = corpus.reader("corpus.csv", data, id_column="id")
    assert [(d.id, d.text) for d in reader] == [
        ("1", 'a\nb, "c"\r\nd'),
        ("2", "e"),
        ("3", "f"),
    ]
    assert reader.rows == 3


def test_columns_twice_are_fine_unless_used(corpus: Corpus) -> None:
    assert corpus.texts("corpus.csv", "x,text,x\n1,a,2\n") == ["a"]
    message = refusal(corpus.reader("corpus.csv", "text,x,text\na,1,b\n"))
    assert message.startswith(".csv, line 1: 2 columns are called 'text'")


def test_a_quote_in_tsv_is_an_ordinary_character(corpus: Corpus) -> None:
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
        ("id,text\n1,a\n2,b,c\n", "line 3 has 3 fields, the header has 2: quote a field that holds a comma"),
        ("id,text\n\n1,a\n2\n", "line 4 has 1 field, the header has 2: add those that it lacks, or quote"),
        ('id,text\n1,"a\nb"\n2,c,d\n', "line 4 has 3 fields, the header has 2"),
        ('id,text\n1,a\n2,"b\n3,c\n4,d\n', "line 3: a quote is opened in this row and not"),
        ('"id,text\n1,a\n', "line 1: a quote is opened in this row and not"),
        ('id,text\n1,"a" b\n', "line 2: there is text after a closing quote"),
        ("id,text\n1,a\rb\n", "line 2: a carriage return in an unquoted field"),
        ("id,text\r1,a\r", "line 1: a carriage return in an unquoted field"),
    ],
)
def test_malformed_csv(corpus: Corpus, data: str, expected: str) -> None:
    assert refusal(corpus.reader("corpus.csv", data)).startswith(f".csv, {expected}")


def test_malformed_tsv(corpus: Corpus) -> None:
    message = refusal(corpus.reader("corpus.tsv", "id\ttext\n1\ta\tb\n"))
    assert message.startswith(".tsv, line 2 has 3 fields, the header has 2: a tab")
    message = refusal(corpus.reader("corpus.tsv", "id\ttext\n1\n"))
    assert message.startswith(
        ".tsv, line 2 has 1 field, the header has 2: add those that it lacks; a line break"
    )


def test_an_endless_field_doesnt_fill_the_memory(corpus: Corpus) -> None:
    data = 'text\na\n"b\n' + ("c" * 1023 + "\n") * ((MAX_LINE >> 10) + 1)
    message = refusal(corpus.reader("corpus.csv", data))
    assert message.startswith(".csv, line 3: a field has more than 16 Mi characters")
