"""Finds what a program that asks the API of the last release would trip over today, by two OpenAPI documents.

A request that was allowed must stay allowed, and an answer must stay within what was promised. So a removed path, method,
parameter or field is a change that breaks, and so is a field that is newly required, a narrower type of a request, or a
wider one of an answer. New paths, optional fields of a request and more fields of an answer break nothing.

Statuses above 299 are compared where both documents have them; one that is gone breaks nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from dev.schemas import Schemas, members

Document = Mapping[str, Any]
METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
# A heading of a release, of any kind.
HEADING = re.compile(r"^## \[([^\]]+)\]", re.MULTILINE)


def breaking(old: Document, new: Document) -> list[str]:
    """Returns each change that breaks, such as "POST /search: refused now: body.k may be there"."""
    return list(_breaking(old, new))


def unannounced(changes: list[str], changelog: str) -> list[str]:
    """Returns the changes whose route the changelog's newest section doesn't name in a line with "Breaking:"."""
    start = [*HEADING.finditer(changelog)][:2]
    newest = changelog[start[0].end() : start[1].start() if len(start) > 1 else None] if start else ""
    # A line of a list goes on in the lines below it.
    entries = re.split(r"^- ", newest, flags=re.MULTILINE)
    named = {
        route
        for entry in entries
        if "Breaking:" in entry
        for route in re.findall(r"`([A-Z]+ /[^`\s]*)`", entry)
    }
    return [change for change in changes if change.partition(": ")[0] not in named]


def _breaking(old: Document, new: Document) -> Iterator[str]:
    for path, methods in old["paths"].items():
        for method in METHODS:
            if method not in methods:
                continue
            route = f"{method.upper()} {path}"
            if method not in new["paths"].get(path, {}):
                yield f"{route}: it is gone"
                continue
            mine, theirs = methods[method], new["paths"][path][method]
            found = [
                *_parameters(mine, theirs, Schemas(old, new)),
                *_request(mine, theirs, old, new),
                *_answers(mine, theirs, old, new),
            ]
            yield from (f"{route}: {change}" for change in found)


def _parameters(old: Document, new: Document, schemas: Schemas) -> Iterator[str]:
    before, now = (
        {(item["in"], item["name"]): item for item in operation.get("parameters", ())}
        for operation in (old, new)
    )
    for key, parameter in now.items():
        if parameter.get("required") and not before.get(key, {}).get("required"):
            yield f"refused now: the parameter {key[1]} may be absent"
    for key, parameter in before.items():
        if key not in now:
            yield f"the parameter {key[1]} is gone"
            continue
        place = f"refused now: the parameter {key[1]}"
        yield from schemas.differences(parameter.get("schema", {}), now[key].get("schema", {}), place)
        yield from _contents(parameter, now[key], schemas, place)


def _request(old: Document, new: Document, before: Document, now: Document) -> Iterator[str]:
    was, body = old.get("requestBody", {}), new.get("requestBody", {})
    if body.get("required") and not was.get("required"):
        yield "refused now: the body may be absent"
    found = [*_contents(was, body, Schemas(before, now), "refused now: body")]
    yield from found
    for kind, content in was.get("content", {}).items():
        today = body.get("content", {}).get(kind, {}).get("schema", {})
        # What is refused has been said; what is open would be taken, and mean nothing.
        said = [line for line in found if line.endswith(" may be there")]
        for place in _gone(members(before, content.get("schema", {})), members(now, today)):
            if f"refused now: body.{place} may be there" not in said:
                yield f"ignored now: body.{place}"


def _answers(old: Document, new: Document, before: Document, now: Document) -> Iterator[str]:
    for status, answer in old["responses"].items():
        other = new["responses"].get(status)
        if other is None:
            if status.startswith("2"):
                yield f"the answer {status} is gone"
            continue
        for kind, content in answer.get("content", {}).items():
            if kind not in other.get("content", {}):
                yield f"the answer {status} is no longer {kind}"
                continue
            schema, today = content.get("schema", {}), other["content"][kind].get("schema", {})
            place = f"answered now: {status} body"
            # Today's answers must be what was promised, so the two change their places.
            found = Schemas(now, before).differences(today, schema, place)
            yield from found
            for gone in _gone(members(before, schema), members(now, today)):
                if f"{place}.{gone} may be absent" not in found:
                    yield f"the answer {status} has no {gone}"


def _gone(old: set[str], new: set[str]) -> list[str]:
    """Returns the members that are gone, without those of members that are gone themselves."""
    gone = old - new
    parents = {place: place.rpartition(".")[0].rstrip("[]") for place in gone}
    return sorted(place for place, parent in parents.items() if parent not in gone)


def _contents(old: Document, new: Document, schemas: Schemas, place: str) -> Iterator[str]:
    for kind, content in old.get("content", {}).items():
        if kind in new.get("content", {}):
            today = new["content"][kind].get("schema", {})
            yield from schemas.differences(content.get("schema", {}), today, place)
        else:
            yield f"{place} may be {kind}"
