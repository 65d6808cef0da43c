"""What is stored of the metadata's columns: descriptions and counts against plain Python, and damaged files."""

from __future__ import annotations

import random
from collections import Counter
from datetime import UTC
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from corpus_files import as_jsonl
from filter_oracle import held, open_columns, random_documents
from safetensors.numpy import load_file

from handler.artifact import COLUMNS_FILE
from handler.columns import Columns
from handler.errors import ArtifactError, RequestError
from handler.filters import parse_filter
from handler.safetensors import read_safetensors

NAMES = ["whole", "small", "float", "word", "code", "flag", "date", "tags", "all"]


def columns_of(folder: Path, documents: list[dict[str, Any]], names: list[str] = NAMES) -> Columns:
    path = folder / "corpus.jsonl"
    path.write_bytes(as_jsonl([{"text": "t", **metadata} for metadata in documents]))
    columns, found = open_columns(folder, path, names)
    assert found.left_out == {}
    assert columns is not None
    return columns


def as_value(kind: str, value: Any) -> Any:
    """A value as it is written in JSON, from what the oracle compares."""
    if kind != "date":
        return value
    at = value.astimezone(UTC)
    midnight = (at.hour, at.minute, at.second, at.microsecond) == (0, 0, 0, 0)
    return f"{at.date()}" if midnight else at.isoformat().replace("+00:00", "Z")


def slow_counts(documents: list[dict[str, Any]], name: str, kind: str, most: int) -> list[dict[str, Any]]:
    counts = Counter(value for metadata in documents for value in set(held(kind, metadata.get(name))))
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return [{"value": as_value(kind, value), "count": count} for value, count in ordered[:most]]


@pytest.mark.parametrize("count", [1, 40, 3000])
def test_counts_as_plain_python(tmp_path: Path, count: int) -> None:
    chooser = random.Random(count)
    documents = [{**dict.fromkeys(NAMES), **metadata} for metadata in random_documents(chooser, count)]
    documents.append(
        {
            **{"whole": 1, "small": 1, "float": 0.5, "word": "a", "code": "c", "flag": True, "date": "2020-01-01"},
            **{"tags": ["a", "a", "b"], "all": 1},
        }
    )  # fmt: skip
    columns = columns_of(tmp_path, documents)
    for share in (0.0, 0.1, 1.0):
        mask = np.array([chooser.random() < share for _ in documents])
        some = [metadata for metadata, chosen in zip(documents, mask, strict=True) if chosen]
        for name, kind in columns.types.items():
            assert columns.counts(name, mask) == slow_counts(some, name, kind, 100), name


def test_descriptions_as_plain_python(tmp_path: Path) -> None:
    documents = random_documents(random.Random(1), 2000)
    columns = columns_of(tmp_path, documents)
    described = columns.describe()
    assert [column["name"] for column in described] == NAMES
    for column in described:
        name, kind = column["name"], column["type"]
        values = [held(kind, metadata.get(name)) for metadata in documents]
        assert column["documents"] == sum(map(bool, values)), name
        flat = {value for each in values for value in each}
        if kind in ("number", "date"):
            assert set(column) == {"name", "type", "documents", "min", "max"}
            assert (column["min"], column["max"]) == (as_value(kind, min(flat)), as_value(kind, max(flat)))
        else:
            assert set(column) == {"name", "type", "documents", "distinct", "values"}
            assert column["distinct"] == len(flat)
            assert column["values"] == slow_counts(documents, name, kind, 20)
            assert len({type(item["value"]) for item in column["values"]}) == 1


def test_a_column_that_is_told_and_empty(tmp_path: Path) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(as_jsonl([{"text": "t", **dict.fromkeys("nsbdl")}] * 3))
    told = {"n": "number", "s": "string", "b": "boolean", "d": "date", "l": "strings"}
    columns, _ = open_columns(tmp_path, path, list(told), **told)
    assert columns is not None
    assert columns.types == told
    for column in columns.describe():
        assert column["documents"] == 0
        assert column.get("min") is column.get("max") is None
        assert column.get("values", []) == []
        assert columns.counts(column["name"], np.ones(3, np.bool_)) == []
        assert not parse_filter({column["name"]: {"$exists": True}}, told).documents(columns).any()


def test_no_such_column_to_count(tmp_path: Path) -> None:
    columns = columns_of(tmp_path, [{"a": 1}], ["a"])
    with pytest.raises(
        RequestError, match=r"there is no column 'b' to count; the columns are 'a' \(number\)"
    ) as raised:
        columns.counts("b", np.ones(1, np.bool_))
    assert (raised.value.status, raised.value.field) == (422, "facets")


def test_small_values_take_few_bytes(tmp_path: Path) -> None:
    documents = [
        {"year": 1990 + row % 40, "kind": f"k{row % 9}", "flag": row % 2 == 0} for row in range(10_000)
    ]
    columns_of(tmp_path, documents, ["year", "kind", "flag"])
    assert (tmp_path / COLUMNS_FILE).stat().st_size < 10_000 * (2 + 1 + 1) + 2_000


def test_the_same_documents_give_the_same_bytes(tmp_path: Path) -> None:
    documents = random_documents(random.Random(5), 500)
    written = []
    for _ in range(2):
        columns_of(tmp_path, documents)
        written.append((tmp_path / COLUMNS_FILE).read_bytes())
    assert written[0] == written[1]


TYPES = {"s": "string", "n": "number", "f": "number", "b": "boolean", "d": "date", "l": "strings"}
GOOD: list[dict[str, Any]] = [
    {"s": "a", "n": 1, "f": 0.5, "b": True, "d": "2024-05-31", "l": ["a", "b"]},
    {"s": "b", "n": None, "f": 1.5, "b": False, "d": "2024-06-01", "l": ["b"]},
    {"s": "", "n": 300, "f": None, "b": None, "d": None, "l": []},
]
ANY = {name: {"$exists": True} for name in TYPES}


@pytest.fixture
def tensors(tmp_path: Path) -> dict[str, Any]:
    """The tensors of a good file."""
    columns_of(tmp_path, GOOD, list(TYPES))
    found: dict[str, Any] = load_file(tmp_path / COLUMNS_FILE)
    parse_filter(ANY, TYPES).documents(Columns(found, TYPES, 3))
    return found


@pytest.mark.parametrize(
    ("name", "damaged", "message"),
    [
        ("0.codes", None, "no tensor '0.codes' of uint8 or uint16 or int32"),
        ("0.codes", np.zeros((3, 1), np.uint8), "in one axis"),
        ("0.codes", np.zeros(3, np.float64), "no tensor '0.codes' of uint8"),
        ("0.codes", np.zeros(2, np.uint8), "has 2 items, the manifest says 3 documents"),
        ("0.text_ends", np.zeros(0, np.uint32), "tensor '0.text_ends' is empty"),
        ("0.text", None, "no tensor '0.text' of uint8"),
        ("1.numbers", np.zeros(4, np.int64), "has 4 items"),
        ("1.present", np.zeros(2, np.uint8), "has 2 items"),
        ("5.documents", np.zeros(3, np.int64), "no tensor '5.documents' of int32"),
        ("5.document_ends", None, "no tensor '5.document_ends' of uint32"),
    ],
)
def test_a_damaged_file_is_refused(tensors: dict[str, Any], name: str, damaged: Any, message: str) -> None:
    if damaged is None:
        del tensors[name]
    else:
        tensors[name] = damaged
    with pytest.raises(ArtifactError) as raised:
        Columns(tensors, TYPES, 3)
    assert message in str(raised.value)
    assert str(raised.value).endswith(": run `seeklet export` again")


@pytest.mark.parametrize(
    ("name", "damaged", "message"),
    [
        ("0.codes", np.array([0, 1, 3], np.uint8), "codes from 0 to 3 for 2 values"),
        ("0.codes", np.array([0, -1, 1], np.int32), "codes from -1 to 1"),
        ("0.text_ends", np.array([0, 1, 9], np.uint32), "ends of strings that don't rise"),
        ("1.present", np.array([0, 1, 2], np.uint8), "marks of presence above 1"),
        ("2.numbers", np.array([0, np.inf, 2]), "infinite numbers"),
        ("3.numbers", np.array([0, 1, 2], np.int8), "values from 0 to 2, not from 0 to 1"),
        ("4.numbers", np.array([0, 1, 2**62]), "values from 0 to"),
        ("5.documents", np.array([0, 3, 1], np.int32), "documents outside of 0 to 2"),
        ("5.documents", np.array([0, -1, 1], np.int32), "documents outside of 0 to 2"),
        ("5.document_ends", np.array([0, 2, 1], np.uint32), "ends of documents that don't rise"),
        ("5.document_ends", np.array([0, 1, 2, 3], np.uint32), "ends of documents that don't rise"),
    ],
)
def test_a_damaged_column_is_refused_by_the_filter_that_reads_it(
    tensors: dict[str, Any], name: str, damaged: Any, message: str
) -> None:
    tensors[name] = damaged
    columns = Columns(tensors, TYPES, 3)
    hit = list(TYPES)[int(name[0])]
    parse_filter({other: {"$exists": True} for other in TYPES if other != hit}, TYPES).documents(columns)
    for read in (lambda: parse_filter(ANY, TYPES).documents(columns), columns.describe):
        with pytest.raises(ArtifactError, match=r"columns\.safetensors has a damaged column") as raised:
            read()
        assert message in str(raised.value)


def test_a_damaged_text_is_told(tensors: dict[str, Any]) -> None:
    tensors["0.text"] = np.array([255, 255], np.uint8)
    with pytest.raises(ArtifactError, match="has a value of 's' that is not UTF-8"):
        Columns(tensors, TYPES, 3).describe()


def test_random_damage_is_refused_or_does_no_harm(tmp_path: Path) -> None:
    columns_of(tmp_path, GOOD, list(TYPES))
    whole = (tmp_path / COLUMNS_FILE).read_bytes()
    rng = random.Random(0)
    refused: list[str] = []
    for _ in range(400):
        data = bytearray(whole)
        for _ in range(rng.randrange(1, 4)):
            data[rng.choice([rng.randrange(8), rng.randrange(len(data))])] ^= 1 << rng.randrange(8)
        damaged = tmp_path / "damaged"
        damaged.write_bytes(data[: rng.choice([len(data), len(data), rng.randrange(len(data))])])
        try:
            columns = Columns(read_safetensors(damaged), TYPES, 3)
            for question in (
                ANY,
                {"s": {"$lt": "b"}, "l": {"$in": ["a", "b"]}},
                {"n": 300, "d": {"$gt": "2024-05-31"}},
            ):
                assert parse_filter(question, TYPES).documents(columns).shape == (3,)
            columns.describe()
            for name in TYPES:
                columns.counts(name, np.array([True, False, True]))
        except ArtifactError as error:
            refused.append(str(error))
    assert 100 < len(refused) < 400
    assert [message for message in refused if not message.isprintable()] == []
