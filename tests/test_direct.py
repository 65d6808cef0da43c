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
from http_events import BAD_BODIES, EVENTS, ROOT, BrokenSearcher, error_of, json_requests, stable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from handler.function import Function
from handler.requests import KEY_HEADER
from handler.settings import Settings


def both_ways(function: Function, event: dict[str, Any]) -> tuple[Any, Any]:
    """The answer as it is given, and FastAPI's."""
    by_app = Function(function.settings, function.searcher, direct=False)
    return stable(function(copy.deepcopy(event))), stable(by_app(copy.deepcopy(event)))


@pytest.mark.parametrize("name", EVENTS)
def test_every_event(function: Function, name: str) -> None:
    direct, by_app = both_ways(function, EVENTS[name])
    assert direct == by_app


@pytest.mark.parametrize("base", ["similar", "similar-rest"])
@pytest.mark.parametrize("body", [body for body, _, _ in BAD_BODIES if isinstance(body, str)])
def test_every_bad_body(function: Function, base: str, body: str) -> None:
    direct, by_app = both_ways(function, {**EVENTS[base], "body": body})
    assert direct == by_app


@pytest.mark.parametrize("base", ["similar", "similar-rest"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    fields=json_requests,
    method=st.sampled_from(["POST", "POST", "GET"]),
    path=st.sampled_from(["/similar", "/x"]),
)
def test_random_requests(
    function: Function, base: str, fields: dict[str, Any], method: str, path: str
) -> None:
    event = copy.deepcopy(EVENTS[base])
    event["body"] = json.dumps(fields)
    where = event["requestContext"].get("http", event)
    where["path"] = path
    where["method" if "http" in event["requestContext"] else "httpMethod"] = method
    direct, by_app = both_ways(function, event)
    assert direct == by_app


def test_a_body_that_is_missing(function: Function) -> None:
    event = {name: value for name, value in EVENTS["similar"].items() if name != "body"}
    direct, by_app = both_ways(function, event)
    assert direct == by_app
    assert direct["statusCode"] == 400


KEY = "k3y-of-the-test!"
SENT: dict[str, str | list[str] | None] = {
    "right": KEY,
    "wrong": "another",
    "longer": KEY + "x",
    "empty": "",
    "missing": None,
    "not ASCII": "k\u00e9y-\u6f22\u5b57",
    "twice": [KEY, KEY],
    "wrong and right": ["another", KEY],
}


@pytest.fixture(scope="module")
def keyed(function: Function) -> Function:
    """The function with API_KEY set."""
    return Function(Settings.from_env({"API_KEY": KEY}), function.searcher)


def with_key(event: dict[str, Any], name: str, sent: str | list[str] | None) -> dict[str, Any]:
    """An event that sends the key as API Gateway would write it."""
    event = copy.deepcopy(event)
    if event.get("version") == "2.0":
        # Names in lower case, values of one name joined.
        value = ",".join(sent) if isinstance(sent, list) else sent
        if value is not None:
            event["headers"]["x-api-key"] = value
    elif sent is not None:
        values = sent if isinstance(sent, list) else [sent]
        event["headers"][name] = values[-1]
        event["multiValueHeaders"] = {**(event.get("multiValueHeaders") or {}), name: values}
    return event


@pytest.mark.parametrize("header", ["x-api-key", "X-Api-Key", "X-API-KEY"])
@pytest.mark.parametrize("sent", SENT)
@pytest.mark.parametrize("name", EVENTS)
def test_every_event_with_every_key(
    function: Function, keyed: Function, name: str, sent: str, header: str
) -> None:
    event = with_key(EVENTS[name], header, SENT[sent])
    direct, by_app = both_ways(keyed, event)
    assert direct == by_app
    if sent == "right":
        # Where there is a key, a cache must keep answers apart by it.
        headers = direct.get("headers") or direct["multiValueHeaders"]
        assert headers.pop("vary", None) in (None, KEY_HEADER, [KEY_HEADER])
        assert direct == stable(function(copy.deepcopy(event)))
    else:
        assert direct["statusCode"] == 403
        error = error_of(json.loads(direct["body"]))
        assert (error["code"], error["field"]) == ("forbidden", None)
        assert "x-api-key" in error["message"]


@pytest.mark.parametrize("sent", ["right", "wrong", "missing"])
@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/docs", 200),
        ("GET", "/openapi.json", 200),
        ("GET", "/nowhere", 404),
        ("DELETE", "/similar", 405),
        ("OPTIONS", "/similar", 405),
    ],
)
@pytest.mark.parametrize("base", ["similar", "similar-rest"])
def test_no_path_is_open(keyed: Function, base: str, method: str, path: str, status: int, sent: str) -> None:
    event = with_key(EVENTS[base], "x-api-key", SENT[sent])
    where = event["requestContext"].get("http", event)
    where["path"] = path
    where["method" if "http" in event["requestContext"] else "httpMethod"] = method
    direct, by_app = both_ways(keyed, event)
    assert direct == by_app
    assert direct["statusCode"] == (status if sent == "right" else 403)


@pytest.mark.parametrize("name", [name for name in EVENTS if name.endswith("rest")])
def test_headers_alone_are_enough_in_payload_1(keyed: Function, name: str) -> None:
    # As a REST API's test console sends them.
    for sent, refused in ((KEY, False), ("another", True)):
        event = {**EVENTS[name], "headers": {"X-Api-Key": sent}, "multiValueHeaders": None}
        direct, by_app = both_ways(keyed, event)
        assert direct == by_app
        assert (direct["statusCode"] == 403) == refused


def test_without_the_key_a_bad_body_is_not_looked_at(keyed: Function) -> None:
    for path in ("/similar", "/other"):
        event = copy.deepcopy({**EVENTS["similar-base64"], "body": "not base64!"})
        event["requestContext"]["http"]["path"] = path
        assert keyed(event)["statusCode"] == 403


def test_the_key_is_never_shown(
    keyed: Function,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    broken = Function(keyed.settings, BrokenSearcher(keyed.searcher))
    shown = [repr(keyed.settings), repr(keyed.app.user_middleware)]
    for sent in SENT:
        shown += map(str, both_ways(broken, with_key(EVENTS["similar"], "x-api-key", SENT[sent])))
    shown += [caplog.text, *capfd.readouterr()]
    assert "ZeroDivisionError" in caplog.text
    assert not [text for text in shown if KEY in text]


def test_a_plain_search_does_not_import_fastapi(artifact: Path) -> None:
    script = (
        "import json, sys, handler.app\n"
        "response = handler.app.handler(json.load(open('events/similar.json')), None)\n"
        "print(response['statusCode'], *sorted({'fastapi', 'mangum', 'pydantic', 'starlette'} & set(sys.modules)))\n"
        "response = handler.app.handler(json.load(open('events/health.json')), None)\n"
        "print(response['statusCode'], *sorted({'fastapi', 'mangum', 'pydantic', 'starlette'} & set(sys.modules)))\n"
        "event = json.load(open('events/health.json')); event['requestContext']['http']['path'] = '/docs'\n"
        "response = handler.app.handler(event, None)\n"
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
    assert done.stdout.splitlines() == ["200", "200", "200 fastapi mangum pydantic starlette"]
