"""Every kind of event has an answer, and none makes the function raise."""

from __future__ import annotations

import copy
import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from http_events import EVENTS, ROOT, BrokenSearcher, error_of, json_values, make_event, stable
from hypothesis import given
from hypothesis import strategies as st

from handler.errors import RequestError
from handler.events import read_request, write_response
from handler.function import Function
from handler.responses import Response
from handler.settings import Settings

TEXT = "europe climate change storm"


def sample(name: str) -> Any:
    return json.loads((ROOT / "events" / f"{name}.json").read_text())


def answer_of(function: Function, event: Any) -> Any:
    """What Lambda would send: the function's answer, through JSON."""
    return stable(json.loads(json.dumps(function(event, None), allow_nan=False)))


# --- who sends it

PINGS = [
    sample("scheduled"),
    {"source": "aws.scheduler"},
    {"source": "serverless-plugin-warmup"},
]


@pytest.mark.parametrize("event", PINGS, ids=lambda event: event["source"])
def test_a_scheduled_ping_does_a_real_search(function: Function, event: dict[str, Any]) -> None:
    answer = answer_of(function, event)
    assert answer == {"status": "warm", "documents": function.searcher.manifest.count, "results": 1}
    # It is no answer that is made up: with a broken search it fails, and says so.
    broken = Function(function.settings, BrokenSearcher(function.searcher))
    assert answer_of(broken, event)["error"]["code"] == "internal_error"


def test_a_direct_invocation_is_answered_as_the_http_body_is(function: Function) -> None:
    direct = answer_of(function, sample("direct"))
    by_http = answer_of(function, make_event("POST", "/similar", json.dumps(sample("direct"))))
    assert direct == json.loads(by_http["body"])
    assert len(direct["results"]) == 5


@pytest.mark.parametrize(
    ("event", "code", "field"),
    [
        ({"text": ""}, "invalid_request", "text"),
        ({"text": 5}, "invalid_request", "text"),
        ({"text": "half \ud83d"}, "invalid_request", "text"),
        ({"text": "storm", "num_results": 0}, "invalid_request", "num_results"),
        ({"text": "storm", "k": 1}, "invalid_request", "k"),
        ({"text": "x" * 70_000}, "body_too_long", None),
    ],
)
def test_a_bad_direct_invocation_names_its_field(
    function: Function, event: dict[str, Any], code: str, field: str | None
) -> None:
    error = answer_of(function, event)["error"]
    assert (error["code"], error["field"]) == (code, field)


OTHERS: list[Any] = [
    {},
    None,
    [],
    "text",
    5,
    {"Records": [{"eventSource": "aws:sqs", "body": "x"}]},
    {"source": "aws.s3", "detail-type": "Object Created", "detail": {}},
    {"source": "aws.events", "detail-type": "EC2 Instance State-change Notification"},
    {"httpMethod": "POST", "path": "/similar", "body": "{}"},
]


@pytest.mark.parametrize("event", OTHERS, ids=lambda event: json.dumps(event)[:40])
def test_all_else_gets_an_error_object(function: Function, event: Any) -> None:
    error = answer_of(function, event)["error"]
    assert error["code"] == "unknown_event"
    assert '{"text": "...", "num_results": 5}' in error["message"]


# --- malformed events of an API

MALFORMED: dict[str, dict[str, Any]] = {
    "context is null": {"requestContext": None},
    "context is a list": {"requestContext": []},
    "no http": {"requestContext": {}},
    "http is text": {"requestContext": {"http": "POST"}},
    "method is a number": {"requestContext": {"http": {"method": 5, "path": "/similar"}}},
    "path is null": {"requestContext": {"http": {"method": "POST", "path": None}}, "rawPath": None},
    "half a character in the path": {
        "requestContext": {"http": {"method": "GET", "path": "/\ud800"}},
    },
    "half a character in the method": {
        "requestContext": {"http": {"method": "\ud800", "path": "/similar"}},
    },
    "body is an object": {"body": {"text": "storm"}},
    "body is half a character": {"body": '{"text": "\ud800"}'},
    "body is no base64": {"body": "\u00e9", "isBase64Encoded": True},
}


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.parametrize("direct", [True, False])
def test_a_malformed_event_is_a_bad_request(function: Function, name: str, direct: bool) -> None:
    event = {**copy.deepcopy(EVENTS["similar"]), **copy.deepcopy(MALFORMED[name])}
    answer = answer_of(Function(function.settings, function.searcher, direct=direct), event)
    assert answer["statusCode"] == 400
    assert error_of(json.loads(answer["body"]))["message"]


ODD_HEADERS: list[Any] = [
    None,
    [],
    {"host": None},
    {"host": "a:b"},
    {"host": "a:b:c"},
    {"host": "[::1]:80"},
    {"host": "a", "x-forwarded-port": "many"},
    {"x": "half \ud83d", "half \ud83d": "x"},
    {"x": 5},
    {"cookie": "a=\udfff"},
]


@pytest.mark.parametrize("base", ["similar", "similar-rest", "similar-alb"])
@pytest.mark.parametrize("headers", ODD_HEADERS, ids=lambda headers: ascii(headers))
@pytest.mark.parametrize("path", ["/similar", "/health", "/nowhere"])
def test_odd_headers_change_nothing(function: Function, base: str, headers: Any, path: str) -> None:
    method = "POST" if path == "/similar" else "GET"
    usual = make_event(method, path, json.dumps({"text": TEXT}), base)
    event = {**usual, "headers": headers}
    if "multiValueHeaders" in usual:
        event["multiValueHeaders"] = headers
        if isinstance(headers, dict):
            event["multiValueHeaders"] = {name: [value] for name, value in headers.items()}
    by_app = Function(function.settings, function.searcher, direct=False)
    assert answer_of(function, event) == answer_of(function, usual) == answer_of(by_app, event)


odd_values = json_values | st.sampled_from(["/similar", "2.0", "\ud800"])
NAMES = ["version", "rawPath", "headers", "multiValueHeaders", "cookies", "body", "isBase64Encoded", "path"]
NAMES += ["httpMethod", "resource", "routeKey", "pathParameters", "requestContext", "rawQueryString"]
NAMES += ["queryStringParameters"]


@given(
    base=st.sampled_from(sorted(EVENTS)),
    changed=st.dictionaries(st.sampled_from(NAMES), odd_values, min_size=1, max_size=3),
)
def test_no_event_makes_it_raise(function: Function, base: str, changed: dict[str, Any]) -> None:
    event = {**copy.deepcopy(EVENTS[base]), **changed}
    answer = answer_of(function, event)
    assert answer["statusCode"] in (200, 400, 404, 405, 413, 422)


@pytest.mark.parametrize("table", ["queryStringParameters", "multiValueQueryStringParameters"])
@pytest.mark.parametrize("base", ["health-alb", "health-rest"])
def test_a_query_string_is_decoded_once(base: str, table: str) -> None:
    """API Gateway decodes it for a payload 1.0, a load balancer doesn't: its `q` came encoded into the search."""
    event = copy.deepcopy(EVENTS[base])
    for name in ("queryStringParameters", "multiValueQueryStringParameters"):
        event.pop(name, None)
    parts = {"q": "a%20b%26c+d%C3%BC", "filter": "%7B%22x%22%3A1%7D"}
    if base == "health-rest":
        parts = {"q": "a b&c d\u00fc", "filter": '{"x":1}'}
    many = table.startswith("multi")
    event[table] = {name: [value] if many else value for name, value in parts.items()}
    assert dict(parse_qsl(read_request(event).query)) == {"q": "a b&c d\u00fc", "filter": '{"x":1}'}


HTTP_API = {"domainName": "abc.execute-api.eu-west-1.amazonaws.com", "stage": "$default"}


@pytest.mark.parametrize(
    ("base", "context", "sent"),
    [
        # An HTTP API decodes the path, in both payloads.
        ("similar", HTTP_API, "/documents/a%2Fb \u00fc"),
        ("similar-rest", HTTP_API, "/documents/a%2Fb \u00fc"),
        # A function URL, a REST API and a load balancer don't.
        ("similar", {"domainName": "abc.lambda-url.eu-west-1.on.aws"}, "/documents/a%252Fb%20%C3%BC"),
        ("similar-rest", {}, "/documents/a%252Fb%20%C3%BC"),
        ("similar-alb", {}, "/documents/a%252Fb%20%C3%BC"),
    ],
)
@pytest.mark.parametrize("mapping", ["", "/v9"])
def test_a_path_is_decoded_once(base: str, context: dict[str, str], sent: str, mapping: str) -> None:
    event = make_event("GET", mapping + sent, base=base)
    event["requestContext"] |= context
    if base == "similar":
        event["requestContext"]["http"]["path"] = event["rawPath"] = mapping + sent
        event["routeKey"] = "GET /{proxy+}"
    elif base == "similar-rest":
        event["path"], event["resource"] = mapping + sent, "/{proxy+}"
        event |= {"version": "1.0"} if context else {}
    elif mapping:
        return  # a load balancer has no base path
    event["pathParameters"] = {"proxy": sent[1:]}
    assert read_request(event).path == "/documents/a%2Fb \u00fc"


@pytest.mark.parametrize(("base", "named"), [("similar-rest", "resource"), ("similar", "routeKey")])
@pytest.mark.parametrize("path", ["/", "/v9", "/v9/", "/search"])
def test_the_root_behind_a_base_path(base: str, named: str, path: str) -> None:
    event = make_event("GET", path, base=base)
    event[named] = "/" if named == "resource" else "GET /"
    event["pathParameters"] = None
    assert read_request(event).path == "/"


# --- responses


@pytest.mark.parametrize("name", EVENTS)
@pytest.mark.parametrize("status", [200, 204, 304, 404])
def test_a_response_without_a_body_says_no_length(name: str, status: int) -> None:
    written = write_response(EVENTS[name], Response(status, b"" if status in (204, 304) else b"{}"))
    headers = {**written.get("headers", {}), **written.get("multiValueHeaders", {})}
    assert ("content-length" in headers) == (status in (200, 404))


def test_a_load_balancer_gets_the_headers_that_it_sends() -> None:
    response = Response(200, b"{}")
    event = EVENTS["similar-alb"]
    assert write_response(event, response)["headers"]["content-type"] == "application/json"
    many = write_response({**event, "multiValueHeaders": {}}, response)
    assert many["multiValueHeaders"]["content-type"] == ["application/json"]
    assert "headers" not in many


@pytest.mark.parametrize("direct", [True, False])
def test_an_answer_that_is_too_long_is_refused(function: Function, direct: bool) -> None:
    whole = function(make_event("POST", "/similar", '{"text": "storm", "num_results": 20}'))
    # What Lambda counts: the body as a string within the JSON of the response.
    length = len(json.dumps(whole["body"]))
    for most, status in ((length, 200), (length - 1, 422)):
        settings = Settings.from_env({"MAX_RESPONSE_BYTES": str(most)})
        limited = Function(settings, function.searcher, direct=direct)
        answer = limited(make_event("POST", "/similar", '{"text": "storm", "num_results": 20}'))
        assert answer["statusCode"] == status
    error = json.loads(answer["body"])["error"]
    assert (error["code"], error["field"]) == ("response_too_long", "num_results")
    assert f"{length:,} bytes" in error["message"]


def test_the_default_limit_fits_into_lambdas() -> None:
    limit = Settings.from_env({}).max_response_bytes
    carried = write_response(EVENTS["similar-rest"], Response(200, b""))
    assert limit + len(json.dumps(carried)) <= 6_291_556


def test_a_request_that_is_none_says_what_it_is() -> None:
    with pytest.raises(RequestError, match=r"requestContext\.http is null, not an object"):
        read_request({**EVENTS["similar"], "requestContext": {}})
