"""Filters give exactly the documents that plain Python finds in their metadata."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filter_oracle import matching, open_columns, random_documents, random_filter

from handler.columns import Columns
from handler.errors import RequestError
from handler.filters import MAX_CONDITIONS, MAX_DEPTH, MAX_VALUES, parse_filter
from handler.openai_filters import parse_openai_filter

TYPES = {
    "whole": "number",
    "small": "number",
    "float": "number",
    "word": "string",
    "code": "string",
    "flag": "boolean",
    "date": "date",
    "tags": "strings",
    "all": "number",
}


def write_corpus(folder: Path, documents: list[dict[str, Any]]) -> Columns:
    path = folder / "corpus.jsonl"
    path.write_text("".join(json.dumps({"text": "x", **metadata}) + "\n" for metadata in documents))
    columns, found = open_columns(folder, path, list(TYPES))
    assert found.left_out == {}
    assert columns is not None
    assert columns.types == TYPES
    return columns


@pytest.mark.parametrize("seed", range(5))
def test_random_filters_as_plain_python(tmp_path: Path, seed: int) -> None:
    chooser = random.Random(seed)
    documents = random_documents(chooser, 400)
    columns = write_corpus(tmp_path, documents)
    passing = []
    for _ in range(400):
        question = random_filter(chooser, TYPES)
        found = parse_filter(question, TYPES).documents(columns)
        assert (found.dtype, found.shape) == (np.dtype(bool), (400,))
        expected = matching(documents, TYPES, question)
        assert (found == expected).all(), question
        passing.append(int(found.sum()))
        # The caller may change it.
        found[:] = False
    # Filters that all or no documents pass would show little.
    assert sum(0 < number < 400 for number in passing) > 150


@pytest.mark.parametrize("codes", [3, 300, 70_000])
def test_codes_of_every_width(tmp_path: Path, codes: int) -> None:
    documents = [{"word": f"v{place % codes}" if place % 7 else ""} for place in range(codes + 50)]
    path = tmp_path / "corpus.jsonl"
    path.write_text("".join(json.dumps({"text": "x", **metadata}) + "\n" for metadata in documents))
    columns, _ = open_columns(tmp_path, path, ["word"])
    assert columns is not None
    types = {"word": "string"}
    for question in (
        *({"word": "v1"}, {"word": {"$lt": "v2"}}, {"word": {"$gte": "v2"}}, {"word": {"$exists": False}}),
        *({"word": {"$in": [f"v{place}" for place in range(0, 300, 3)]}}, {"word": f"v{codes - 1}"}),
    ):
        found = parse_filter(question, types).documents(columns)
        assert (found == matching(documents, types, question)).all(), question


@pytest.mark.parametrize("dtype_of", [100, 30_000, 2**31 - 1, 2**40])
def test_whole_numbers_of_every_width(tmp_path: Path, dtype_of: int) -> None:
    values = [0, dtype_of, -dtype_of, dtype_of - 1]
    documents = [{"n": value} for value in values]
    path = tmp_path / "corpus.jsonl"
    path.write_text("".join(json.dumps({"text": "x", **metadata}) + "\n" for metadata in documents))
    columns, _ = open_columns(tmp_path, path, ["n"])
    assert columns is not None
    for bound in (
        *values,
        dtype_of + 1,
        10**30,
        -(10**30),
        200,
        128,
        -129,
        2**31,
        2**63,
        0.5,
        dtype_of - 0.5,
        1e300,
    ):
        for operator in ("$eq", "$ne", "$gt", "$gte", "$lt", "$lte"):
            question = {"n": {operator: bound}}
            found = parse_filter(question, {"n": "number"}).documents(columns)
            assert (found == matching(documents, {"n": "number"}, question)).all(), question


@pytest.mark.parametrize("most", [127, 2**15 - 1, 2**31 - 1, 2**63 - 1])
@pytest.mark.parametrize("span", [200, 60_000, 2**20, 2**40])
def test_a_long_list_of_whole_numbers_of_every_width(tmp_path: Path, most: int, span: int) -> None:
    chooser = random.Random(span)
    ends = [*range(-most - 1, 4 - most), *range(most - 4, most + 1)]
    documents = [{"n": value} for value in (*ends, *range(-50, 51))]
    path = tmp_path / "corpus.jsonl"
    path.write_text("".join(json.dumps({"text": "x", **metadata}) + "\n" for metadata in documents))
    columns, _ = open_columns(tmp_path, path, ["n"])
    assert columns is not None
    for least in (-most - 1, -span // 2, most + 1 - span):
        wanted: list[int | float] = [chooser.randrange(least, least + span) for _ in range(40)]
        wanted += [least, least + span - 1, 7, 7.0, 7.5, *chooser.choices(ends, k=3)]
        for question in ({"n": {"$in": wanted}}, {"n": {"$in": wanted[:42]}}):
            found = parse_filter(question, {"n": "number"}).documents(columns)
            assert (found == matching(documents, {"n": "number"}, question)).all(), question


def test_openais_form_means_the_same(tmp_path: Path) -> None:
    chooser = random.Random(7)
    columns = write_corpus(tmp_path, random_documents(chooser, 300))
    seen = 0
    while seen < 300:
        question = random_filter(chooser, TYPES)
        translated = translate(question)
        if translated is None:
            continue
        seen += 1
        expected = parse_filter(question, TYPES).documents(columns)
        assert (parse_openai_filter(translated, TYPES).documents(columns) == expected).all(), question


def translate(question: dict[str, Any]) -> dict[str, Any] | None:
    """A filter in OpenAI's form; None where it has no such form."""
    parts: list[dict[str, Any] | None] = []
    for key, value in question.items():
        if key in ("$and", "$or"):
            inner = [translate(part) for part in value]
            parts.append(None if None in inner else {"type": key[1:], "filters": inner})
        elif key == "$not" or (isinstance(value, dict) and "$exists" in value):
            return None
        else:
            conditions = value if isinstance(value, dict) else {"$eq": value}
            parts += [
                {"type": name[1:], "key": key, "value": operand} for name, operand in conditions.items()
            ]
    return None if None in parts else {"type": "and", "filters": parts}


def nested(levels: int) -> dict[str, Any]:
    question: dict[str, Any] = {"all": 1}
    for _ in range(levels):
        question = {"$not": question}
    return question


LISTS = "; the columns are 'whole' (number), 'small' (number), 'float' (number), 'word' (string)"


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (None, 'filter is null, not an object: write {"column": value}'),
        ([], "filter is an array, not an object"),
        ({"yeer": 1}, "filter.yeer: there is no column 'yeer'" + LISTS),
        ({"whole": "1"}, "filter.whole is the string '1', not a number" + LISTS),
        ({"whole": True}, "filter.whole is a boolean, not a number"),
        ({"flag": 1}, "filter.flag is a number, not true or false"),
        ({"word": 1}, "filter.word is a number, not a string"),
        ({"word": None}, 'write {"$exists": false}'),
        ({"word": ["a"]}, 'for one of several values, write {"$in": [...]}'),
        (
            {"tags": {"$eq": ["a"]}},
            "filter.tags.$eq is an array, not a string, which is compared with each item",
        ),
        ({"date": "yesterday"}, "filter.date is the string 'yesterday', not a date such as 2024-05-31"),
        ({"date": "2024-02-30"}, "not a date"),
        ({"date": 1717113600}, "filter.date is a number, not a date"),
        ({"flag": {"$gt": False}}, "filter.flag.$gt: the column 'flag' is boolean, which has no order"),
        ({"all": {}}, "filter.all has no operator: use $eq, $ne"),
        ({"all": {"$gt": 1, "$regex": "x"}}, "filter.all has '$regex', which is no operator"),
        ({"all": {"gt": 1}}, "filter.all has 'gt', which is no operator"),
        ({"all": {"$in": 1}}, "filter.all.$in is a number, not an array"),
        ({"all": {"$in": [1, 2, "3"]}}, "filter.all.$in[2] is the string '3', not a number"),
        ({"all": {"$exists": 1}}, "filter.all.$exists is a number, not true or false"),
        ({"all": float("nan")}, "no number of JSON"),
        ({"all": {"$lt": float("inf")}}, "no number of JSON"),
        ({"$nor": []}, "filter.$nor is no operator of filters"),
        ({"$and": {}}, "filter.$and is an object, not an array"),
        ({"$or": [{"all": 1}, 3]}, "filter.$or[1] is a number, not an object"),
        ({"$not": [1]}, "filter.$not is an array, not an object"),
        (nested(MAX_DEPTH + 1), f"a filter has {MAX_DEPTH} levels at most"),
        ({"$or": [{"all": 1}] * (MAX_CONDITIONS + 1)}, f"a filter has {MAX_CONDITIONS} conditions at most"),
        ({"all": {"$nin": list(range(MAX_VALUES + 1))}}, "has 1,001 values, 1,000 at most"),
        ({"a\nb": 1}, "there is no column 'a\\nb'"),
        ({5: 1}, "there is no column 5"),
    ],
)
def test_a_filter_that_cant_be_asked(question: Any, message: str) -> None:
    with pytest.raises(RequestError) as raised:
        parse_filter(question, TYPES)
    assert message in str(raised.value)
    assert str(raised.value).isprintable()
    assert (raised.value.status, raised.value.code, raised.value.field) == (422, "invalid_request", "filter")


def test_an_error_shows_names_as_they_are_written() -> None:
    types = {"année": "number", "タグ": "strings"}
    for question, message in (
        (
            {"ключ": 1},
            "filter.ключ: there is no column 'ключ'; the columns are 'année' (number), 'タグ' (strings)",
        ),
        ({"タグ": 1}, "filter.タグ is a number, not a string"),
        ({"année": "deux 二"}, "filter.année is the string 'deux 二', not a number"),
        # Both names look the same. No name may turn the line around.
        ({"anne\u0301e": 1}, "('ann\\xe9e' looks like it and has other code points); the columns are"),
        ({"\u202egat\ud800": 1}, "there is no column '\\u202egat\\ud800'; the columns are"),
    ):
        with pytest.raises(RequestError) as raised:
            parse_filter(question, types)
        assert message in str(raised.value)


def test_what_is_just_allowed(tmp_path: Path) -> None:
    columns = write_corpus(tmp_path, random_documents(random.Random(3), 50))
    question: dict[str, Any]
    for question in (
        *(
            nested(MAX_DEPTH),
            {"$or": [{"all": 1}] * MAX_CONDITIONS},
            {"all": {"$in": list(range(MAX_VALUES))}},
        ),
        *({}, {"$and": []}, {"$or": []}, {"all": {"$in": []}}, {"$not": {}}),
    ):
        parse_filter(question, TYPES).documents(columns)


@pytest.mark.parametrize(
    ("question", "message"),
    [
        (3, 'filters is a number, not an object: write {"type": ...}'),
        ({"type": "like"}, "filters.type is 'like', not one of eq, ne"),
        ({"type": "eq", "key": "all"}, "filters has other fields than type, key, value"),
        ({"type": "eq", "key": 3, "value": 1}, "filters.key is a number, not a string"),
        ({"type": "eq", "key": "$and", "value": 1}, "there is no column '$and'"),
        ({"type": "and", "filters": {}}, "filters.filters is an object, not an array"),
        (
            {"type": "or", "filters": [{"type": "gt", "key": "all", "value": "x"}]},
            "filters.filters[0].value is the string",
        ),
        ({"type": ["and"]}, "filters.type is an array, not one of"),
    ],
)
def test_a_filter_in_openais_form_that_cant_be_asked(question: Any, message: str) -> None:
    with pytest.raises(RequestError) as raised:
        parse_openai_filter(question, TYPES)
    assert message in str(raised.value)
    assert raised.value.field == "filters"


def test_no_columns_at_all() -> None:
    with pytest.raises(RequestError, match="the artifact has no columns: export it again with --metadata"):
        parse_filter({"year": 2020}, {})
