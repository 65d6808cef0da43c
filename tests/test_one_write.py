"""The lines of one event go out in one write; what a teller tells is written though another one fails."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from http_events import EVENTS, make_event
from watched import ON, SALT

from handler.analytics import Analytics
from handler.function import Function
from handler.lines import Lines
from handler.output import Output, Teller
from handler.record import Record
from handler.searcher import Searcher
from handler.settings import Settings


class Writes(io.StringIO):
    """Standard output that keeps each write."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: list[str] = []

    def write(self, text: str) -> int:
        self.kept.append(text)
        return len(text)


@pytest.fixture(scope="module")
def searcher(tiny_artifact: Path) -> Searcher:
    return Searcher.load(tiny_artifact)


def test_a_requests_lines_are_one_write(searcher: Searcher, monkeypatch: pytest.MonkeyPatch) -> None:
    function = Function(Settings.from_env({**ON, "ANALYTICS": "on", "ANALYTICS_SALT": SALT}), searcher)
    writes = Writes()
    monkeypatch.setattr("sys.stdout", writes)
    function(make_event("POST", "/search", json.dumps({"queries": ["storm", "bread"]})))
    function({"source": "aws.events"})
    told = [[json.loads(line)["kind"] for line in text.splitlines()] for text in writes.kept]
    assert told == [["request", "query", "query"], ["ping"]]
    assert all(text.endswith("\n") for text in writes.kept)


class Failing(Analytics):
    """Tells nothing."""

    def __call__(self, record: Record, now: float, shared: str, /) -> list[str]:
        raise ValueError("it can't be told")


@pytest.mark.parametrize("first", [True, False])
def test_a_teller_that_fails_takes_no_line_of_another_one(
    searcher: Searcher, caplog: pytest.LogCaptureFixture, first: bool
) -> None:
    settings = Settings.from_env({"ANALYTICS": "on", "ANALYTICS_SALT": SALT})
    function, written = Function(Settings.from_env({}), searcher), list[str]()
    tellers: list[Teller] = (
        [Failing(settings), Lines(settings)] if first else [Lines(settings), Failing(settings)]
    )
    function.router.watchers.append(Output(tellers, written.append))
    assert function(EVENTS["similar"])["statusCode"] == 200
    (line,) = written
    assert json.loads(line)["kind"] == "request"
    assert "can't be told of" in caplog.text
