"""Says what one JSON Schema allows and another doesn't, for the schemas of OpenAPI documents.

    differences({"type": ["string", "null"]}, {"type": "string"}, "share") -> ["share may be null"]

It knows the keywords that our documents use: type, enum, const, bounds, pattern, properties, required,
additionalProperties, items, anyOf, oneOf, allOf and $ref. Where it can't tell, it names a difference: a pattern that has
changed counts as another one. Members that a schema doesn't describe count as absent, so a new optional one differs in
nothing. It reads no documents; api_changes.py does.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]
# Keywords whose number is the least, or the most, of something.
LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})


class Schemas:
    """The schemas of two documents: those of `narrow` are to be allowed by those of `wide`."""

    def __init__(self, narrow: Schema, wide: Schema) -> None:
        self._narrow = narrow
        self._wide = wide
        self._compared: set[tuple[str, str]] = set()

    def differences(self, narrow: Schema, wide: Schema, place: str) -> list[str]:
        """Returns what `narrow` allows and `wide` doesn't, each with its place; empty where there is nothing."""
        return list(self._differ(narrow, wide, place))

    def _differ(self, narrow: Schema, wide: Schema, place: str) -> Iterator[str]:
        names = (narrow.get("$ref", ""), wide.get("$ref", ""))
        if all(names):
            # A schema that holds itself is compared once.
            if names in self._compared:
                return
            self._compared.add(names)
        narrow, wide = resolve(self._narrow, narrow), resolve(self._wide, wide)
        kinds, others = _alternatives(narrow), _alternatives(wide)
        if len(kinds) == len(others) == 1:
            yield from self._differ_alone(kinds[0], others[0], place)
            return
        for kind in kinds:
            # The alternative that fits best says what is missing: none where one fits.
            found = [self._of_alternative(kind, other, place) for other in others]
            yield from min(found, key=len)

    def _of_alternative(self, kind: Schema, other: Schema, place: str) -> list[str]:
        # What one alternative has compared says nothing of the next one.
        before = set(self._compared)
        found = self.differences(kind, other, place)
        if found:
            self._compared = before
        return found

    def _differ_alone(self, narrow: Schema, wide: Schema, place: str) -> Iterator[str]:
        if "$ref" in narrow or "$ref" in wide:
            yield from self._differ(narrow, wide, place)
            return
        if refused := sorted(_types(narrow) - _types(wide)):
            yield f"{place} may be {' or '.join(refused)}"
            return
        yield from _values(narrow, wide, place)
        yield from _bounds(narrow, wide, place)
        if "pattern" in wide and wide["pattern"] != narrow.get("pattern"):
            yield f"{place} needn't fit the pattern {wide['pattern']}"
        for rule in wide.get("allOf", ()):
            if rule not in narrow.get("allOf", ()) and not _is_idle(rule, narrow):
                yield f"{place} needn't fit the rule {_short(rule)}"
        if "items" in wide:
            yield from self._differ(narrow.get("items", {}), wide["items"], f"{place}[]")
        yield from self._members(narrow, wide, place)

    def _members(self, narrow: Schema, wide: Schema, place: str) -> Iterator[str]:
        mine, theirs = narrow.get("properties", {}), wide.get("properties", {})
        for name in sorted(set(wide.get("required", ())) - set(narrow.get("required", ()))):
            yield f"{place}.{name} may be absent"
        for name, schema in mine.items():
            # Without its own schema, a member is what additionalProperties says, which is anything by default.
            other = theirs.get(name, wide.get("additionalProperties", True))
            if other is False:
                yield f"{place}.{name} may be there"
            elif other is not True:
                yield from self._differ(schema, other, f"{place}.{name}")
        closed = wide.get("additionalProperties") is False
        if closed and _types(narrow) == {"object"} and narrow.get("additionalProperties", True) is not False:
            yield f"{place} may have members of any name"


def resolve(document: Schema, schema: Schema) -> Schema:
    """Returns the schema that a $ref of the document names, or the schema itself."""
    while "$ref" in schema:
        found: Any = document
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        schema = found
    return schema


def members(document: Schema, schema: Schema, place: str = "") -> set[str]:
    """Returns the places of all members that a schema describes, such as "results[].id"."""
    found: set[str] = set()
    _collect(document, schema, place, found, ())
    return found


def _collect(document: Schema, schema: Schema, place: str, found: set[str], within: tuple[str, ...]) -> None:
    if name := schema.get("$ref"):
        # A schema that holds itself has its members once.
        if name not in within:
            _collect(document, resolve(document, schema), place, found, (*within, name))
        return
    for each in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        _collect(document, each, place, found, within)
    if "items" in schema:
        _collect(document, schema["items"], f"{place}[]", found, within)
    for name, member in schema.get("properties", {}).items():
        below = f"{place}.{name}" if place else name
        found.add(below)
        _collect(document, member, below, found, within)


def _is_idle(rule: Schema, narrow: Schema) -> bool:
    """Says whether an if-then rule never applies: its condition asks for members that `narrow` doesn't have."""
    needed = set(rule.get("if", {}).get("required", ()))
    closed = narrow.get("additionalProperties") is False
    return closed and bool(needed - set(narrow.get("properties", {})))


def _alternatives(schema: Schema) -> list[Schema]:
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            return [each for one in schema[keyword] for each in _alternatives(one)]
    if isinstance(schema.get("type"), list):
        return [{**schema, "type": kind} for kind in schema["type"]]
    return [schema]


def _types(schema: Schema) -> frozenset[str]:
    if "type" in schema:
        kinds = frozenset({schema["type"]})
    elif "enum" in schema or "const" in schema:
        kinds = frozenset(map(_type_of, schema.get("enum", [schema.get("const")])))
    else:
        kinds = TYPES
    return kinds | {"integer"} if "number" in kinds else kinds


def _type_of(value: Any) -> str:
    names = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


def _values(narrow: Schema, wide: Schema, place: str) -> Iterator[str]:
    allowed = wide.get("enum", [wide["const"]] if "const" in wide else None)
    if allowed is None:
        return
    values = narrow.get("enum", [narrow["const"]] if "const" in narrow else None)
    if values is None:
        yield f"{place} may be another value than {_short(allowed)}"
        return
    for value in values:
        # In Python, True is 1.
        if not any(value == one and _type_of(value) == _type_of(one) for one in allowed):
            yield f"{place} may be {_short(value)}"


def _bounds(narrow: Schema, wide: Schema, place: str) -> Iterator[str]:
    for keyword in (*LEAST, *MOST):
        if keyword not in wide:
            continue
        bound, limit = narrow.get(keyword), wide[keyword]
        if bound is None or (bound < limit if keyword in LEAST else bound > limit):
            yield f"{place} may go beyond {keyword} {limit}"


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}..."
