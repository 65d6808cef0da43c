"""A function with several indexes, and what it is asked, for the tests of INDEXES."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from http_events import make_event
from releases import QUERY

from handler.function import Function
from handler.searcher import Searcher
from handler.settings import Settings

Artifacts = dict[str, Path]


def serve(indexes: dict[str, Path | str], **variables: str) -> Function:
    given = ",".join(f"{name}={place}" for name, place in indexes.items())
    environ = {"INDEXES": given, "ARTIFACT_DIR": "/nowhere", "THREADS": "1", **variables}
    return Function.load(Settings.from_env(environ))


def send(function: Function, method: str, path: str, body: Any = "", query: str = "", **headers: str) -> Any:
    text = body if isinstance(body, str) else json.dumps(body)
    answer = function(make_event(method, path, text, rawQueryString=query, headers=headers))
    parsed = json.loads(answer["body"]) if "json" in answer["headers"].get("content-type", "") else None
    return answer["statusCode"], parsed, answer["headers"]


def found(function: Function, path: str) -> list[str]:
    status, answer, _ = send(function, "POST", path, {"query": QUERY, "k": 5})
    assert status == 200, answer
    return [hit["id"] for hit in answer["results"]]


def right(artifact: Path) -> list[str]:
    return [hit.id for hit in Searcher.load(artifact).search(QUERY, 5)]


def loaded(function: Function) -> list[str]:
    return [one["name"] for one in send(function, "GET", "/indexes")[1]["indexes"] if one["loaded"]]
