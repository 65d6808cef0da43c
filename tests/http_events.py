"""Requests for the tests: the sample events, bodies that are refused, random ones, and how to send them."""

from __future__ import annotations

import base64
import copy
import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from handler.function import Function
from handler.hits import Hit
from handler.schemas.about import Problem
from handler.schemas.similar import ErrorResponse
from handler.searcher import Searcher

ROOT = Path(__file__).parent.parent
EVENTS = {
    path.stem: json.loads(path.read_text())
    for path in sorted((ROOT / "events").glob("*.json"))
    if "requestContext" in json.loads(path.read_text())
}

BAD_BODIES: list[tuple[str | bytes, int, str | None]] = [
    ('{"text": "", "num_results": 5}', 422, "text"),
    ('{"text": " \\t\\n\\u00a0", "num_results": 5}', 422, "text"),
    ('{"num_results": 5}', 422, "text"),
    ('{"text": null}', 422, "text"),
    ('{"text": 5}', 422, "text"),
    ('{"text": ["storm"]}', 422, "text"),
    ('{"text": "half \\ud83d of one"}', 422, "text"),
    ('{"text": "storm", "num_results": 0}', 422, "num_results"),
    ('{"text": "storm", "num_results": -1}', 422, "num_results"),
    ('{"text": "storm", "num_results": 101}', 422, "num_results"),
    ('{"text": "storm", "num_results": 1000000000000000000000}', 422, "num_results"),
    ('{"text": "storm", "num_results": "5"}', 422, "num_results"),
    ('{"text": "storm", "num_results": 5.5}', 422, "num_results"),
    ('{"text": "storm", "num_results": true}', 422, "num_results"),
    ('{"text": "storm", "num_results": null}', 422, "num_results"),
    ('{"text": "storm", "k": 5}', 422, "k"),
    ('{"text": "storm", "mode": "fuzzy"}', 422, "mode"),
    ('{"text": "storm", "mode": null}', 422, "mode"),
    ('{"text": "storm", "mode": ["hybrid"]}', 422, "mode"),
    ('{"text": "storm", "mode": "hybrid", "share": "0.5"}', 422, "share"),
    ('{"text": "storm", "mode": "hybrid", "share": true}', 422, "share"),
    ('{"text": "storm", "mode": "hybrid", "share": 1.5}', 422, "share"),
    ('{"text": "storm", "mode": "hybrid", "share": -1e400}', 422, "share"),
    ('{"text": "storm", "mode": "semantic", "share": 0.5}', 422, "share"),
    ('{"text": "storm", "share": 0.5}', 422, "share"),
    ('{"text": "storm", "matches": true}', 422, "matches"),
    ('{"text": "storm", "mode": "hybrid", "matches": 1}', 422, "matches"),
    ('["storm"]', 422, None),
    ('"storm"', 422, None),
    ("null", 422, None),
    ("", 400, None),
    ("text=storm", 400, None),
    ('{"text": "storm"', 400, None),
    ('{"text": "storm", "num_results": NaN}', 400, None),
    ('{"text": "storm", "num_results": ' + "9" * 5000 + "}", 400, None),
    ("[" * 60000, 400, None),
    (b'{"text": "caf\xe9"}', 400, None),
    (b"\xff\xfe{\x00}\x00", 400, None),
    ('{"text": "' + "a" * 70000 + '"}', 413, None),
]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-3, 120)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)
json_requests = st.fixed_dictionaries(
    {},
    optional={
        "text": st.text(max_size=8) | json_values,
        "num_results": st.integers(-3, 120) | json_values,
        "mode": st.sampled_from(["hybrid", "semantic", "keyword", "Hybrid", ""]) | json_values,
        "share": st.floats(-0.5, 1.5) | json_values,
        "matches": st.booleans() | json_values,
        "k": json_values,
    },
)


def send(function: Function, event: dict[str, Any]) -> dict[str, Any]:
    """The function's answer to an event, which is JSON."""
    response = function(event)
    assert response["headers"]["content-type"] in ("application/json", "application/problem+json")
    return response


def make_event(
    method: str, path: str, body: str | bytes = "", base: str = "similar", **more: Any
) -> dict[str, Any]:
    """A sample event with another method, path and body."""
    event: dict[str, Any] = copy.deepcopy(EVENTS[base])
    where = event["requestContext"].get("http", event)
    where["path"] = path
    where["method" if "http" in event["requestContext"] else "httpMethod"] = method
    if "rawPath" in event:
        event["rawPath"] = path
    if (event.get("pathParameters") or {}).get("proxy"):
        event["pathParameters"] = {"proxy": path.removeprefix("/")}
    event["isBase64Encoded"] = isinstance(body, bytes)
    event["body"] = base64.b64encode(body).decode() if isinstance(body, bytes) else body
    return {**event, **more}


def post(
    function: Function, body: str | bytes, path: str = "/similar", method: str = "POST"
) -> tuple[int, Any]:
    """The status and the parsed answer of a request."""
    response = send(function, make_event(method, path, body))
    return response["statusCode"], json.loads(response["body"])


# What differs between two answers to one request: the time, and the id where the event has none.
VARYING = ("server-timing", "x-request-id")


def stable(response: Any) -> Any:
    """An answer without the headers that two answers to one request don't share."""
    if not isinstance(response, dict):
        return response
    kept = dict(response)
    for table in ("headers", "multiValueHeaders"):
        if table in kept:
            kept[table] = {name: value for name, value in kept[table].items() if name not in VARYING}
    return kept


def error_of(answer: Any) -> dict[str, Any]:
    """The code, message and field of an error in either of the two shapes, which are whole."""
    if "detail" not in answer:
        return ErrorResponse.model_validate(answer).error.model_dump()
    problem = Problem.model_validate(answer)
    return {"code": problem.code, "message": problem.detail, "field": problem.field}


class BrokenSearcher(Searcher):
    """A searcher with a defect."""

    def __init__(self, whole: Searcher) -> None:
        super().__init__(whole.encoder, whole.engine)

    def search(self, *_: Any, **__: Any) -> list[Hit]:
        raise ZeroDivisionError("secret")
