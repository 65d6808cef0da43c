"""RemoteSearcher: what it asks of a service, what it makes of the answer, and what it says where there is none."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from answering import AnsweringServer, answering_server

from seeklet import Hit, Match, OptionError, RemoteSearcher, RequestError, SeekletError, Span

RESULT: dict[str, Any] = {
    "id": "7",
    "index": 6,
    "score": 0.5,
    "text": "😀 a storm",
    "metadata": {"topic": "weather"},
    "passage": {"start": 2, "end": 9},
    "highlights": [{"term": "storms", "start": 4, "end": 9}],
    "explain": {"cosine": 0.25, "keyword": None, "share": 0.0},
}
PLAIN = {name: RESULT[name] for name in ("id", "index", "score", "text", "metadata")}
INCLUDE = ["text", "metadata", "highlights", "explain"]


def answer(*results: dict[str, Any]) -> bytes:
    """The body of an answer with these results."""
    return json.dumps({"results": results, "total": len(results), "mode": "hybrid", "k": 10}).encode()


@pytest.fixture
def server() -> Iterator[AnsweringServer]:
    with answering_server() as answering:
        answering.answer(200, answer(RESULT))
        yield answering


def test_a_search(server: AnsweringServer) -> None:
    (hit,) = RemoteSearcher(server.url).search("a storm")
    metadata = {"topic": "weather"}
    assert hit == Hit("7", 6, 0.5, "😀 a storm", metadata, cosine=0.25, passage=Span(2, 9))
    assert hit.matches == (Match("storms", 4, 9),)
    (asked,) = server.asked
    assert (asked.method, asked.path) == ("POST", "/search")
    assert json.loads(asked.body) == {"query": "a storm", "k": 10, "offset": 0, "include": INCLUDE}
    assert "x-api-key" not in asked.headers


def test_a_single_string_is_not_a_list_of_queries(server: AnsweringServer) -> None:
    with pytest.raises(TypeError, match="search_many takes a sequence of queries: put 'storm' in a list"):
        RemoteSearcher(server.url).search_many("storm")
    assert server.asked == []


def test_every_option_is_asked(server: AnsweringServer) -> None:
    searcher = RemoteSearcher(server.url, api_key="secret")
    wanted = {"topic": {"$in": ["weather", "wétter"]}}
    searcher.search("a", 3, "keyword", 0.0, filter=wanted, offset=2, min_score=0.0)
    assert json.loads(server.asked[0].body) == {
        "query": "a",
        "k": 3,
        "mode": "keyword",
        "share": 0.0,
        "filter": wanted,
        "offset": 2,
        "min_score": 0.0,
        "include": INCLUDE,
    }
    assert server.asked[0].headers["x-api-key"] == "secret"


def test_many_queries(server: AnsweringServer) -> None:
    one = json.loads(answer(RESULT))
    server.answer(200, json.dumps({"answers": [one, {**one, "results": []}]}).encode())
    first, second = RemoteSearcher(server.url).search_many(("a", "b"), 3, mode="keyword")
    assert [hit.id for hit in first] == ["7"]
    assert second == []
    asked = {"queries": ["a", "b"], "k": 3, "mode": "keyword", "include": INCLUDE}
    assert json.loads(server.asked[0].body) == asked


def test_like(server: AnsweringServer) -> None:
    (hit,) = RemoteSearcher(server.url).like("10.1/storm", 3, offset=1)
    assert hit.id == "7"
    asked = {"like": "10.1/storm", "k": 3, "offset": 1, "include": INCLUDE}
    assert json.loads(server.asked[0].body) == asked


def test_the_least_that_an_answer_has(server: AnsweringServer) -> None:
    server.answer(200, answer(PLAIN))
    (hit,) = RemoteSearcher(server.url).search("a")
    assert hit == Hit("7", 6, 0.5, "😀 a storm", {"topic": "weather"})
    assert hit.matches == ()
    server.answer(200, answer())
    assert RemoteSearcher(server.url).search("a") == []


@pytest.mark.parametrize("path", ["", "/", "/search", "/similar/"])
def test_the_url_may_name_a_route(server: AnsweringServer, path: str) -> None:
    RemoteSearcher(f"{server.url}/prod{path}").search("a")
    assert server.asked[0].path == "/prod/search"


PROBLEM = {"type": "about:blank", "title": "Unprocessable Content", "status": 422, "detail": "k is 0"}
OLDER = {"error": {"message": "there is no /search", "code": "not_found", "field": None}}


@pytest.mark.parametrize(
    ("status", "body", "code", "field", "message"),
    [
        (422, {**PROBLEM, "code": "invalid_request", "field": "k"}, "invalid_request", "k", "k is 0"),
        (404, OLDER, "not_found", None, "there is no /search"),
    ],
)
def test_a_refusal(
    server: AnsweringServer, status: int, body: dict[str, Any], code: str, field: str | None, message: str
) -> None:
    server.answer(status, json.dumps(body).encode())
    with pytest.raises(RequestError, match=rf"/search can't answer: {message} \({code}\)$") as raised:
        RemoteSearcher(server.url).search("a")
    assert (raised.value.status, raised.value.code, raised.value.field) == (status, code, field)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"5", b'{"message": "Forbidden"}', b'{"error": 5}'])
@pytest.mark.parametrize(
    ("status", "code"), [(403, "forbidden"), (429, "too_many_requests"), (502, "http_error")]
)
def test_a_refusal_by_something_else(server: AnsweringServer, body: bytes, status: int, code: str) -> None:
    server.answer(status, body)
    with pytest.raises(RequestError, match=rf"/search can't answer: HTTP status {status}$") as raised:
        RemoteSearcher(server.url).search("a")
    assert (raised.value.status, raised.value.code, raised.value.field) == (status, code, None)


@pytest.mark.parametrize("body", [b"", json.dumps({**PROBLEM, "code": "busy"}).encode()])
def test_a_refusal_says_when_to_ask_again(server: AnsweringServer, body: bytes) -> None:
    for headers in ({"retry-after": "3"}, {}):
        server.answer(503, body, headers)
        with pytest.raises(RequestError) as raised:
            RemoteSearcher(server.url).search("a")
        assert raised.value.headers == headers


ODD: list[dict[str, Any]] = [
    {"score": "x"},
    {"score": float("nan")},
    {"metadata": 5},
    {"metadata": {"a": float("inf")}},
    {"index": None},
    {"passage": {"start": 1}},
    {"highlights": [{"start": 1, "end": 2}]},
    {"explain": 5},
]


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b"[]",
        b'{"results": 5}',
        b'{"results": [5]}',
        b'{"answers": []}',
        *(answer({**RESULT, **odd}) for odd in ODD),
    ],
)
def test_an_answer_that_is_none(server: AnsweringServer, body: bytes) -> None:
    server.answer(200, body)
    with pytest.raises(SeekletError, match=r"/search answers '.*', which is no answer of seeklet"):
        RemoteSearcher(server.url).search("a")
    with pytest.raises(SeekletError, match=r"/search answers '.*', which is no answer of seeklet"):
        RemoteSearcher(server.url).like("a")


@pytest.mark.parametrize("body", [b"{}", b"[]", answer(RESULT), b'{"answers": [{}]}', b'{"answers": 5}'])
def test_answers_that_are_none(server: AnsweringServer, body: bytes) -> None:
    server.answer(200, body)
    with pytest.raises(SeekletError, match=r"/search answers '.*', which is no answer of seeklet"):
        RemoteSearcher(server.url).search_many(["a"])


def test_a_filter_that_is_no_json(server: AnsweringServer) -> None:
    with pytest.raises(OptionError, match=r"can't be written as JSON \(.*set.*\): check the options"):
        RemoteSearcher(server.url).search("a", filter={"topic": {"$in": {1, 2}}})
    assert server.asked == []


@pytest.mark.parametrize("status", ["200 OK", "403 Forbidden", "503 Service Unavailable"])
@pytest.mark.parametrize("rest", ["transfer-encoding: chunked\r\n\r\n5\r\n{", "content-length: 5\r\n\r\n{"])
def test_an_answer_that_breaks_off(status: str, rest: str) -> None:
    def answer_once() -> None:
        connection, _ = listener.accept()
        with connection:
            received = b""
            # Read whole: to close before the body came would reset the connection.
            while not received.endswith(b"}"):
                received += connection.recv(65536)
            connection.sendall(f"HTTP/1.1 {status}\r\n{rest}".encode())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=answer_once)
        thread.start()
        with pytest.raises(SeekletError, match=r"/search doesn't answer \(IncompleteRead"):
            RemoteSearcher(f"http://127.0.0.1:{listener.getsockname()[1]}").search("a")
        thread.join()


def test_a_service_that_says_nothing(server: AnsweringServer) -> None:
    searcher = RemoteSearcher(server.url, timeout=0.05)
    assert searcher.timeout == 0.05
    with server.silence(), pytest.raises(SeekletError, match=r"/search doesn't answer \(.*timed out.*\)"):
        searcher.search("a")


@pytest.mark.parametrize("timeout", [0, -1.0, float("nan"), float("inf"), 1e7])
def test_a_timeout_that_no_socket_takes(timeout: float) -> None:
    with pytest.raises(OptionError, match=r"^timeout is .*: give seconds, more than 0 and at most 86,400$"):
        RemoteSearcher("http://127.0.0.1:1", timeout=timeout)


@pytest.mark.parametrize(
    "url", ["localhost:3000", "127.0.0.1:3000/search", "search.example", "ftp://a", "file:///tmp", ""]
)
def test_a_url_of_no_service(url: str) -> None:
    with pytest.raises(OptionError, match=r" has no http:// or https:// before it: write http://"):
        RemoteSearcher(url)
