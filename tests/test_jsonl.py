"""JSON Lines: what is read, and each way in which a line can be malformed."""

from __future__ import annotations

import json

import pytest
from corpus_files import Corpus, as_jsonl, refusal

from handler.documents import Document


def test_metadata_of_every_type_is_kept(corpus: Corpus) -> None:
    metadata = {"n": None, "b": True, "i": 2**70, "f": 1.5, "s": "\u2028", "l": [1, {"x": []}]}
    reader = corpus.reader(
        "corpus.jsonl", as_jsonl([{"text": "a", "unused": 1, **metadata}]), metadata=[*metadata]
    )
    assert [document.metadata for document in reader] == [metadata]


def test_ids_may_be_numbers(corpus: Corpus) -> None:
    data = as_jsonl([{"id": each, "text": "a"} for each in (7, "x", 1.5, -0)])
    ids = [document.id for document in corpus.reader("corpus.jsonl", data, id_column="id")]
    assert ids == ["7", "x", "1.5", "0"]


def test_some_rows_may_lack_a_column(corpus: Corpus) -> None:
    data = as_jsonl([{"a": "x"}, {"b": "y", "m": 1}, {"a": None, "b": "z"}, {}])
    reader = corpus.reader("corpus.jsonl", b"\n  \n" + data, ["a", "b"], metadata=["m"])
    assert list(reader) == [
        Document("1", "x", {}),
        Document("2", "y", {"m": 1}),
        Document("3", "z", {}),
    ]
    assert (reader.rows, reader.skipped) == (4, 1)


@pytest.mark.parametrize("role", ["text", "metadata"])
def test_a_column_in_no_row_is_unknown(corpus: Corpus, role: str) -> None:
    data = as_jsonl([{"title": "a"}, {"title": "b", "abstract": "c"}])
    text = ["title", "abstrct"] if role == "text" else ["title"]
    reader = corpus.reader("corpus.jsonl", data, text, metadata=["abstrct"] if role == "metadata" else [])
    assert refusal(reader) == (
        ".jsonl: there is no column 'abstrct' (did you mean 'abstract'?); "
        "the columns are: 'title', 'abstract'"
    )


def test_a_surrogate_pair_is_one_character(corpus: Corpus) -> None:
    assert corpus.texts("corpus.jsonl", r'{"text": "\ud83e\udea8 \\ud800"}') == ["🪨 \\ud800"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ('{"text": "a" "m"}', "line 3, column 14: malformed JSON (Expecting ',' delimiter)"),
        ('{"text": "a"', "line 3, column 13: malformed JSON (Expecting ',' delimiter)"),
        ('{"text": "a"} {', "line 3, column 15: malformed JSON (Extra data)"),
        ("{", "line 3, column 2: malformed JSON (Expecting property name enclosed in"),
        ('{"text": "a\tb"}', "line 3, column 12: malformed JSON (Invalid control character"),
        ('["a", "b"]', "line 3 holds an array, not an object"),
        ('"a"', "line 3 holds a string, not an object"),
        ("12", "line 3 holds a number, not an object"),
        ("null", "line 3 holds null, not an object"),
        ('{"text": "a", "text": "b"}', "line 3: 'text' is there twice: leave one out"),
        ('{"text": "a", "m": [{"x": 1, "y": 1, "x": 1}]}', "line 3: 'x' is there twice"),
        ('{"text": "a", "m": NaN}', "line 3: NaN is not a JSON value: write null"),
        ('{"text": "a", "m": [-Infinity]}', "line 3: -Infinity is not a JSON value"),
        ('{"text": "a", "m": 1e999}', "line 3: 1e999 is beyond the range of a number"),
        (
            '{"text": "a", "m": 1' + "0" * 5000 + "}",
            "line 3: 10000000000000000000... has 5,001 digits: write a string",
        ),
        ('{"text": "a", "m": ' + "[" * 200_000, "line 3: the JSON is nested too deeply"),
        (r'{"text": "\ud800"}', "line 3: 'text' holds a lone surrogate (\\ud800)"),
        (r'{"text": "a", "m": ["\uDFFF"]}', "line 3: 'm' holds a lone surrogate (\\udfff)"),
        ('{"text": 12}', "line 3: 'text' holds a number, a text must be a string or null"),
        ('{"text": ["a"]}', "line 3: 'text' holds an array, a text must be a string"),
        ('{"text": false}', "line 3: 'text' holds a boolean, a text must be a string"),
    ],
)
def test_malformed_json(corpus: Corpus, line: str, expected: str) -> None:
    message = refusal(corpus.reader("corpus.jsonl", f'{{"text": "a"}}\n\n{line}\n'))
    assert message.startswith(f".jsonl, {expected}")


@pytest.mark.parametrize("opened", ["[", '{"a":'])
def test_metadata_nested_deeply(corpus: Corpus, opened: str) -> None:
    """It could be read here, and then neither in an answer nor by whoever gets the answer."""
    closed = {"[": "]"}.get(opened, "}")

    def lines(levels: int) -> str:
        return (
            f'{{"text": "a", "other": {"[" * 500 + "]" * 500}, "m": {opened * levels}1{closed * levels}}}\n'
        )

    (document,) = corpus.reader("corpus.jsonl", lines(100), metadata=["m"])
    assert json.dumps(document.metadata["m"]).count(opened[0]) == 100
    message = refusal(corpus.reader("corpus.jsonl", lines(101), metadata=["m"]))
    assert message == ".jsonl, line 1: 'm' is nested more than 100 levels deep: flatten it"


def test_an_array_is_not_json_lines(corpus: Corpus) -> None:
    message = refusal(corpus.reader("corpus.json", '[{"text": "a"}]'))
    assert message.startswith(".json starts with '[', a JSON array: write one object per line")
