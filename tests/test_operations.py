"""docs/operations.md, step by step: its commands, queries, alarms, lines and names are taken from it and tried here.

What can't be tried here stands in NOT_HERE, with the reason.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import runbook
from cloudformation import RESOURCES, Stack
from emf import read_metrics
from fake_s3 import FakeS3, fake_s3
from fake_s3_writing import WritingHandler
from http_events import BrokenSearcher, make_event
from lambda_tools import NO_AWS, ROOT
from releases import QUERY, load, make_releases, publish, write_corpus
from watched import NAME, Context

from handler.function import Function
from handler.lines import Lines
from handler.output import Output
from handler.searcher import Searcher
from handler.settings import Settings

# What the document tells to do -> why it isn't tried here.
NOT_HERE = {
    "make logs": "it follows CloudWatch's log of a stack: an AWS account",
    "make deploy": "a stack needs an AWS account; tests/test_deploy.py builds what is deployed",
    "make deploy CONFIG=prod": "the same",
    "errors": "AWS/Lambda counts it; tests/test_lambda.py ends a process within a request",
    "throttles": "AWS/Lambda counts it: no emulator here has a limit of environments",
    "duration": "AWS/Lambda counts it",
}
# The alarms of the table -> the template's.
ALARMS = {
    "errors": "ErrorAlarm",
    "throttles": "ThrottleAlarm",
    "duration": "DurationAlarm",
    "server errors": "ServerErrorAlarm",
    "empty answers": "EmptyAnswerAlarm",
    "index age": "IndexAgeAlarm",
}
Artifacts = dict[str, Path]


@pytest.fixture(scope="module")
def searcher(tiny_artifact: Path) -> Searcher:
    return Searcher.load(tiny_artifact)


@pytest.fixture(scope="module")
def artifacts(tiny_model: Path, tiny_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    """Three artifacts of one model. Not to be changed."""
    return make_releases(tmp_path_factory.mktemp("releases"), tiny_model, tiny_cache, "abc")


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeS3]:
    """An empty bucket that may be written, where AWS's settings lead; and a /tmp of the test's own."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    with fake_s3(WritingHandler) as server:
        for name, value in NO_AWS.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        yield server


def deploy(searcher: Searcher, lines: list[str], **variables: str) -> Function:
    """A version of the function, whose lines go into a list as they go into the log."""
    environ = {"AWS_LAMBDA_FUNCTION_NAME": NAME, "LOG_REQUESTS": "on", "METRICS": "emf", **variables}
    function = Function(Settings.from_env(environ), searcher)
    function.router.watchers = [Output([Lines(function.settings)], lines.append)]
    return function


def search(key: str = "", **fields: Any) -> dict[str, Any]:
    event = make_event("POST", "/search", json.dumps({"query": QUERY, **fields}))
    event["headers"]["x-api-key"] = key
    return event


# --- keys


def test_a_key_is_rotated_by_the_documents_steps_while_requests_go_on(searcher: Searcher) -> None:
    steps = re.findall(r"^\d\. (.+?)(?=^\d\. |^$)", runbook.section("Keys"), re.M | re.S)
    assert len(steps) == 4
    keys = {"OLD": "old-key-of-the-test", "NEW": "new-key-of-the-test"}
    both, new = (
        re.sub("OLD|NEW", lambda name: keys[name[0]], found)
        for found in re.findall(r"deploy: `([^`]+)`", " ".join(steps))
    )
    lines: list[str] = []
    alias = [deploy(searcher, lines, API_KEYS=f"web={keys['OLD']}")]
    sent, statuses, ended = [keys["OLD"]], [], threading.Event()

    def ask_on() -> None:
        while not ended.is_set():
            # A client's key and the alias are read as one request begins.
            statuses.append(alias[0](search(sent[0]), Context())["statusCode"])

    client = threading.Thread(target=ask_on)
    client.start()

    def some_requests() -> None:
        wanted = len(statuses) + 5
        while len(statuses) < wanted and client.is_alive():
            ended.wait(0.001)

    def names() -> list[str]:
        return [json.loads(line)["key"] for line in lines]

    some_requests()
    alias[0] = deploy(searcher, lines, API_KEYS=both)  # 1
    some_requests()
    sent[0] = keys["NEW"]  # 2
    while names()[-5:] != ["web-2"] * 5 and client.is_alive():  # 3: the query groups by `key`
        some_requests()
    alias[0] = deploy(searcher, lines, API_KEYS=new)  # 4
    some_requests()
    ended.set()
    client.join()
    assert {*statuses} == {200}
    assert {*names()} == {"web", "web-2"}
    assert alias[0](search(keys["OLD"]), Context())["statusCode"] == 403
    assert "by key" in steps[2]


# --- the corpus


def run(command: str, folder: Path, *more: str) -> str:
    """What a command of the document prints, in the bucket of the test."""
    words = shlex.split(command.replace("s3://my-bucket/", "s3://bucket/"))
    assert words[0] == "seeklet"
    done = subprocess.run(
        [sys.executable, "-m", "seeklet", *words[1:], *more],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_corpus_is_replaced_and_back_again_while_requests_go_on(
    bucket: FakeS3, tiny_model: Path, tmp_path: Path, use_tiny_cache: None
) -> None:
    export, query, release, listing, rollback = [
        command for command in runbook.commands() if command not in NOT_HERE
    ]

    def prepare(name: str, first: int) -> None:
        write_corpus(tmp_path, name, first).rename(tmp_path / "articles.jsonl")
        run(export, tmp_path, "--model", str(tiny_model), "--no-verify")

    prepare("one", 0)
    assert "one-" in run(query, tmp_path)
    run(release, tmp_path)
    function = load()
    first = served(function)
    statuses, ended = [], threading.Event()

    def ask_on() -> None:
        while not ended.is_set():
            statuses.append(function(search())["statusCode"])

    with_requests = threading.Thread(target=ask_on)
    with_requests.start()
    try:
        prepare("two", 4)
        printed = run(release, tmp_path)
        second = look(function)
        assert second != first
        assert second in printed
        assert found(function) == "two"
        roles = {one["role"]: one["id"] for one in json.loads(run(listing, tmp_path))["releases"]}
        assert roles == {"current": second, "previous": first}
        run(rollback, tmp_path)
        assert look(function) == first
        assert found(function) == "one"
    finally:
        ended.set()
        with_requests.join()
    assert {*statuses} == {200}


def served(function: Function) -> str:
    """The release that GET /health says."""
    return str(json.loads(function(make_event("GET", "/health"))["body"])["release"])


def look(function: Function) -> str:
    """The release after REFRESH_SECONDS, and the time to load it."""
    function.resume()
    function(make_event("GET", "/health"))
    function.source.wait(60)
    return served(function)


def found(function: Function) -> str:
    """The release's name that the ids of a search begin with."""
    (name,) = {hit["id"].partition("-")[0] for hit in json.loads(function(search())["body"])["results"]}
    return str(name)


# --- alarms


def test_every_alarm_of_the_template_is_in_the_table() -> None:
    assert [row[0] for row in runbook.rows("What to watch")] == [*ALARMS]
    alarms = {name for name, each in RESOURCES.items() if each["Type"] == "AWS::CloudWatch::Alarm"}
    assert alarms == {*ALARMS.values()}
    own = {name for name in ALARMS if RESOURCES[ALARMS[name]]["Properties"]["Namespace"] == "seeklet"}
    assert own == {*ALARMS} - {*NOT_HERE}


def emitted(line: str, alarm: str) -> float:
    """The value that a line gives to the metric of an alarm."""
    metric = RESOURCES[ALARMS[alarm]]["Properties"]["MetricName"]
    return max(read_metrics(line)[NAME,][metric])


def test_a_500_raises_the_alarm_of_server_errors(searcher: Searcher) -> None:
    lines: list[str] = []
    event = make_event("POST", "/similar", json.dumps({"text": QUERY}))
    assert deploy(BrokenSearcher(searcher), lines)(event, Context())["statusCode"] == 500
    assert emitted(lines[0], "server errors") > RESOURCES["ServerErrorAlarm"]["Properties"]["Threshold"]
    assert json.loads(lines[0])["level"] == "ERROR"
    assert deploy(searcher, lines)(event, Context())["statusCode"] == 200
    assert emitted(lines[1], "server errors") == 0


def test_a_ping_that_fails_raises_the_alarm_of_server_errors(searcher: Searcher) -> None:
    lines: list[str] = []
    # It is answered, so Lambda counts no error.
    answer = deploy(BrokenSearcher(searcher), lines)({"source": "aws.events"}, Context())
    assert answer["error"]["code"] == "internal_error"
    assert emitted(lines[-1], "server errors") > RESOURCES["ServerErrorAlarm"]["Properties"]["Threshold"]
    assert json.loads(lines[-1])["level"] == "ERROR"


def test_answers_without_results_raise_the_alarm_of_empty_answers(searcher: Searcher) -> None:
    lines: list[str] = []
    function = deploy(searcher, lines)
    for fields in ({"filter": {"topic": "no such topic"}}, {"mode": "keyword", "query": "xyzzyx"}, {}):
        assert function(search(**fields), Context())["statusCode"] == 200
    values = [emitted(line, "empty answers") for line in lines]
    assert values == [1, 1, 0]
    assert sum(values) / len(values) > RESOURCES["EmptyAnswerAlarm"]["Properties"]["Threshold"]


def test_an_old_pointer_raises_the_alarm_of_the_index_age(bucket: FakeS3, artifacts: Artifacts) -> None:
    # The test's pointers were written in 2026-11-23T10:00:00Z.
    publish(bucket, artifacts["a"])
    lines: list[str] = []
    function = load(AWS_LAMBDA_FUNCTION_NAME=NAME, LOG_REQUESTS="on", METRICS="emf")
    function.router.watchers = [Output([Lines(function.settings)], lines.append)]
    function(search(), Context())
    alarm = Stack(Metrics="emf", AlarmIndexAgeSeconds="60").resources["IndexAgeAlarm"]
    assert emitted(lines[0], "index age") > float(alarm["Threshold"])


# --- all of it


def test_each_command_is_tried_or_has_a_reason() -> None:
    tried = [command for command in runbook.commands() if command.startswith("seeklet ")]
    assert {*runbook.commands()} - {*tried} <= {*NOT_HERE}
    told = [name for name in runbook.named() if name.startswith("make ")]
    assert {*told} <= {*NOT_HERE}
    headings = re.findall(r"^## (.+)", runbook.TEXT, re.M)
    assert [*headings] == [
        *("What to watch", "Metrics", "Logs", "Keys", "When something fails", "Limits", "Scheduled pings"),
        *("A new corpus, a new model", "Capacity", "Costs"),
    ]
