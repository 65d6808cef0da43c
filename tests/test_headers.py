"""The headers of every answer: the request's id, the time by stage, and CORS; on errors too."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from http_events import EVENTS, make_event

from handler.function import Function
from handler.settings import Settings

ANSWERED = [
    ("POST", "/similar", '{"text": "storm"}', 200),
    ("POST", "/search", '{"query": "storm"}', 200),
    ("GET", "/info", "", 200),
    ("GET", "/nowhere", "", 404),
    ("POST", "/similar", "{", 400),
    ("DELETE", "/similar", "", 405),
    ("GET", "/docs", "", 200),
]


def ask(function: Function, method: str, path: str, body: str, **headers: str) -> dict[str, Any]:
    event = make_event(method, path, body)
    event["headers"] = {
        **event["headers"],
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    return function(event)


@pytest.mark.parametrize(("method", "path", "body", "status"), ANSWERED)
def test_every_answer_has_an_id_and_its_time(
    function: Function, method: str, path: str, body: str, status: int
) -> None:
    response = ask(function, method, path, body)
    assert response["statusCode"] == status
    # The sender's own id of the request, in the sample event.
    assert response["headers"]["x-request-id"] == EVENTS["similar"]["requestContext"]["requestId"]
    stages = dict(part.split(";dur=") for part in response["headers"]["server-timing"].split(", "))
    assert all(float(duration) >= 0 for duration in stages.values())
    searches = status == 200 and path in ("/similar", "/search")
    assert set(stages) == ({"tokenise", "encode", "search", "total"} if searches else {"total"})
    assert sum(float(stages[stage]) for stage in stages if stage != "total") <= float(stages["total"]) * 1.01


def test_the_callers_id_is_kept_where_a_header_can_hold_it(function: Function) -> None:
    for sent, kept in (("mine-1", True), ("x" * 201, False), ("a b", False), ("\u00e9", False)):
        answered = ask(function, "GET", "/health", "", x_request_id=sent)["headers"]["x-request-id"]
        assert (answered == sent) is kept
    event = make_event("GET", "/health")
    del event["requestContext"]["requestId"], event["headers"]["x-amzn-trace-id"]
    made = {function(event)["headers"]["x-request-id"] for _ in range(3)}
    assert len(made) == 3
    assert all(re.fullmatch("[0-9a-f]{32}", one) for one in made)


def test_an_answer_with_places_names_the_corpus(function: Function) -> None:
    asked = [
        make_event("POST", "/similar", '{"text": "storms"}'),
        make_event("POST", "/search", '{"query": "storms"}'),
        make_event("GET", "/search") | {"rawQueryString": "q=storms"},
        make_event("POST", "/documents", '{"indexes": [0]}'),
        make_event("GET", f"/documents/{function.searcher.engine.read_all([0])[0].id}"),
    ]
    named = {function(event)["headers"]["seeklet-corpus"] for event in asked}
    assert named == {function.searcher.manifest.files["documents.jsonl"].sha256[:16]}
    assert "seeklet-corpus" not in function(make_event("GET", "/health"))["headers"]


def test_an_event_that_is_no_request_has_them_too(function: Function) -> None:
    headers = function({"requestContext": None})["headers"]
    assert {"x-request-id", "server-timing"} <= set(headers)


@pytest.mark.parametrize("key", ["secret", ""])
@pytest.mark.parametrize(
    ("method", "path", "body", "status"), [*ANSWERED, ("GET", "/info", "", 200), ("GET", "/nowhere", "", 404)]
)
def test_where_a_key_is_set_a_cache_keeps_every_answer_and_refusal_apart(
    function: Function, key: str, method: str, path: str, body: str, status: int
) -> None:
    for origins, varies in (
        ("", "x-api-key"),
        ("*", "x-api-key"),
        ("https://a.example", "x-api-key, origin"),
    ):
        settings = Settings.from_env({"API_KEY": "secret", "CORS_ORIGINS": origins})
        answered = ask(Function(settings, function.searcher), method, path, body, x_api_key=key)
        assert answered["statusCode"] == (status if key or path in ("/", "/map") else 403)
        assert answered["headers"]["vary"] == varies


@pytest.mark.parametrize("direct", [True, False])
@pytest.mark.parametrize(("method", "path", "body", "status"), ANSWERED)
def test_cors_is_on_every_answer(
    function: Function, direct: bool, method: str, path: str, body: str, status: int
) -> None:
    origins = "https://a.example, https://b.example:8443"
    strict = Function(Settings.from_env({"CORS_ORIGINS": origins}), function.searcher, direct=direct)
    answered = ask(strict, method, path, body, origin="https://a.example")
    assert (answered["statusCode"], answered["headers"]["vary"]) == (status, "origin")
    assert answered["headers"]["access-control-allow-origin"] == "https://a.example"
    assert "server-timing" in answered["headers"]["access-control-expose-headers"]
    assert (
        "access-control-allow-origin"
        not in ask(strict, method, path, body, origin="https://c.example")["headers"]
    )
    open_to_all = Function(Settings.from_env({"CORS_ORIGINS": "*"}), function.searcher, direct=direct)
    answered = ask(open_to_all, method, path, body, origin="https://c.example")
    assert answered["headers"]["access-control-allow-origin"] == "*"
    assert (
        "access-control-allow-origin"
        not in ask(function, method, path, body, origin="https://a.example")["headers"]
    )


def test_a_preflight_needs_no_key(function: Function) -> None:
    keyed = Function(
        Settings.from_env({"CORS_ORIGINS": "https://a.example", "API_KEY": "k"}), function.searcher
    )
    asks = {"origin": "https://a.example", "access_control_request_method": "POST"}
    response = ask(keyed, "OPTIONS", "/search", "", **asks)
    assert (response["statusCode"], response["body"]) == (204, "")
    assert response["headers"]["access-control-allow-origin"] == "https://a.example"
    assert "x-api-key" in response["headers"]["access-control-allow-headers"]
    # What OpenAI's client for JavaScript sends from a page beside what every page may send.
    allowed = response["headers"]["access-control-allow-headers"].split(", ")
    platform = ("arch", "lang", "os", "package-version", "runtime", "runtime-version")
    sent = {f"x-stainless-{name}" for name in (*platform, "retry-count", "timeout")}
    assert {"authorization", "content-type", "user-agent", *sent} <= {*allowed}
    assert "POST" in response["headers"]["access-control-allow-methods"]
    assert ask(keyed, "OPTIONS", "/search", "")["statusCode"] == 403
    assert ask(function, "OPTIONS", "/search", "", **asks)["statusCode"] == 405


def test_a_wrong_method_says_which_are_right(function: Function) -> None:
    response = ask(function, "PUT", "/search", "")
    assert (response["statusCode"], response["headers"]["allow"]) == (405, "GET, HEAD, POST")
    problem = json.loads(response["body"])
    assert response["headers"]["content-type"] == "application/problem+json"
    assert (problem["type"], problem["title"], problem["status"]) == (
        "about:blank",
        "Method Not Allowed",
        405,
    )


@pytest.mark.parametrize("direct", [True, False])
@pytest.mark.parametrize("path", ["/", "/health", "/docs", "/documents/unknown"])
def test_head_is_get_without_the_body(function: Function, direct: bool, path: str) -> None:
    either = Function(function.settings, function.searcher, direct=direct)
    get, head = (ask(either, method, path, "") for method in ("GET", "HEAD"))
    assert (head["statusCode"], head["body"]) == (get["statusCode"], "")
    own = ("server-timing",)
    for one in (get, head):
        one["headers"] = {name: value for name, value in one["headers"].items() if name not in own}
    assert head["headers"] == get["headers"]
    assert get["body"]
