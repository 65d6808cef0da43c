"""Parquet: what its types become, and what is refused."""

from __future__ import annotations

import datetime
import decimal
import json
import sys
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from corpus_files import Corpus, as_parquet, pa, refusal

from export.corpus.corpus_file import MAX_LINE


def test_values_become_json(corpus: Corpus) -> None:
    values: dict[str, tuple[Any, Any]] = {
        "date": (pa.array([datetime.date(2026, 1, 2)]), "2026-01-02"),
        "time": (pa.array([datetime.time(1, 2, 3)]), "01:02:03"),
        "stamp": (pa.array([1], pa.timestamp("ns")), "1970-01-01T00:00:00"),
        "zoned": (pa.array([1], pa.timestamp("s", "UTC")), "1970-01-01T00:00:01+00:00"),
        "nanotime": (pa.array([1001], pa.time64("ns")), "00:00:00.000001"),
        "span": (pa.array([1_500_000_001], pa.duration("ns")), 1.5),
        "nanos": (
            pa.array([[{"a": [1001]}]], pa.list_(pa.struct([("a", pa.large_list(pa.timestamp("ns")))]))),
            [{"a": ["1970-01-01T00:00:00.000001"]}],
        ),
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
def test_text_may_be_of_every_string_type(corpus: Corpus, kind: Any) -> None:
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
            "rows 1 to 2: column 'm' of type date32[day] has a value for which Python has no type",
        ),
    ],
)
def test_values_json_cant_hold(corpus: Corpus, column: Any, expected: str) -> None:
    data = as_parquet({"text": ["a", "b"], "m": column})
    message = refusal(corpus.reader("corpus.parquet", data, metadata=["m"]))
    assert message.startswith(f".parquet, {expected}")


@pytest.mark.parametrize(
    ("column", "kind"), [([1], "int64"), ([b"x"], "binary"), ([["x"]], "list<element: string>")]
)
def test_text_of_another_type(corpus: Corpus, column: list[Any], kind: str) -> None:
    message = refusal(corpus.reader("corpus.parquet", as_parquet({"text": column})))
    assert message.startswith(f".parquet: column 'text' is of type {kind}, a text must be")


def test_bytes_that_are_not_utf8(corpus: Corpus) -> None:
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
def test_malformed_parquet(corpus: Corpus, damage: Callable[[bytes], bytes]) -> None:
    # Random text, lest compression make the pages too small to damage.
    data = as_parquet({"text": [str(uuid.uuid4()) for _ in range(100)]})
    message = refusal(corpus.reader("corpus.parquet", damage(data)))
    assert message.startswith(".parquet, after row 0, can't be read as Parquet (")


def test_rows_number_the_errors(corpus: Corpus) -> None:
    data = as_parquet({"id": ["x", "y", "x"], "text": ["a", "b", "c"]})
    message = refusal(corpus.reader("corpus.parquet", data, id_column="id"))
    assert message.startswith(".parquet, row 3: the id 'x' is already that of row 1")


def test_without_pyarrow(corpus: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    message = refusal(corpus.reader("corpus.parquet", as_parquet({"text": ["a"]})))
    assert message == ".parquet: Parquet needs pyarrow: pip install pyarrow"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("text", "c" * (MAX_LINE + 1)),
        ("m", "c" * (MAX_LINE + 1)),
        ("m", ["c" * (MAX_LINE >> 1)] * 3),
        ("m", {"a": "c" * MAX_LINE, "b": "c"}),
    ],
    ids=["text", "metadata", "list", "struct"],
)
def test_a_field_has_a_limit(corpus: Corpus, name: str, value: Any) -> None:
    columns: dict[str, Any] = {"text": pa.array(["a", "b"]), "m": pa.array(["c", "d"])}
    columns[name] = pa.array([None, value])
    message = refusal(corpus.reader("corpus.parquet", as_parquet(columns), metadata=["m"]))
    assert message.startswith(f".parquet, row 2: column '{name}' has more than 16 Mi characters: shorten")


def test_a_field_may_be_as_long_as_the_limit(corpus: Corpus) -> None:
    data = as_parquet({"text": ["c" * MAX_LINE]})
    assert [len(text) for text in corpus.texts("corpus.parquet", data)] == [MAX_LINE]
