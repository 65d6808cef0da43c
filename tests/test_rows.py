"""Columns and ids: those that are missing, twice, empty or of a wrong type are refused by name."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from corpus_files import WRITERS, Corpus, as_jsonl, as_parquet, pa, refusal

from export.corpus.reader import CorpusReader
from handler.errors import CorpusError
from seeklet.arguments import column_names


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet"])
@pytest.mark.parametrize("role", ["text", "id", "metadata"])
def test_unknown_column(corpus: Corpus, kind: str, role: str) -> None:
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


@pytest.mark.parametrize("name", ["caf\u00e9", "\uc81c\ubaa9", "\u00e9"])
def test_a_column_in_another_normal_form_is_shown_by_its_code_points(corpus: Corpus, name: str) -> None:
    written = unicodedata.normalize("NFD", name)
    message = refusal(corpus.reader("corpus.csv", f"id,{written}\n", [name]))
    assert (
        f"there is no column {name!r} ({written!a} looks like it and has other code points: "
        "copy the name from the corpus); the columns are:"
    ) in message


def test_an_unknown_column_far_from_any(corpus: Corpus) -> None:
    names = [f"c{number}" for number in range(25)] + ["long" * 100]
    message = refusal(corpus.reader("corpus.csv", ",".join(reversed(names)) + "\n", ["zzz"]))
    assert message.startswith(f".csv, line 1: there is no column 'zzz'; the columns are: '{'long' * 10}...'")
    assert message.endswith("'c6' and 6 more")


@pytest.mark.parametrize(
    ("sign", "name", "remedy"),
    [
        (";", "';'", "save it with commas, or as TSV"),
        ("|", "'|'", "save it with commas, or as TSV"),
        ("\t", "tabs", "save it with commas, or name it .tsv"),
    ],
)
def test_another_sign_than_a_comma(corpus: Corpus, sign: str, name: str, remedy: str) -> None:
    data = f"id{sign} title{sign}price\n1{sign}a{sign}2\n"
    header = data.partition("\n")[0]
    listed = f".csv, line 1: there is no column 'title'; the columns are: {header!r}"
    message = refusal(corpus.reader("corpus.csv", data, ["title"]))
    assert message == f"{listed}: the file seems to be separated by {name}: {remedy}"
    # Not where another column is asked for, or where there are more.
    assert refusal(corpus.reader("corpus.csv", data, ["year"])).endswith(f"the columns are: {header!r}")
    assert "seems" not in refusal(corpus.reader("corpus.csv", f"a,{data}", ["title"]))


@pytest.mark.parametrize(("name", "quoted"), [(" text", "'\" text\"'"), ("title, long", "'\"title, long\"'")])
def test_a_name_that_must_stand_in_quotes(corpus: Corpus, name: str, quoted: str) -> None:
    data = f'id,"{name}"\n1,a\n'
    message = refusal(corpus.reader("corpus.csv", data, [name.replace(",", "").strip()]))
    assert f"(did you mean {name!r}?)" in message
    assert message.endswith(f": --text and --metadata take such a name in double quotes, {quoted}")
    assert corpus.texts("corpus.csv", data, column_names(quoted[1:-1])) == ["a"]


def test_plain_text_has_one_column(corpus: Corpus) -> None:
    message = refusal(corpus.reader("corpus.txt", "a\n", ["title"]))
    assert message.startswith(".txt (plain text): there is no column 'title'")
    assert message.endswith("the columns are: 'text'")


def test_no_text_column_named() -> None:
    with pytest.raises(CorpusError, match="no text column is named"):
        CorpusReader("corpus.csv", [])


def test_unknown_format() -> None:
    with pytest.raises(CorpusError, match="'xml' is not a format: give one of csv, tsv"):
        CorpusReader("corpus.xml", ["text"], format="xml")


@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_duplicate_ids(corpus: Corpus, kind: str) -> None:
    rows = [{"id": each, "text": "a"} for each in ("x", "y", "z", "y")]
    message = refusal(corpus.reader(f"corpus.{kind}", WRITERS[kind](rows), id_column="id"))
    first = {"csv": "line 3", "tsv": "line 3", "jsonl": "line 2", "parquet": "row 2"}[kind]
    second = {"csv": "line 5", "tsv": "line 5", "jsonl": "line 4", "parquet": "row 4"}[kind]
    assert message == (
        f".{kind}, {second}: the id 'y' is already that of {first}: "
        "make the ids unique, or name no id column to number the rows"
    )


def test_a_number_and_its_string_are_one_id(corpus: Corpus) -> None:
    data = as_jsonl([{"id": 1, "text": "a"}, {"id": "1", "text": "b"}])
    assert "line 2: the id '1' is already" in refusal(corpus.reader("corpus.jsonl", data, id_column="id"))


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
@pytest.mark.parametrize("empty", ["", "  ", None])
def test_empty_id(corpus: Corpus, kind: str, empty: str | None) -> None:
    rows: list[dict[str, Any]] = [{"id": "x", "text": "a"}, {"id": empty, "text": "b"}]
    message = refusal(corpus.reader(f"corpus.{kind}", WRITERS[kind](rows), id_column="id"))
    place = {"csv": "line 3", "jsonl": "line 2", "parquet": "row 2"}[kind]
    assert message.startswith(f".{kind}, {place}: the id 'id' is empty")


def test_an_id_missing_in_one_row(corpus: Corpus) -> None:
    data = as_jsonl([{"id": 1, "text": "a"}, {"_id": 2, "text": "b"}])
    message = refusal(corpus.reader("corpus.jsonl", data, id_column="id"))
    assert message == (
        ".jsonl, line 2: there is no column 'id' (did you mean '_id'?); the columns are: '_id', 'text'"
    )


@pytest.mark.parametrize("value", [True, [1], {"a": 1}])
def test_an_id_of_another_type(corpus: Corpus, value: object) -> None:
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
def test_no_documents(corpus: Corpus, name: str, data: bytes, rows: int) -> None:
    assert refusal(corpus.reader(name, data)).startswith(
        f"{name.removeprefix('corpus')} has no documents "
        f"({rows} rows read, {rows} skipped because their text is empty)"
    )
