"""Random events of every kind and for every route: no exception leaves the function, and none is answered with 500.

FUZZED_EVENTS=20000 runs so many; a test run has a few hundred.
"""

from __future__ import annotations

import copy
import json
import os
from typing import Any

import pytest
from http_events import EVENTS, json_values, make_event
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handler.function import Function
from handler.routes import ROUTES

COUNT = int(os.environ.get("FUZZED_EVENTS", "300"))
PATHS = sorted({path.replace("{document_id}", "t3").replace("{id}", "vs") for _, path in ROUTES})
NAMES = [
    "text",
    "num_results",
    "mode",
    "share",
    "matches",
    "query",
    "queries",
    "like",
    "k",
    "offset",
    "min_score",
]
NAMES += [
    "filter",
    "facets",
    "include",
    "ids",
    "indexes",
    "inputs",
    "truncate",
    "prompt_name",
    "dimensions",
    "input",
]
NAMES += [
    "encoding_format",
    "filters",
    "max_num_results",
    "ranking_options",
    "jsonrpc",
    "id",
    "method",
    "params",
]
WORDS = [
    "storm",
    "t3",
    "topic",
    "hybrid",
    "keyword",
    "2.0",
    "tools/call",
    "search",
    "",
    "\ud800",
    "\U0001f600",
]
OPERATORS = [
    "topic",
    "$and",
    "$or",
    "$not",
    "$eq",
    "$in",
    "$gt",
    "$exists",
    "type",
    "key",
    "value",
    "filters",
]

values = st.recursive(
    st.sampled_from(WORDS) | st.integers(-3, 400) | st.floats() | st.booleans() | st.none() | json_values,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from([*OPERATORS, "name", "arguments", "query"]), inner, max_size=3)
    ),
    max_leaves=8,
)
bodies = st.dictionaries(st.sampled_from(NAMES), values, max_size=5).map(json.dumps) | st.text(max_size=20)
queries = st.dictionaries(
    st.sampled_from([*NAMES, "q", "color"]), st.sampled_from(["storm", "5", "{", "[]", "topic", "%"])
)
parts = st.sampled_from(
    ["headers", "multiValueHeaders", "requestContext", "body", "path", "rawPath", "version"]
)
parts |= st.sampled_from(
    ["httpMethod", "isBase64Encoded", "pathParameters", "queryStringParameters", "cookies"]
)


@st.composite
def events(draw: st.DrawFn) -> Any:
    """An HTTP event of any sender, whole or with odd parts; or a direct invocation, or anything at all."""
    kind = draw(st.integers(0, 9))
    if kind == 0:
        return draw(st.dictionaries(st.sampled_from([*NAMES, "source"]), values, max_size=5) | values)
    base = draw(st.sampled_from(sorted(EVENTS)))
    method = draw(st.sampled_from(["POST", "POST", "POST", "GET", "GET", "DELETE", "OPTIONS", ""]))
    event = make_event(method, draw(st.sampled_from([*PATHS, "/nowhere", ""])), draw(bodies), base)
    sent = draw(queries)
    event["rawQueryString"] = "&".join(f"{name}={value}" for name, value in sent.items())
    if "multiValueQueryStringParameters" in event or "queryStringParameters" in event:
        event |= {"queryStringParameters": sent, "multiValueQueryStringParameters": None}
    if kind == 1:
        event |= draw(st.dictionaries(parts, values, min_size=1, max_size=3))
    return event


# The paths that FastAPI answers take half a second each at first, and are no part of this.
@settings(max_examples=COUNT, deadline=None, suppress_health_check=list(HealthCheck))
@given(event=events())
def test_no_event_is_answered_by_a_defect(function: Function, event: Any) -> None:
    answer = function(copy.deepcopy(event))
    written = json.loads(json.dumps(answer, allow_nan=False))
    if "statusCode" in written:
        assert written["statusCode"] in (200, 202, 304, 400, 403, 404, 405, 413, 422), written
        assert isinstance(written["body"], str)
    else:
        assert "internal_error" not in json.dumps(written)


@settings(max_examples=COUNT // 3, deadline=None, suppress_health_check=list(HealthCheck))
@given(event=events())
def test_fastapi_answers_the_same(function: Function, by_app: Function, event: Any) -> None:
    from http_events import stable

    assert stable(function(copy.deepcopy(event))) == stable(by_app(copy.deepcopy(event)))


@pytest.fixture(scope="module")
def by_app(function: Function) -> Function:
    """The same function, with FastAPI before every route."""
    return Function(function.settings, function.searcher, direct=False)
