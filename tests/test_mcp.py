"""POST /mcp against the protocol's rules, and its tools against the other routes. Real clients: test_real_clients.py."""

from __future__ import annotations

import json
from typing import Any

import pytest
from http_events import error_of, make_event, post

from handler.function import Function
from handler.routes.mcp import VERSIONS
from handler.schemas.familiar import RpcProblem
from handler.searcher import Searcher
from handler.settings import Settings

QUERY = "a storm over Europe"


def send(function: Function, message: Any, **headers: str) -> tuple[int, Any]:
    """The status and the parsed body, None where there is none."""
    event = make_event("POST", "/mcp", message if isinstance(message, str) else json.dumps(message))
    event["headers"] = {
        **event["headers"],
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    response = function(event)
    return response["statusCode"], json.loads(response["body"]) if response["body"] else None


def call(function: Function, method: str, **parameters: Any) -> Any:
    """The result of a method."""
    message = {"jsonrpc": "2.0", "id": 7, "method": method, "params": parameters}
    status, answer = send(function, message)
    assert (status, answer["jsonrpc"], answer["id"]) == (200, "2.0", 7)
    return answer.get("result", answer.get("error"))


@pytest.mark.parametrize("version", VERSIONS)
def test_a_version_that_is_known_is_agreed_on(function: Function, version: str) -> None:
    result = call(function, "initialize", protocolVersion=version, capabilities={}, clientInfo={"name": "a"})
    assert result["protocolVersion"] == version
    assert result["capabilities"] == {"tools": {"listChanged": False}}
    assert result["serverInfo"]["name"] == "seeklet"
    assert (
        send(function, {"jsonrpc": "2.0", "id": 1, "method": "ping"}, mcp_protocol_version=version)[0] == 200
    )


def test_another_version_gets_the_newest_here(function: Function) -> None:
    assert call(function, "initialize", protocolVersion="2999-01-01")["protocolVersion"] == VERSIONS[0]
    status, answer = send(function, {"jsonrpc": "2.0", "id": 1, "method": "ping"}, mcp_protocol_version="1")
    assert (status, error_of(answer)["code"]) == (400, "bad_version")
    assert RpcProblem.model_validate(answer).error.message == answer["detail"]


def test_what_waits_for_no_answer_gets_none(function: Function) -> None:
    for message in (
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 1, "result": {}},
        [{"jsonrpc": "2.0", "method": "notifications/initialized"}],
    ):
        assert send(function, message) == (202, None)


def test_the_tools_are_described_from_the_corpus(function: Function, searcher: Searcher) -> None:
    tools = {tool["name"]: tool for tool in call(function, "tools/list")["tools"]}
    assert set(tools) == {"search", "get_document", "describe_corpus"}
    takes = tools["search"]["inputSchema"]["properties"]
    assert set(takes) == {"query", "k", "offset", "mode", "filter"}
    (described,) = takes["filter"]["properties"].values()
    column = searcher.engine.describe_columns()[0]
    assert described["description"].startswith(f"string, in {column['documents']} documents: ")
    assert column["values"][0]["value"] in described["description"]


def test_search_is_the_route(function: Function) -> None:
    arguments = {"query": QUERY, "k": 3, "offset": 1, "filter": {"topic": {"$exists": True}}}
    result = call(function, "tools/call", name="search", arguments=arguments)
    _, answer = post(function, json.dumps(arguments), "/search")
    assert result["isError"] is False
    assert result["structuredContent"] == {"results": answer["results"], "total": answer["total"]}
    assert json.loads(result["content"][0]["text"]) == result["structuredContent"]
    assert (
        len(
            call(function, "tools/call", name="search", arguments={"query": QUERY})["structuredContent"][
                "results"
            ]
        )
        == 5
    )


def test_the_other_tools_are_their_routes(function: Function) -> None:
    document = call(function, "tools/call", name="get_document", arguments={"id": "t3"})["structuredContent"]
    assert document == post(function, "", "/documents/t3", "GET")[1]
    corpus = call(function, "tools/call", name="describe_corpus")["structuredContent"]
    info = post(function, "", "/info", "GET")[1]
    assert corpus == {name: info[name] for name in corpus}
    assert corpus["columns"][0]["name"] == "topic"


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        ("search", {}, "the field query is missing"),
        ("search", {"query": None}, "query is null"),
        ("search", {"query": ""}, "query is empty"),
        ("search", {"query": "a", "k": 0}, "ask for 1 to 100"),
        ("search", {"query": "a", "filter": {"nowhere": 1}}, "topic"),
        ("search", {"query": "a", "facets": []}, "there is no field"),
        ("get_document", {"id": "nowhere"}, "no document"),
        ("get_document", {}, "the field id is missing"),
        ("describe_corpus", {"a": 1}, "there is no field"),
    ],
)
def test_a_tools_error_is_for_the_model_to_read(
    function: Function, name: str, arguments: dict[str, Any], said: str
) -> None:
    result = call(function, "tools/call", name=name, arguments=arguments)
    assert result["isError"] is True
    assert said in result["content"][0]["text"]
    assert "structuredContent" not in result


@pytest.mark.parametrize(
    ("message", "status", "code"),
    [
        ("{", 400, -32700),
        ("5", 400, -32600),
        ({"id": 1, "method": "ping"}, 400, -32600),
        ({"jsonrpc": "2.0", "id": 1}, 400, -32600),
        ({"jsonrpc": "2.0", "id": None, "method": "ping"}, 400, -32600),
        ({"jsonrpc": "2.0", "id": True, "method": "ping"}, 400, -32600),
        ({"jsonrpc": "2.0", "id": "\ud800", "method": "ping"}, 400, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": "ping", "params": [1]}, 400, -32600),
        ({"jsonrpc": "2.0", "id": 1, "method": "resources/list"}, 200, -32601),
        ({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "rm"}}, 200, -32602),
        ({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": []}}, 200, -32602),
        (
            {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "search", "arguments": 1}},
            200,
            -32602,
        ),
    ],
    ids=str,
)
def test_the_protocols_errors(function: Function, message: Any, status: int, code: int) -> None:
    got, answer = send(function, message)
    assert (got, answer["error"]["code"]) == (status, code)


def test_a_list_of_messages_is_taken_where_the_version_has_it(function: Function) -> None:
    messages = [{"jsonrpc": "2.0", "id": i, "method": "ping"} for i in range(3)]
    for headers in ({}, {"mcp_protocol_version": "2025-03-26"}):
        status, answers = send(function, messages, **headers)
        assert (status, [answer["id"] for answer in answers]) == (200, [0, 1, 2])
    assert send(function, messages, mcp_protocol_version="2025-06-18")[0] == 400
    assert send(function, [])[0] == 400


def test_another_sites_page_is_refused(function: Function) -> None:
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    host = make_event("POST", "/mcp")["headers"]["host"]
    assert send(function, ping, origin=f"https://{host}")[0] == 200
    status, answer = send(function, ping, origin="https://evil.example")
    assert (status, error_of(answer)["code"]) == (403, "bad_origin")
    named = Function(Settings.from_env({"CORS_ORIGINS": "https://evil.example"}), function.searcher)
    assert send(named, ping, origin="https://evil.example")[0] == 200


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:3000", 200),
        ("http://localhost:3000", 200),
        ("http://[::1]:3000", 200),
        ("https://search.example", 200),
        ("http://evil.example:3000", 403),
        ("http://localhost.evil.example", 403),
        ("http://127.0.0.1.evil.example", 403),
        ("null", 403),
    ],
)
def test_a_name_that_was_pointed_at_this_machine_is_refused(
    function: Function, origin: str, status: int
) -> None:
    """DNS rebinding: the browser takes the machine for the other site's host, and says so in both headers."""
    host = origin.partition("://")[2]
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    assert send(function, ping, origin=origin, host=host)[0] == status
    named = Function(Settings.from_env({"CORS_ORIGINS": "http://evil.example:3000"}), function.searcher)
    assert send(named, ping, origin="http://evil.example:3000", host=host)[0] == 200


@pytest.mark.parametrize("id_", [0, -1, 10**20, 1.0, 2.5, "", "a"])
def test_an_id_is_repeated(function: Function, id_: object) -> None:
    message = {"jsonrpc": "2.0", "id": id_, "method": "ping"}
    assert send(function, message) == (200, {"jsonrpc": "2.0", "id": id_, "result": {}})


def test_an_answer_that_is_too_long_is_for_the_model_to_read(function: Function) -> None:
    limited = Function(Settings.from_env({"MAX_RESPONSE_BYTES": "3000"}), function.searcher)
    result = call(limited, "tools/call", name="search", arguments={"query": QUERY, "k": 50})
    assert result["isError"] is True
    assert "ask for fewer k" in result["content"][0]["text"]
    limited = Function(Settings.from_env({"MAX_RESPONSE_BYTES": "400"}), function.searcher)
    found = function.searcher.search(QUERY, 1)[0].id
    result = call(limited, "tools/call", name="get_document", arguments={"id": found})
    assert "it can't be had in parts" in result["content"][0]["text"]


def test_it_may_be_turned_off(function: Function) -> None:
    off = Function(Settings.from_env({"MCP": "off"}), function.searcher)
    assert send(off, {"jsonrpc": "2.0", "id": 1, "method": "ping"})[0] == 404
    for method in ("GET", "DELETE"):
        assert post(function, "", "/mcp", method)[0] == 405


def test_an_error_of_the_route_is_one_of_json_rpc(function: Function) -> None:
    """Clients read such an error alone, and of this content type alone: of others they show the status."""
    event = make_event("POST", "/mcp", "a" * (function.settings.max_body_bytes + 1))
    response = function(event)
    assert (response["statusCode"], response["headers"]["content-type"]) == (413, "application/json")
    problem = RpcProblem.model_validate_json(response["body"])
    assert (problem.code, problem.error.code) == ("body_too_long", -32000)
    assert problem.error.message == problem.detail
