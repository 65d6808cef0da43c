"""Opt-in analytics: a line for each query, with its text and a hash of who asked, and with no address."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from http_events import EVENTS
from watched import ON, QUERIES, QUERY, REFUSED, SALT, SECRET, Watched, event_of

from handler.analytics import MOST_CHARACTERS
from handler.errors import SettingsError
from handler.lines import Lines
from handler.record import UNTOLD
from handler.searcher import Searcher
from handler.settings import Settings

ASKING = {"ANALYTICS": "on", "ANALYTICS_SALT": SALT}
ADDRESS = "203.0.113.77"


@pytest.fixture(scope="module")
def searcher(tiny_artifact: Path) -> Searcher:
    return Searcher.load(tiny_artifact)


def from_address(event: dict[str, Any], address: str) -> dict[str, Any]:
    event["requestContext"]["http"]["sourceIp"] = address
    event["headers"].pop("x-forwarded-for", None)
    return event


def expected_hash(who: str) -> str:
    return hmac.new(SALT.encode(), who.encode(), hashlib.sha256).hexdigest()[:16]


def test_every_search_is_told_and_nothing_else(
    searcher: Searcher, capsys: pytest.CaptureFixture[str]
) -> None:
    watched = Watched(searcher, capsys, **ASKING)
    told: dict[str, list[str | None]] = {}
    for method, path, body in QUERIES:
        answer = watched.ask(from_address(event_of(method, path, body), ADDRESS))
        written = watched.written()
        assert not [line for line in written if ADDRESS in line or SALT in line]
        for line in map(json.loads, written):
            assert line["kind"] == "query"
            assert line["id"] == answer["headers"]["x-request-id"]
            assert line["who"] == expected_hash(ADDRESS)
            told.setdefault(line["route"], []).append(line["query"])
    assert told == {
        "POST /similar": [QUERY],
        "POST /search": [QUERY, QUERY, "storm", None],
        "GET /search": [QUERY],
        "POST /v1/vector_stores/{id}/search": [QUERY],
        "POST /mcp": [QUERY],
    }
    for method, path, sent in REFUSED:
        watched.ask(event_of(method, path, sent))
        assert watched.written() == []


def test_a_line_that_cannot_be_made_is_logged_and_the_others_are_written(
    searcher: Searcher,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: Any) -> list[str]:
        raise ZeroDivisionError("of the test")

    monkeypatch.setattr(Lines, "__call__", fail)
    watched = Watched(searcher, capsys, **ON, **ASKING)
    assert watched.ask(event_of("POST", "/search", {"query": QUERY}))["statusCode"] == 200
    assert [line["kind"] for line in watched.lines()] == ["query"]
    (logged,) = caplog.records
    assert (logged.getMessage(), logged.levelname) == (UNTOLD, "ERROR")
    assert logged.exc_info is not None
    assert logged.exc_info[0] is ZeroDivisionError


def test_a_ping_is_no_query(searcher: Searcher, capsys: pytest.CaptureFixture[str]) -> None:
    watched = Watched(searcher, capsys, **ON, **ASKING)
    before = time.time()
    assert watched.ask({"source": "aws.events"})["status"] == "warm"
    (line,) = watched.lines()
    assert line["kind"] == "ping"
    assert before - 0.001 <= datetime.fromisoformat(line["timestamp"]).timestamp() <= time.time()


def test_it_is_off_unless_it_is_asked_for(searcher: Searcher, capsys: pytest.CaptureFixture[str]) -> None:
    watched = Watched(searcher, capsys, **ON)
    watched.ask(event_of("POST", "/search", {"query": QUERY}))
    assert [line["kind"] for line in watched.lines()] == ["request"]


def test_what_has_no_good_answer(searcher: Searcher, capsys: pytest.CaptureFixture[str]) -> None:
    def poor(good: str, **fields: Any) -> bool:
        watched = Watched(searcher, capsys, **ASKING, GOOD_SCORE=good)
        watched.ask(event_of("POST", "/search", fields))
        (line,) = watched.lines()
        assert line["results"] == 0 or line["top_score"] is not None or fields.get("offset")
        return bool(line["no_good_answer"])

    top = searcher.search("storm", 1, "semantic")[0].score
    below, above = f"{top - 0.001:.3f}", f"{top + 0.001:.3f}"
    assert not poor(below, query="storm", mode="semantic")
    assert poor(above, query="storm", mode="semantic")
    assert poor("0", query="xyzzyx", mode="keyword")
    # Of a later page nothing is said: the best results are on the first.
    assert not poor("1", query="storm", offset=10_000)
    assert not poor("1", query="storm", offset=3)


def test_who_asked_is_the_address_or_else_the_key(
    searcher: Searcher, capsys: pytest.CaptureFixture[str]
) -> None:
    watched = Watched(searcher, capsys, **ASKING, API_KEYS=f"web={SECRET}")
    asked = event_of("POST", "/similar", {"text": QUERY})
    watched.ask(from_address(asked, ADDRESS))
    watched.ask(from_address(asked, ""))
    watched.ask({"text": QUERY})
    assert [line["who"] for line in watched.lines()] == [expected_hash(ADDRESS), expected_hash("web"), None]


def test_a_long_query_is_cut_and_a_line_stays_one(
    searcher: Searcher, capsys: pytest.CaptureFixture[str]
) -> None:
    watched = Watched(searcher, capsys, **ASKING)
    text = "a\nb\u2028\u202e\x00" * 1000
    watched.ask(event_of("POST", "/similar", {"text": text}))
    (line,) = watched.lines()
    assert line["query"] == text[:MOST_CHARACTERS]


def test_settings_that_can_not_be_used() -> None:
    for variables, said in (
        ({"ANALYTICS": "on"}, "ANALYTICS=on needs ANALYTICS_SALT"),
        ({"ANALYTICS": "on", "ANALYTICS_SALT": "short"}, "16 or more"),
        ({"ANALYTICS": "on", "ANALYTICS_SALT": "\udcff" * 16}, "16 or more"),
        ({"ANALYTICS": "yes"}, "ANALYTICS='yes'"),
        ({"METRICS": "statsd"}, "off, emf"),
        ({"GOOD_SCORE": "1.5"}, "from 0 to 1"),
        ({"LOG_REQUESTS": "1"}, "off, on"),
    ):
        with pytest.raises(SettingsError, match=said) as caught:
            Settings.from_env(variables)
        assert "short" not in str(caught.value)
    assert SALT not in repr(Settings.from_env(ASKING))


@pytest.mark.parametrize("sent", [ADDRESS, f"198.51.100.1, {ADDRESS}", f"{SECRET},198.51.100.1 , {ADDRESS}"])
@pytest.mark.parametrize("many", [False, True])
def test_a_load_balancer_says_who_asked(
    searcher: Searcher, sent: str, many: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    watched = Watched(searcher, capsys, **ASKING)
    event = copy.deepcopy(EVENTS["similar-alb"])
    event["headers"]["x-forwarded-for"] = sent
    if many:
        headers = event.pop("headers")
        event["multiValueHeaders"] = {name: [value] for name, value in headers.items()}
    assert watched.ask(event)["statusCode"] == 200
    (line,) = watched.lines()
    # The load balancer adds the address that it sees; the caller may have written the others.
    assert line["who"] == expected_hash(ADDRESS)
