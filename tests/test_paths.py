"""The path that a route is asked by: without the stage or the base path that the event names."""

from __future__ import annotations

from typing import Any

import pytest
from http_events import EVENTS

from handler.events import read_request
from handler.function import Function


def behind(path: str, route: str, **parameters: str) -> dict[str, Any]:
    """Of payload 2.0, the parts that name a path."""
    http = {"method": "POST", "path": path}
    return {"routeKey": route, "pathParameters": parameters, "requestContext": {"http": http}}


PATHS = [
    # HTTP API, payload 2.0: the stage comes first, but for $default.
    ({"requestContext": {"stage": "prod", "http": {"method": "POST", "path": "/prod/similar"}}}, "/similar"),
    ({"requestContext": {"stage": "prod", "http": {"method": "POST", "path": "/prod"}}}, "/"),
    ({"requestContext": {"stage": "prod", "http": {"method": "POST", "path": "/production"}}}, "/production"),
    ({"requestContext": {"stage": "$default", "http": {"method": "POST", "path": "/similar"}}}, "/similar"),
    ({"requestContext": {"stage": "prod", "http": {"method": "POST", "path": "/%73imilar"}}}, "/similar"),
    # A custom domain's base path comes first too; the route and its parameters name the rest.
    (behind("/search/similar", "POST /{proxy+}", proxy="similar"), "/similar"),
    (behind("/search/v1/similar", "ANY /v1/{proxy+}", proxy="similar"), "/v1/similar"),
    (behind("/search/similar", "POST /similar"), "/similar"),
    (behind("/similar", "POST /{proxy+}", proxy="other"), "/similar"),
    (behind("/search/similar", "$default"), "/search/similar"),
]
REST = [
    # REST API: a custom domain's base path comes first; the resource and its parameters name the rest.
    (
        {"resource": "/{proxy+}", "pathParameters": {"proxy": "similar"}, "path": "/search/similar"},
        "/similar",
    ),
    (
        {"resource": "/{proxy+}", "pathParameters": {"proxy": "v1/similar"}, "path": "/v1/similar"},
        "/v1/similar",
    ),
    ({"resource": "/similar", "pathParameters": None, "path": "/a/b/similar"}, "/similar"),
    ({"resource": "/{proxy+}", "pathParameters": {"proxy": "other"}, "path": "/similar"}, "/similar"),
    # HTTP API, payload 1.0.
    ({"resource": "$default", "path": "/prod/similar", "requestContext": {"stage": "prod"}}, "/similar"),
    ({"resource": "$default", "path": "/similar", "requestContext": {"stage": "$default"}}, "/similar"),
]


@pytest.mark.parametrize(
    ("base", "changed", "path"),
    [("similar", *case) for case in PATHS] + [("similar-rest", *case) for case in REST],
)
def test_stages_and_base_paths_are_stripped(base: str, changed: dict[str, Any], path: str) -> None:
    assert read_request({**EVENTS[base], **changed}).path == path


def test_the_sample_behind_a_stage_is_answered(function: Function) -> None:
    assert function(EVENTS["similar-stage"])["body"] == function(EVENTS["similar"])["body"]
