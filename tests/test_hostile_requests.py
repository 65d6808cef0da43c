"""Hostile events of every kind and for every route: a small share of what `make soak` sends."""

from __future__ import annotations

import gc
import json
import logging
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from http_events import make_event, post

from handler import folding
from handler.errors import RequestError
from handler.function import Function
from handler.requests import write_list
from handler.routes import ROUTES
from soak import hostile_requests
from soak.corpus import corpus_of
from soak.hostile_bodies import encode
from soak.hostile_events import make
from soak.hostile_requests import broken, growth
from soak.hostile_values import CANARY, written
from soak.hostility import Hostility
from soak.judging import judge
from soak.senders import SENDERS

COUNT = 700
FIGURES: dict[str, Any] = {
    "faults": [],
    "crash": None,
    "slowest": [],
    "growth": 0.0,
    "log lines with a query": 0,
}


@pytest.fixture
def hostility(tiny_artifact: Path) -> Iterator[Hostility]:
    """The function under hostile events; the log is pytest's again afterwards."""
    handlers = logging.getLogger().handlers
    try:
        yield Hostility(tiny_artifact, seed=0)
    finally:
        logging.getLogger().handlers = handlers


def test_no_event_is_answered_by_a_defect_or_logged(hostility: Hostility) -> None:
    for number in range(COUNT):
        # Those of 6 MB and FastAPI's paths are left to `make soak`: half a second each.
        if number % 2000 != 3 and number % 500 != 7:
            hostility.send(number)
    figures = hostility.figures()
    assert figures["faults"] == []
    assert figures["log lines with a query"] == 0
    assert {"200", "202", "400", "404", "405", "413", "422"} <= set(figures["statuses"])


def test_the_events_are_the_same_again_and_of_every_kind(tiny_artifact: Path) -> None:
    corpus = corpus_of(tiny_artifact)
    made = [make(0, number, corpus) for number in range(3000)]
    assert made[:50] == [make(0, number, corpus) for number in range(50)]
    assert made[:50] != [make(1, number, corpus) for number in range(50)]
    assert {each.sender for each in made} == {*SENDERS, "direct", "ping", "none"}
    assert {each.route for each in made} >= {f"{method} {path}" for method, path in ROUTES}
    assert max(len(each.event) for each in made) > 5_000_000
    assert sum(CANARY in each.event for each in made) > 200


def test_an_event_is_the_same_at_another_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compressed body once held the time of day."""

    def bodies() -> list[Any]:
        return [encode(random.Random(number), '{"query": "storm"}') for number in range(200)]

    first = bodies()
    assert {"gzip", "deflate"} <= {body.headers.get("content-encoding") for body in first}
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert bodies() == first


def test_what_leaves_the_function_is_a_fault(hostility: Hostility) -> None:
    def raising(event: Any) -> dict[str, Any]:
        logging.getLogger("handler").error("asked for %s", CANARY)
        raise MemoryError("no room")

    hostility.function = raising  # type: ignore[assignment]
    hostility.send(0)
    figures = hostility.figures()
    assert figures["faults"][0]["fault"] == "MemoryError: no room"
    assert (figures["statuses"], figures["log lines with a query"]) == ({"exception": 1}, 1)


@pytest.mark.parametrize(
    ("answer", "status", "fault"),
    [
        ({"statusCode": 200, "body": "", "headers": {"a": "b"}}, "200", None),
        ({"statusCode": 503, "body": "", "headers": {}}, "503", "status 503"),
        ({"statusCode": 200, "body": None, "headers": {}}, "200", "a body or a header isn't text"),
        ({"statusCode": 200, "body": "", "headers": {"a": 1}}, "200", "a body or a header isn't text"),
        ({"results": []}, "direct, answered", None),
        ({"error": {"code": "not_json"}}, "direct, refused", None),
        ({"error": {"code": "internal_error"}}, "direct, refused", "internal_error"),
        ([], "no object", "the answer is list"),
    ],
)
def test_answers_are_judged(answer: Any, status: str, fault: str | None) -> None:
    assert judge(answer) == (status, fault)


def test_broken_promises_are_told() -> None:
    assert broken(FIGURES, 1) == []
    slow = {"ms": 1000.1, "number": 7, "what": "x"}
    assert broken({**FIGURES, "slowest": [slow]}, 1) == ["event 7 (x) took 1,000.1 ms"]
    assert broken({**FIGURES, "slowest": [slow]}, 2) == []
    assert broken({**FIGURES, "growth": 0.03}, 1) == ["the memory grew by 3.0%"]
    assert broken({**FIGURES, "crash": "after event 3: status -11"}, 1) == [
        "the process ended after event 3: status -11"
    ]
    assert broken({**FIGURES, "faults": [{"number": 1, "what": "x", "fault": "y"}]}, 1) == ["event 1 (x): y"]
    assert broken({**FIGURES, "log lines with a query": 2}, 1) == ["2 log lines hold a query's text"]


def test_growth_is_that_of_the_second_half() -> None:
    assert growth({0: 10, 100: 90, 200: 100, 1000: 95, 1500: 110, 2000: 102}) == pytest.approx(0.02)
    assert growth({0: 10, 5: 20}) == 0


def test_the_command_writes_its_figures(tiny_artifact: Path, tmp_path: Path) -> None:
    out = tmp_path / "figures.json"
    # So few events warm nothing: only the memory may be told.
    hostile_requests.main([str(tiny_artifact), "--count", "20", "--json", str(out)])
    figures = json.loads(out.read_text())
    assert (figures["number"], sum(figures["statuses"].values()), figures["crash"]) == (20, 20, None)


def test_raw_values_are_written_as_they_are() -> None:
    content = {"a": hostile_values_raw("NaN"), "b": [1, None, "\ud800"]}
    assert written(content) == '{"a":NaN,"b":[1,null,"\\ud800"]}'


def hostile_values_raw(text: str) -> Any:
    from soak.hostile_values import Raw

    return Raw(text)


# What the events found, each by itself.


def test_a_paths_parameters_are_filled_in_once(function: Function) -> None:
    """Each of nine steps made the path eight times as long."""
    event = make_event("GET", "/health", base="health-rest")
    event["resource"] = "/{a}{a}{a}{a}"
    event["pathParameters"] = {chr(97 + step): f"{{{chr(98 + step)}}}" * 8 for step in range(9)}
    assert function(event)["statusCode"] == 200
    event["resource"] = "/{health}"
    event["pathParameters"] = {"health": ["x"], "x": 5, None: "y"}
    assert function(event)["statusCode"] == 200


@pytest.mark.parametrize("depth", range(900, 1000, 3))
def test_no_depth_of_a_value_is_a_defect(function: Function, depth: int) -> None:
    """Python's limit is met at another step of the work at each depth."""
    tower: Any = 1
    for _ in range(depth):
        tower = [tower]
    for direct in ({"query": "storm", "filter": tower}, {"text": tower}, {"like": {"a": tower}}):
        assert "internal_error" not in json.dumps(function(direct))
    event = make_event("GET", "/search", base="health-rest")
    event |= {"queryStringParameters": {"q": tower}, "multiValueQueryStringParameters": {"q": [tower]}}
    assert function(event)["statusCode"] == 422
    event["pathParameters"] = {"proxy": tower}
    assert function(event)["statusCode"] == 422
    nested = "[" * depth + "]" * depth
    call = f'{{"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {{"name": {nested}}}}}'
    assert function(make_event("POST", "/mcp", call))["statusCode"] in (200, 400)


def test_tables_of_characters_are_bounded() -> None:
    """Texts of all Unicode's characters once took 300 MB for good."""
    for start in range(0, 0x110000, 0x4000):
        folding.fold("".join(map(chr, range(start, start + 0x4000))))
    tables = [
        each
        for each in gc.get_objects()
        # By its type: some objects of torch warn where their class is asked for.
        if issubclass(type(each), dict) and type(each).__module__ == "handler.folding"
    ]
    assert len(tables) == 3
    assert all(0 < len(table) <= folding.MOST_KEPT for table in tables)
    mixed = "".join(map(chr, random.Random(0).sample(range(0x80, 0xD800), 20_000)))
    parts = [folding.fold(mixed[place : place + 1]).text for place in range(0, 20_000, 500)]
    assert parts == [folding.fold(mixed[place : place + 1]).text for place in range(0, 20_000, 500)]


def test_a_list_is_refused_before_its_next_item_is_made() -> None:
    assert write_list([], 10, "k") == b"[]"
    assert write_list((b'{"a":%d}' % n for n in range(2)), 100, "k") == b'[{"a":0},{"a":1}]'
    made = []

    def items() -> Iterator[bytes]:
        for number in range(100):
            made.append(number)
            yield b'"xxxxxxxx"'

    with pytest.raises(
        RequestError, match="the answer has more than 45 bytes, which can't be sent: ask for fewer k"
    ):
        write_list(items(), 45, "k")
    assert len(made) == 5


def test_a_batch_that_is_too_long_is_refused(function: Function) -> None:
    small = Function(function.settings._replace(max_response_bytes=20_000), function.searcher)
    status, answer = post(small, json.dumps({"queries": ["storm"] * 20, "k": 20}), "/search")
    assert (status, answer["code"], answer["field"]) == (422, "response_too_long", "k")
    message = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "search", "arguments": {"query": "storm"}},
    }
    event = make_event("POST", "/mcp", json.dumps([message] * 20))
    event["headers"]["mcp-protocol-version"] = "2025-03-26"
    assert small(event)["statusCode"] == 422
    assert function(event)["statusCode"] == 200


def test_a_filter_of_empty_filters_is_refused(function: Function) -> None:
    """Each of them is a pass over all documents."""
    for kind in ("$or", "$and"):
        status, answer = post(
            function, json.dumps({"query": "storm", "filter": {kind: [{}] * 1_000}}), "/search"
        )
        assert (status, answer["field"]) == (422, "filter")
        assert "a filter has 1,000 objects at most: ask for less at once" in answer["detail"]
        assert (
            post(function, json.dumps({"query": "storm", "filter": {kind: [{}] * 999}}), "/search")[0] == 200
        )


def test_a_query_string_of_many_parameters_is_refused(function: Function) -> None:
    event = make_event("GET", "/map/points")
    for count, status in ((99, 422), (101, 422)):
        event["rawQueryString"] = "&".join(["color=topic"] * count)
        answer = function(event)
        assert answer["statusCode"] == status
    assert "more than 100 parameters" in answer["body"]
