"""Requests of POST /search and of routes by GET, for the tests."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from http_events import make_event, post

from handler.function import Function
from handler.schemas.search import BatchAnswer, SearchAnswer

QUERY = "a storm over Europe"


def ask(function: Function, **fields: Any) -> Any:
    """The answer of POST /search, which must be one."""
    status, answer = post(function, json.dumps(fields), "/search")
    assert status == 200, answer
    (BatchAnswer if "queries" in fields else SearchAnswer).model_validate(answer)
    return answer


def get(function: Function, path: str, headers: Any = None, **parameters: Any) -> Any:
    """The response of a GET with these parameters."""
    event = make_event("GET", path)
    event["rawQueryString"] = urlencode(parameters)
    event["headers"] = {**event["headers"], **(headers or {})}
    return function(event)
