"""The types of metadata columns, found in real corpora of every format or told, and what is stored of their values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from corpus_files import as_csv, as_jsonl, as_parquet, as_tsv
from filter_oracle import open_columns

from export.build.column_types import check_told
from handler.columns import Columns
from handler.errors import CorpusError, OptionError
from handler.filters import parse_filter


def of(folder: Path, name: str, content: bytes, **told: str) -> tuple[str, Columns | None]:
    """The type of the column x, or why there is none."""
    path = folder / name
    path.write_bytes(content)
    columns, found = open_columns(folder, path, ["x"], **told)
    return (found.types["x"].kind if columns else found.left_out["x"]), columns


def rows(values: list[Any]) -> list[dict[str, Any]]:
    return [{"text": "t", "x": value} for value in values]


@pytest.mark.parametrize("as_table", [as_csv, as_tsv])
@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (["2019", "", "2021"], "number"),
        (["1.5", "-2", "3e2", ".5", "7.", "0", "-0", "0.0"], "number"),
        ([" 5 ", "6", "  "], "number"),
        (["01234", "98101"], "string"),
        (["-01", "2"], "string"),
        (["00"], "string"),
        (["+49", "1"], "string"),
        (["1,000", "2"], "string"),
        (["1_000", "2"], "string"),
        (["nan", "1"], "string"),
        (["inf", "1"], "string"),
        (["0x1F"], "string"),
        (["\u0661"], "string"),
        (["1e400"], "string"),
        (["1e-400"], "string"),
        (["1e-99999999999999999999999"], "string"),
        (["9223372036854775807", "-9223372036854775808"], "number"),
        (["9223372036854775808"], "number"),  # 2 to the 63rd is a float64
        (["12345678901234567890"], "string"),
        (["9007199254740993"], "number"),
        (["9007199254740993", "0.5"], "string"),
        (["0.1", "0.30000000000000004", "1.50"], "number"),
        (["0.1234567890123456789"], "string"),
        (["3.14159265358979323846"], "string"),
        (["true", "false", ""], "boolean"),
        (["True", "FALSE"], "boolean"),
        (["yes", "no"], "string"),
        (["true", "1"], "string"),
        (["2024-05-31", "1970-01-01T00:00:00+02:00"], "date"),
        (["2024-05-31", "2024-02-30"], "string"),
        (["2024-05-31", "soon"], "string"),
        (["2024-05", "2024-06"], "string"),
        (["20240531", "20240601"], "number"),
        (["a", "b"], "string"),
        ([" ", "\t "], "string"),
        (["a" * 1_000], "string"),
        (["a" * 1_001, "b"], "texts of more than 1,000 characters"),
        (["", ""], "no document has a value"),
        (["['a']"], "string"),
    ],
)  # fmt: skip
def test_found_in_strings(tmp_path: Path, as_table: Any, values: list[str], kind: str) -> None:
    if as_table is as_tsv and "\t " in values:
        pytest.skip("a tab separates fields")
    name = f"corpus.{as_table.__name__[3:]}"
    assert of(tmp_path, name, as_table(rows(values)))[0] == kind


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([2019, None, 2021], "number"),
        ([1, 2.5, 1e300], "number"),
        ([2**63 - 1, -(2**63)], "number"),
        ([2**64 + 1], "numbers that neither int64 nor float64 holds exactly"),
        ([2**53 + 1, 0.5], "numbers that neither int64 nor float64 holds exactly"),
        ([10**400], "numbers that neither int64 nor float64 holds exactly"),
        ([2**53 + 1, 1.0], "number"),
        ([True, False, None], "boolean"),
        ([True, 1], "values of different types: boolean, number"),
        (["a", 1], "values of different types: number, string"),
        (["2019", "2020"], "string"),
        (["true"], "string"),
        (["2024-05-31", ""], "date"),
        ([["a", "b"], [], None, ["", None]], "strings"),
        ([["a"], "b"], "values of different types: string, strings"),
        ([["a", 1]], "each value is a nested list"),
        ([[1, 2]], "each value is a nested list"),
        ([{"a": 1}], "each value is a nested object"),
        ([{}], "each value is a nested object"),
        ([["a" * 1_001]], "texts of more than 1,000 characters"),
        ([None, "", [], ["", None]], "no document has a value"),
    ],
)
def test_found_in_json(tmp_path: Path, values: list[Any], kind: str) -> None:
    assert of(tmp_path, "corpus.jsonl", as_jsonl(rows(values)))[0] == kind


@pytest.mark.parametrize(
    ("values", "arrow", "kind"),
    [
        ([1, None, 3], "int32", "number"),
        ([2**64 - 2**11], "uint64", "number"),
        ([0.1, 1e300], "float64", "number"),
        ([0.5, None], "float32", "number"),
        ([True, None], "bool_", "boolean"),
        (["a", None], "string", "string"),
        (["2019"], "string", "string"),
        ([19_000], "date32", "date"),
        ([10**15 + 1], "timestamp", "date"),
        ([["a"], None, []], "list", "strings"),
        ([[1]], "list", "each value is a nested list"),
    ],
)
def test_found_in_parquet(tmp_path: Path, values: list[Any], arrow: str, kind: str) -> None:
    import importlib

    pa: Any = importlib.import_module("pyarrow")
    kinds: dict[str, Any] = {"timestamp": pa.timestamp("us", "UTC"), "list": None}
    array = pa.array(values, kinds[arrow] if arrow in kinds else getattr(pa, arrow)())
    content = as_parquet({"text": ["t"] * len(values), "x": array})
    assert of(tmp_path, "corpus.parquet", content)[0] == kind


@pytest.mark.parametrize(
    ("kind", "value", "question"),
    [
        ("string", "2019", {"$eq": "2019"}),
        ("string", 5, {"$eq": "5"}),
        ("string", True, {"$eq": "true"}),
        ("string", "a" * 2_000, {"$gt": "a"}),
        ("number", "007", {"$eq": 7}),
        ("number", "+1.5", {"$eq": 1.5}),
        ("number", 7, {"$eq": 7}),
        ("boolean", "1", {"$eq": True}),
        ("boolean", 0, {"$eq": False}),
        ("boolean", "TRUE", {"$eq": True}),
        ("date", "2024-05-31", {"$eq": "2024-05-31T00:00:00Z"}),
        ("strings", "a", {"$eq": "a"}),
        ("strings", ["a", 5, ""], {"$eq": "5"}),
    ],
)
def test_told(tmp_path: Path, kind: str, value: Any, question: Any) -> None:
    found, columns = of(tmp_path, "corpus.jsonl", as_jsonl(rows([value, None, " "])), x=kind)
    assert found == kind
    assert columns is not None
    passing = parse_filter({"x": question}, columns.types).documents(columns)
    assert passing.tolist() == [True, False, False]


@pytest.mark.parametrize(
    ("kind", "value", "message"),
    [
        ("number", "abc", "holds the string 'abc', which is not of type number"),
        ("number", True, "holds a boolean, which is not of type number"),
        (
            "number",
            10**30 + 1,
            f"holds the number {10**30 + 1}, and neither int64 nor float64 holds all of them exactly",
        ),
        ("string", {"a": 1}, "holds an object, which is not of type string"),
        ("string", ["a"], "holds an array, which is not of type string"),
        ("boolean", "yes", "holds the string 'yes', which is not of type boolean"),
        ("boolean", 2, "holds a number, which is not of type boolean"),
        ("date", "31.5.2024", "holds the string '31.5.2024', which is not of type date"),
        ("date", 20240531, "holds a number, which is not of type date"),
        ("strings", [["a"]], "holds an array, which is not of type strings"),
    ],
)
def test_told_and_wrong(tmp_path: Path, kind: str, value: Any, message: str) -> None:
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(as_jsonl([{"text": "", "x": 1}, *rows([None, "", value])]))
    with pytest.raises(CorpusError) as raised:
        open_columns(tmp_path, path, ["x"], x=kind)
    # The first row is empty, so that the third document has the id 4.
    assert str(raised.value).startswith(f"{path}, document 3 (id '4'): the column 'x' {message}")
    assert str(raised.value).endswith(": mend it, or give another type in --column")


def test_told_none_or_a_name_of_operators(tmp_path: Path) -> None:
    assert of(tmp_path, "corpus.jsonl", as_jsonl(rows([1])), x="none") == ("as told", None)
    path = tmp_path / "corpus.jsonl"
    path.write_bytes(as_jsonl([{"text": "t", "$x": 1, "n" * 201: 1, "y": 1}]))
    columns, found = open_columns(tmp_path, path, ["$x", "n" * 201, "y"], y="string")
    assert columns is not None
    assert columns.types == {"y": "string"}
    assert found.left_out["$x"] == "its name begins with $, as operators do"
    assert found.left_out["n" * 201] == "its name is longer than 200 characters"


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (
            {"x": "integer"},
            "--column 'x': 'integer' is no type of a column: give one of string, number, boolean, date",
        ),
        ({"y": "number"}, "--column names 'y', --metadata doesn't: add it to --metadata"),
        (
            {"$x": "number"},
            "--column '$x': its name begins with $, as operators do: rename it, or give the type none",
        ),
    ],
)
def test_options_that_cant_be(told: dict[str, str], message: str) -> None:
    with pytest.raises(OptionError) as raised:
        check_told(told, ["x", "$x"])
    assert message in str(raised.value)
    check_told({"$x": "none", "x": "date"}, ["x", "$x"])


def test_too_many_columns(tmp_path: Path) -> None:
    names = [f"c{number}" for number in range(501)]
    path = tmp_path / "corpus.jsonl"
    path.write_text(json.dumps({"text": "t", **dict.fromkeys(names, 1)}) + "\n")
    with pytest.raises(CorpusError, match="501 metadata columns, at most 500 can be filtered"):
        open_columns(tmp_path, path, names)
    columns, _ = open_columns(tmp_path, path, names, c0="none")
    assert columns is not None
    assert len(columns.describe()) == 500
