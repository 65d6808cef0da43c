"""Which line is an environment's first, and what a start loads for its lines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from emf import read_metrics
from http_events import EVENTS
from servers import uvicorn_server
from watched import NAME, ON, QUERY, Watched

from handler.searcher import Searcher

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def searcher(tiny_artifact: Path) -> Searcher:
    return Searcher.load(tiny_artifact)


def test_the_first_event_of_an_environment_is_cold(
    searcher: Searcher, capsys: pytest.CaptureFixture[str]
) -> None:
    event = EVENTS["health"]
    watched = Watched(searcher, capsys, **ON)
    for expected in (True, False, False):
        watched.ask(event)
        (line,) = watched.written()
        assert json.loads(line)["cold"] is expected
        assert read_metrics(line)[NAME,]["ColdStarts"] == [int(expected)]
    pinged = Watched(searcher, capsys, **ON)
    pinged.ask({"source": "aws.events"})
    pinged.ask(event)
    pinged.ask({"text": "storm"})
    lines = pinged.lines()
    assert [(line["kind"], line["cold"]) for line in lines] == [
        ("ping", True),
        ("request", False),
        ("request", False),
    ]
    assert "_aws" not in lines[0]
    assert (lines[2]["route"], lines[2]["key"]) == ("POST /similar", None)
    ready = Watched(searcher, capsys, **ON, AWS_LAMBDA_INITIALIZATION_TYPE="provisioned-concurrency")
    ready.ask(event)
    assert ready.lines()[0]["cold"] is False


def test_what_comes_before_a_snapshot_has_no_line(
    searcher: Searcher, capsys: pytest.CaptureFixture[str]
) -> None:
    watched = Watched(searcher, capsys, **ON, AWS_LAMBDA_INITIALIZATION_TYPE="snap-start")
    watched.ask(EVENTS["health"])
    assert watched.lines() == []
    watched.function.resume()
    watched.ask(EVENTS["health"])
    assert [line["cold"] for line in watched.lines()] == [True]


def test_nothing_is_loaded_for_it_unless_it_is_asked_for(tiny_artifact: Path) -> None:
    script = (
        "import json, sys, handler.app\n"
        "handler.app.handler(json.load(open('events/similar.json')), None)\n"
        "names = {'handler.lines', 'handler.analytics', 'handler.counters', 'hmac', 'hashlib'}\n"
        "print(*sorted(names & set(sys.modules)), file=sys.stderr)\n"
    )
    environ = {name: value for name, value in os.environ.items() if name not in {*ON, "API_KEY", "ANALYTICS"}}
    for variables, expected in (({}, ""), (ON, "handler.lines")):
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={**environ, "ARTIFACT_DIR": str(tiny_artifact), **variables},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stderr.strip() == expected
        assert len(done.stdout.splitlines()) == len(variables) // 2


def test_uvicorn_writes_lines_too(tiny_artifact: Path, tmp_path: Path) -> None:
    with uvicorn_server(tiny_artifact, tmp_path / "log", LOG_REQUESTS="on") as url:
        httpx.post(f"{url}/search", json={"query": QUERY})
        httpx.post(f"{url}/search", content=b"a" * 70_000)
    lines = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines() if line.startswith("{")]
    # The server was asked for its health until it was there.
    told = [(line["route"], line["status"], line["code"], line["cold"]) for line in lines]
    assert told[0] == ("GET /health", 200, None, True)
    assert told[-2:] == [
        ("POST /search", 200, None, False),
        ("POST /search", 413, "body_too_long", False),
    ]
    assert "quagmire" not in (tmp_path / "log").read_text()
