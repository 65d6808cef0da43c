"""The function over a pointer: what it says of its release, its ETags, its pings, and SnapStart."""

from __future__ import annotations

import json
import logging
import os
import re
import subprocess
import sys
import threading
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from fake_s3 import FakeS3
from http_events import make_event
from lambda_tools import ROOT
from releases import POINTER, QUERY, URI, load, make_releases, publish

from handler.function import Function
from handler.searcher import Searcher
from handler.settings import Settings

PING = {"source": "aws.events", "detail-type": "Scheduled Event"}
Artifacts = dict[str, Path]


@pytest.fixture(scope="module")
def artifacts(tiny_model: Path, tiny_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    """Two artifacts of one model. Not to be changed."""
    return make_releases(tmp_path_factory.mktemp("releases"), tiny_model, tiny_cache, "ab")


@pytest.fixture
def bucket(s3: FakeS3, artifacts: Artifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    """A bucket with release a, and a /tmp of the test's own."""
    s3.objects.clear()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    publish(s3, artifacts["a"])
    return s3


def get(function: Function, path: str, **headers: str) -> Any:
    path, _, query = path.partition("?")
    return function(make_event("GET", path, rawQueryString=query, headers=headers))


def body(answer: Any) -> Any:
    return json.loads(answer["body"])


def switch(function: Function) -> None:
    """Lets the next event look, and waits for what it finds."""
    function.resume()
    function.source.current()
    function.source.wait(60)


def test_it_says_which_release_it_serves(
    bucket: FakeS3, artifacts: Artifacts, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    function = load()
    first = body(get(function, "/health"))["release"]
    told = body(get(function, "/info"))["release"]
    assert re.fullmatch(r"[0-9a-f]{16}", first)
    assert (told["id"], told["refused"]) == (first, None)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["loaded"])

    bad = publish(bucket, artifacts["b"], without="documents.jsonl")
    switch(function)
    told = body(get(function, "/info"))["release"]
    assert (told["id"], told["refused"]["id"]) == (first, bad.id)

    caplog.clear()
    good = publish(bucket, artifacts["b"])
    bucket.objects[POINTER] += b"\n"  # Another ETag: the same release, whole by now.
    switch(function)
    assert body(get(function, "/health"))["release"] == good.id
    (message,) = [text for text in caplog.messages if text.startswith("release ")]
    assert re.fullmatch(rf"release {good.id}: 12 documents, switched in \d+\.\d\d s", message)


def test_an_etag_holds_for_one_release(bucket: FakeS3, artifacts: Artifacts) -> None:
    function = load()
    first = get(function, "/search?q=storms")
    kept = first["headers"]["etag"]
    assert get(function, "/search?q=storms", **{"if-none-match": kept})["statusCode"] == 304
    publish(bucket, artifacts["b"])
    switch(function)
    second = get(function, "/search?q=storms", **{"if-none-match": kept})
    assert second["statusCode"] == 200
    assert second["headers"]["etag"] != kept
    assert {hit["id"][0] for hit in body(second)["results"]} == {"b"}


def test_fastapi_and_its_document_follow_the_release(
    bucket: FakeS3, artifacts: Artifacts, tmp_path: Path
) -> None:
    function = Function(load().settings, source=load().source, direct=False)
    assert body(get(function, "/openapi.json"))["info"]["title"] == "seeklet"
    publish(bucket, artifacts["b"])
    switch(function)
    answer = function(make_event("POST", "/search", json.dumps({"query": QUERY})))
    assert {hit["id"][0] for hit in body(answer)["results"]} == {"b"}
    text = get(function, "/openapi.json")["body"]
    assert text == get(function, "/openapi.json")["body"]


def test_a_ping_waits_for_the_new_release(bucket: FakeS3, artifacts: Artifacts) -> None:
    function = load()
    function.resume()
    publish(bucket, artifacts["b"])
    assert function(PING) == {"status": "warm", "documents": 12, "results": 1}
    # No wait is needed any more.
    assert function.searcher.search(QUERY, 5) == Searcher.load(artifacts["b"]).search(QUERY, 5)


class Context:
    """Lambda's context: 2.1 seconds are left."""

    def get_remaining_time_in_millis(self) -> int:
        return 2100


def test_a_ping_waits_no_longer_than_lambda_does(bucket: FakeS3, artifacts: Artifacts) -> None:
    function = load()
    function.resume()
    publish(bucket, artifacts["b"])
    bucket.wait = threading.Event()
    assert function(PING, Context())["status"] == "warm"
    assert function.searcher.search(QUERY, 5) == Searcher.load(artifacts["a"]).search(QUERY, 5)
    bucket.wait.set()
    function.source.wait(60)
    assert function.searcher.search(QUERY, 5) == Searcher.load(artifacts["b"]).search(QUERY, 5)


PROBE = """
import json, sys, threading
import snapshot_restore_py
import handler.app as app
def state():
    return [len(threading.enumerate()), app.handler.searcher.search("storms", 1)[0].id[0]]
report = [state()]
for function, arguments, named in snapshot_restore_py.registry:
    function(*arguments, **named)
report.append([len(threading.enumerate())])
app.handler({"source": "aws.events"}, None)
report.append(state()[1:])
print(json.dumps(report))
"""
STAND_IN = """
registry = []
def register_before_snapshot(function, *arguments, **named):
    registry.append((function, arguments, named))
"""


def test_nothing_runs_before_a_snapshot_and_the_first_event_after_it_looks(
    bucket: FakeS3, artifacts: Artifacts, tmp_path: Path
) -> None:
    packages = tmp_path / "packages"
    packages.mkdir()
    (packages / "snapshot_restore_py.py").write_text(STAND_IN)
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        cwd=ROOT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(packages)]),
            "ARTIFACT_URI": URI,
            "REFRESH_SECONDS": "3600",
            "THREADS": "1",
            "TMPDIR": str(tmp_path),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [[1, "a"], [1], ["a"]]
    pointers = [asked for asked in bucket.asked if asked.path.endswith(POINTER)]
    # One at the start, one after the snapshot.
    assert [bool(asked.known) for asked in pointers] == [False, True]


def test_a_folder_on_s3_needs_nothing_of_it(bucket: FakeS3, artifacts: Artifacts, tmp_path: Path) -> None:
    for path in artifacts["a"].iterdir():
        bucket.objects[f"plain/{path.name}"] = path.read_bytes()
    script = "import sys, handler.app; print('handler.refresh' in sys.modules, 'botocore' in sys.modules)"
    environ = {**os.environ, "TMPDIR": str(tmp_path)}

    def run(**variables: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            env={**environ, **variables},
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert run(ARTIFACT_URI="s3://bucket/plain") == "False True"
    assert run(ARTIFACT_URI=URI) == "True True"
    assert run(ARTIFACT_DIR=str(artifacts["a"])) == "False False"


@pytest.mark.parametrize("value", ["-1", "1.5", "often", "10000000000"])
def test_the_seconds_are_a_number(value: str) -> None:
    from handler.errors import SettingsError

    with pytest.raises(SettingsError, match=r"REFRESH_SECONDS=.* is not a whole number from 0"):
        Settings.from_env({"REFRESH_SECONDS": value})
    assert Settings.from_env({}).refresh_seconds == 60
    assert Settings.from_env({"REFRESH_SECONDS": "0"}).refresh_seconds == 0


def test_a_releases_age_is_its_pointers(bucket: FakeS3, artifacts: Artifacts) -> None:
    function = load()

    def created() -> float | None:
        release = function.source.current().release
        assert release is not None
        return release.created

    def told() -> float:
        released = json.loads(bucket.objects[POINTER])["released"]
        return datetime.fromisoformat(released).timestamp()

    first = told()
    assert created() == first
    publish(bucket, artifacts["b"])
    pointer = json.loads(bucket.objects[POINTER])
    bucket.objects[POINTER] = json.dumps({**pointer, "released": "2026-11-23T11:30:00Z"}).encode()
    switch(function)
    assert created() == told() != first
    # A pointer without a time that can be read has no age, and serves all the same.
    publish(bucket, artifacts["a"])
    pointer = json.loads(bucket.objects[POINTER])
    bucket.objects[POINTER] = json.dumps({**pointer, "released": "yesterday"}).encode()
    switch(function)
    assert created() is None
