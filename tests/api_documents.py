"""A made-up OpenAPI document, and changes of it that break programs or don't."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Change = Callable[[dict[str, Any]], object]

BASE: dict[str, Any] = {
    "paths": {
        "/find": {
            "get": {
                "parameters": [{"in": "query", "name": "q", "schema": {"type": "string", "maxLength": 9}}],
                "responses": {"200": {"content": {"text/html": {}}}, "404": {}},
            },
            "post": {
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Query"}}},
                },
                "responses": {
                    "200": {
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Answer"}}}
                    },
                    "422": {"content": {"application/json": {"schema": {"type": "object"}}}},
                },
            },
        }
    },
    "components": {
        "schemas": {
            "Query": {
                "type": "object",
                "properties": {
                    "text": {"type": "string", "pattern": "a"},
                    "k": {"anyOf": [{"type": "integer", "minimum": 1, "maximum": 9}, {"type": "null"}]},
                    "mode": {"enum": ["one", "two"]},
                    "within": {"$ref": "#/components/schemas/Query"},
                    "names": {"type": "array", "items": {"type": "string"}},
                    "score": {"type": "number"},
                },
                "required": ["text"],
                "additionalProperties": False,
            },
            "Answer": {
                "type": "object",
                "properties": {
                    "id": {"type": "string"},
                    "note": {"type": "string"},
                    "hits": {"type": "array", "items": {"$ref": "#/components/schemas/Hit"}},
                    "mode": {"enum": ["one", "two"]},
                },
                "required": ["id", "hits"],
            },
            "Hit": {
                "type": "object",
                "properties": {"score": {"type": "number"}, "why": {"type": "string"}},
                "required": ["score"],
            },
        }
    },
}


def fields(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"][name]["properties"]
    return found


def schema(document: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = document["components"]["schemas"][name]
    return found


def operation(document: dict[str, Any], method: str) -> dict[str, Any]:
    found: dict[str, Any] = document["paths"]["/find"][method]
    return found


BREAKING: dict[str, tuple[Change, str]] = {
    "a path": (lambda d: d["paths"].clear(), "it is gone"),
    "a method": (lambda d: d["paths"]["/find"].pop("post"), "it is gone"),
    "a parameter": (lambda d: operation(d, "get").pop("parameters"), "the parameter q is gone"),
    "a parameter's type": (
        lambda d: operation(d, "get")["parameters"][0].update(schema={"type": "integer"}),
        "refused now: the parameter q may be string",
    ),
    "a parameter's length": (
        lambda d: operation(d, "get")["parameters"][0]["schema"].update(maxLength=8),
        "refused now: the parameter q may go beyond maxLength 8",
    ),
    "a parameter that is asked for": (
        lambda d: operation(d, "get")["parameters"][0].update(required=True),
        "refused now: the parameter q may be absent",
    ),
    "a new parameter that is asked for": (
        lambda d: operation(d, "get")["parameters"].append({"in": "query", "name": "z", "required": True}),
        "refused now: the parameter z may be absent",
    ),
    "a body that is asked for": (
        lambda d: operation(d, "get").update(requestBody={"required": True}),
        "refused now: the body may be absent",
    ),
    "a body's kind": (
        lambda d: operation(d, "post")["requestBody"].update(content={"text/csv": {}}),
        "refused now: body may be application/json",
    ),
    "a field of a request": (lambda d: fields(d, "Query").pop("k"), "refused now: body.k may be there"),
    "a field that nobody reads": (
        lambda d: (fields(d, "Query").pop("k"), schema(d, "Query").update(additionalProperties=True)),
        "ignored now: body.k",
    ),
    "a field that is asked for": (
        lambda d: schema(d, "Query").update(required=["text", "k"]),
        "refused now: body.k may be absent",
    ),
    "null": (
        lambda d: fields(d, "Query").update(k={"type": "integer", "minimum": 1, "maximum": 9}),
        "refused now: body.k may be null",
    ),
    "a narrower number": (
        lambda d: fields(d, "Query")["k"]["anyOf"][0].update(maximum=8),
        "refused now: body.k may go beyond maximum 8",
    ),
    "whole numbers alone": (
        lambda d: fields(d, "Query").update(score={"type": "integer"}),
        "refused now: body.score may be number",
    ),
    "another pattern": (
        lambda d: fields(d, "Query")["text"].update(pattern="b"),
        "refused now: body.text needn't fit the pattern b",
    ),
    "an item's type": (
        lambda d: fields(d, "Query")["names"]["items"].update(type="integer"),
        "refused now: body.names[] may be string",
    ),
    "fewer items": (
        lambda d: fields(d, "Query")["names"].update(maxItems=3),
        "refused now: body.names may go beyond maxItems 3",
    ),
    "a value of a request": (
        lambda d: fields(d, "Query").update(mode={"enum": ["one"]}),
        'refused now: body.mode may be "two"',
    ),
    "a closed list of values": (
        lambda d: fields(d, "Query").update(score={"enum": [1, 2.5]}),
        "refused now: body.score may be another value than [1, 2.5]",
    ),
    "a rule": (
        lambda d: schema(d, "Query").update(allOf=[{"if": {"required": ["k"]}, "then": False}]),
        'refused now: body needn\'t fit the rule {"if": {"required": ["k"]}, "then": false}',
    ),
    "a success": (lambda d: operation(d, "post")["responses"].pop("200"), "the answer 200 is gone"),
    "an error's kind": (
        lambda d: operation(d, "post")["responses"]["422"].update(content={"application/problem+json": {}}),
        "the answer 422 is no longer application/json",
    ),
    "a field of an answer": (
        lambda d: (fields(d, "Answer").pop("id"), schema(d, "Answer").update(required=["hits"])),
        "answered now: 200 body.id may be absent",
    ),
    "an optional field of an answer": (
        lambda d: fields(d, "Answer").pop("note"),
        "the answer 200 has no note",
    ),
    "a field of a field": (lambda d: fields(d, "Hit").pop("why"), "the answer 200 has no hits[].why"),
    "a field that may be absent": (
        lambda d: schema(d, "Hit").update(required=[]),
        "answered now: 200 body.hits[].score may be absent",
    ),
    "an answer that may be null": (
        lambda d: fields(d, "Hit").update(score={"type": ["number", "null"]}),
        "answered now: 200 body.hits[].score may be null",
    ),
    "a new value of an answer": (
        lambda d: fields(d, "Answer").update(mode={"enum": ["one", "two", "three"]}),
        'answered now: 200 body.mode may be "three"',
    ),
}
HARMLESS: dict[str, Change] = {
    "nothing": lambda d: None,
    "a new path": lambda d: d["paths"].update({"/more": {"get": {"responses": {}}}}),
    "a new method": lambda d: d["paths"]["/find"].update(put={"responses": {}}),
    "a new parameter": lambda d: operation(d, "get")["parameters"].append({"in": "query", "name": "z"}),
    "a new field of a request": lambda d: fields(d, "Query").update(share={"type": "number"}),
    "a rule of a new field alone": lambda d: (
        fields(d, "Query").update(share={"type": "number"}),
        schema(d, "Query").update(allOf=[{"if": {"required": ["share"]}, "then": {"required": ["mode"]}}]),
    ),
    "a wider number": lambda d: fields(d, "Query")["k"]["anyOf"][0].update(maximum=10),
    "any number": lambda d: fields(d, "Query").update(k={"type": ["number", "null"]}),
    "a new value of a request": lambda d: fields(d, "Query").update(mode={"enum": ["two", "three", "one"]}),
    "no pattern": lambda d: fields(d, "Query")["text"].pop("pattern"),
    "a field needn't be sent": lambda d: schema(d, "Query").pop("required"),
    "a new field of an answer": lambda d: fields(d, "Hit").update(more={"type": "string"}),
    "an answer that is always there": lambda d: schema(d, "Answer").update(required=["id", "hits", "note"]),
    "an answer of whole numbers": lambda d: fields(d, "Hit").update(score={"type": "integer"}),
    "a value that is answered no more": lambda d: fields(d, "Answer").update(mode={"const": "one"}),
    "an error that is gone": lambda d: operation(d, "get")["responses"].pop("404"),
    "a new error": lambda d: operation(d, "get")["responses"].update({"400": {}}),
    "words": lambda d: fields(d, "Query")["text"].update(description="What is asked.", examples=["a"]),
}
