"""A plain POST /similar is answered without FastAPI: with the same bytes, status and headers as with it."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_app import BAD_BODIES, EVENTS, ROOT, app_module, json_requests

__all__ = ["app_module"]


def both_ways(app_module: Any, event: dict[str, Any]) -> tuple[Any, Any]:
    return app_module.handler(copy.deepcopy(event), None), app_module._mangum()(copy.deepcopy(event), None)


@pytest.mark.parametrize("name", EVENTS)
def test_every_event(app_module: Any, name: str) -> None:
    direct, by_app = both_ways(app_module, EVENTS[name])
    assert direct == by_app


@pytest.mark.parametrize("base", ["similar", "similar-rest"])
@pytest.mark.parametrize("body", [body for body, _, _ in BAD_BODIES if isinstance(body, str)])
def test_every_bad_body(app_module: Any, base: str, body: str) -> None:
    direct, by_app = both_ways(app_module, {**EVENTS[base], "body": body})
    assert direct == by_app


@pytest.mark.parametrize("base", ["similar", "similar-rest"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fields=json_requests,
    method=st.sampled_from(["POST", "POST", "GET"]),
    path=st.sampled_from(["/similar", "/x"]),
)
def test_random_requests(app_module: Any, base: str, fields: dict[str, Any], method: str, path: str) -> None:
    event = copy.deepcopy(EVENTS[base])
    event["body"] = json.dumps(fields)
    where = event["requestContext"].get("http", event)
    where["path"] = path
    where["method" if "http" in event["requestContext"] else "httpMethod"] = method
    direct, by_app = both_ways(app_module, event)
    assert direct == by_app


def test_a_body_that_is_missing(app_module: Any) -> None:
    event = {name: value for name, value in EVENTS["similar"].items() if name != "body"}
    direct, by_app = both_ways(app_module, event)
    assert direct == by_app
    assert direct["statusCode"] == 400


def test_a_plain_search_does_not_import_fastapi(artifact: Path) -> None:
    script = (
        "import json, sys, handler.app\n"
        "response = handler.app.handler(json.load(open('events/similar.json')), None)\n"
        "print(response['statusCode'], *sorted({'fastapi', 'mangum', 'pydantic', 'starlette'} & set(sys.modules)))\n"
        "response = handler.app.handler(json.load(open('events/health.json')), None)\n"
        "print(response['statusCode'], *sorted({'fastapi', 'mangum', 'pydantic', 'starlette'} & set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=ROOT,
        env={**os.environ, "ARTIFACT_DIR": str(artifact)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == ["200", "200 fastapi mangum pydantic starlette"]
