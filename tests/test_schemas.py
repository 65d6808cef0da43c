"""One JSON Schema within another, against jsonschema: where nothing is said to differ, no value tells the two apart."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dev.schemas import Schemas, members

pytestmark = pytest.mark.supply

PLAIN: list[Any] = [None, True, False, 0, 1, 2, 3, 1.5, "", "a", "ab", "abc"]
SMALL: list[Any] = [*PLAIN, [], ["a"], [1], [1, 2], ["a", 1]]
VALUES: list[Any] = [
    *SMALL,
    *({"a": value} for value in SMALL),
    *({"b": value} for value in PLAIN),
    *({"a": one, "b": other} for one, other in itertools.product(PLAIN, PLAIN)),
    {},
    {"c": 1},
    {"a": 1, "c": 1},
    {"a": {"a": 1}},
    {"a": {"b": "a"}},
    [["a"]],
    [{"a": 1}],
]

BOUNDS = {
    "integer": ("minimum", "maximum"),
    "number": ("minimum", "maximum"),
    "string": ("minLength", "maxLength"),
    "array": ("minItems", "maxItems"),
}


def with_bounds(kind: str) -> st.SearchStrategy[dict[str, Any]]:
    bounds = {name: st.integers(0, 3) for name in BOUNDS.get(kind, ())}
    return st.fixed_dictionaries({"type": st.just(kind)}, optional=bounds)


def within(schemas: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    arrays = st.fixed_dictionaries({"type": st.just("array")}, optional={"items": schemas})
    objects = st.fixed_dictionaries(
        {"type": st.just("object")},
        optional={
            "properties": st.dictionaries(st.sampled_from("ab"), schemas, max_size=2),
            "required": st.lists(st.sampled_from("ab"), unique=True),
            "additionalProperties": st.booleans(),
        },
    )
    several = st.fixed_dictionaries({"anyOf": st.lists(schemas, min_size=1, max_size=3)})
    return st.one_of(arrays, objects, several)


LEAVES = st.one_of(
    st.sampled_from([*BOUNDS, "null", "boolean"]).flatmap(with_bounds),
    st.fixed_dictionaries({"enum": st.lists(st.sampled_from(PLAIN), min_size=1, max_size=3)}),
    st.fixed_dictionaries({"const": st.sampled_from(PLAIN)}),
    st.fixed_dictionaries(
        {"type": st.lists(st.sampled_from([*BOUNDS, "null"]), min_size=1, max_size=2, unique=True)}
    ),
    st.just({}),
)
SCHEMAS = st.recursive(LEAVES, within, max_leaves=4)


def closed(schema: dict[str, Any]) -> dict[str, Any]:
    """The same without members that it doesn't describe."""
    made = dict(schema)
    if "anyOf" in made:
        return {"anyOf": [closed(each) for each in made["anyOf"]]}
    if "items" in made:
        made["items"] = closed(made["items"])
    made["properties"] = {name: closed(each) for name, each in made.get("properties", {}).items()}
    return {**made, "additionalProperties": False}


@settings(max_examples=600, deadline=None, suppress_health_check=list(HealthCheck))
@given(SCHEMAS, SCHEMAS)
def test_what_is_within_has_no_value_of_its_own(narrow: dict[str, Any], wide: dict[str, Any]) -> None:
    from jsonschema import Draft202012Validator as Validator  # type: ignore[import-untyped]

    inner, outer = Validator(closed(narrow)), Validator(wide)
    own = [value for value in VALUES if inner.is_valid(value) and not outer.is_valid(value)]
    found = Schemas({}, {}).differences(narrow, wide, "it")
    assert found or not own, (own[:5], narrow, wide)
    assert Schemas({}, {}).differences(narrow, narrow, "it") == []


def test_true_is_not_1() -> None:
    narrow, wide = {"enum": [True, 1]}, {"enum": [1, "a", False]}
    assert Schemas({}, {}).differences(narrow, wide, "it") == ["it may be true"]


def test_a_schema_that_holds_itself() -> None:
    document = {
        "components": {
            "schemas": {
                "Tree": {
                    "type": "object",
                    "properties": {
                        "left": {"$ref": "#/components/schemas/Tree"},
                        "n": {"type": "integer"},
                    },
                    "required": ["n"],
                }
            }
        }
    }
    other = {
        "components": {
            "schemas": {
                "Tree": {
                    "type": "object",
                    "properties": {"left": {"$ref": "#/components/schemas/Tree"}, "n": {"type": "number"}},
                }
            }
        }
    }
    tree = {"$ref": "#/components/schemas/Tree"}
    assert Schemas(document, other).differences(tree, tree, "it") == []
    assert Schemas(other, document).differences(tree, tree, "it") == [
        "it.n may be absent",
        "it.n may be number",
    ]
    assert members(document, tree) == {"left", "n"}
