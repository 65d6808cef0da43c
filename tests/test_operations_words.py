"""docs/operations.md, word by word: the log's queries, lines and messages, and the names of settings and parameters."""

from __future__ import annotations

import json
import logging
import re
from pathlib import Path
from typing import Any

import pytest
import runbook
from cloudformation import TEMPLATE
from fake_s3 import FakeS3
from http_events import make_event
from indexed import serve
from lambda_tools import ROOT
from releases import POINTER, QUERY, load, make_releases, publish
from watched import SALT, Context

from handler.emf import UNITS
from handler.function import Function
from handler.searcher import Searcher
from handler.settings import Settings

Artifacts = dict[str, Path]


@pytest.fixture(scope="module")
def searcher(tiny_artifact: Path) -> Searcher:
    return Searcher.load(tiny_artifact)


@pytest.fixture(scope="module")
def artifacts(tiny_model: Path, tiny_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    """Three artifacts of one model. Not to be changed."""
    return make_releases(tmp_path_factory.mktemp("releases"), tiny_model, tiny_cache, "abc")


@pytest.fixture
def bucket(s3: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    """An empty bucket, and a /tmp of the test's own."""
    s3.objects.clear()
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    return s3


def real_lines(searcher: Searcher, capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, Any]]:
    """A line of each kind, as the function writes it without METRICS."""
    environ = {"LOG_REQUESTS": "on", "ANALYTICS": "on", "ANALYTICS_SALT": SALT}
    function = Function(Settings.from_env(environ), searcher)
    capsys.readouterr()
    function(make_event("POST", "/search", json.dumps({"query": QUERY})), Context())
    written = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return {line["kind"]: line for line in written}


def test_queries_and_examples_name_fields_of_the_lines(
    searcher: Searcher, capsys: pytest.CaptureFixture[str]
) -> None:
    real = real_lines(searcher, capsys)
    queries = runbook.queries()
    assert len(queries) == 6
    for query in queries:
        fields = runbook.fields_of(query)
        (kind,) = re.findall(r'kind = "(\w+)"', query)
        assert {"kind"} < fields <= real[kind].keys(), query
    shown = {line["kind"]: line for line in map(json.loads, runbook.examples())}
    assert {kind: [*line] for kind, line in shown.items()} == {kind: [*line] for kind, line in real.items()}
    told = [
        name for row in runbook.rows("A line for each request") for name in re.findall(r"`(\w+)`", row[0])
    ]
    # Only over a pointer.
    assert set(told) - {"IndexAge"} <= real["request"].keys()


def test_each_line_of_the_table_is_written(
    bucket: FakeS3, artifacts: Artifacts, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    publish(bucket, artifacts["a"])
    function = load()
    publish(bucket, artifacts["b"])
    look(function)
    publish(bucket, artifacts["c"], damaged="documents.jsonl")
    look(function)
    kept = bucket.objects.pop(POINTER)
    look(function)
    bucket.objects[POINTER], bucket.broken[POINTER] = kept, "busy"
    look(function)
    places: dict[str, Path | str] = {
        "main": artifacts["a"],
        "news": artifacts["b"],
        "faq": artifacts["c"],
        "gone": Path("/nowhere/at/all"),
    }
    several = serve(places, MAX_INDEX_BYTES="1")
    for name in ("news", "faq", "gone"):
        several(make_event("GET", f"/{name}/info"))
    messages = [(record.levelname, record.getMessage()) for record in caplog.records]
    for shown, level, _ in runbook.rows("Lines of updates and indexes"):
        pattern = pattern_of(shown.strip("`"))
        assert any(level == said and re.match(pattern, told) for said, told in messages), (shown, pattern)


def look(function: Function) -> None:
    """Lets the next event look for a release, and waits for what it finds."""
    function.resume()
    function(make_event("GET", "/health"))
    function.source.wait(60)


def pattern_of(shown: str) -> str:
    """The pattern of a message: other numbers, ids and names of indexes may stand there."""
    parts = re.split(r"(\.\.\.|\b[0-9a-f]{16}\b|\b\d[\d.,]*(?= )|news)", shown)
    return "".join(".+" if place % 2 else re.escape(part) for place, part in enumerate(parts))


# --- names


def test_every_setting_and_parameter_is_there() -> None:
    variables = set(re.findall(r'"([A-Z][A-Z_]+)"', (ROOT / "handler" / "settings.py").read_text()))
    parameters, outputs = TEMPLATE["Parameters"], TEMPLATE["Outputs"]
    made = "".join(path.read_text() for path in (ROOT / "Makefile", *(ROOT / "mk").glob("*.mk")))
    variables |= set(re.findall(r"^([A-Z]+) \?=", made, re.M))
    # What glibc and ONNX Runtime read is none of the function's settings; the template sets it.
    variables |= set(re.findall(r"^ +([A-Z_]+): ", (ROOT / "template.yaml").read_text(), re.M))
    # Words of the lines, of CloudWatch and of Lambda.
    others = {*UNITS, *outputs, "FunctionName", "Route", "ERROR", "REPORT", "OLD", "NEW"}
    checked = 0
    for name in runbook.named():
        # What AWS fills in is AWS's.
        name = re.sub(r"\{\{.*?\}\}", "", name)
        for word, _, value in re.findall(r"(?<![\w/=-])([A-Z][A-Za-z_]+)(=(\w[\w-]*))?", name):
            if " " in name and not re.match(r"[A-Z]\w+=", name):
                continue
            checked += 1
            assert word in parameters or word in variables or word in others, name
            if word in parameters and value and "AllowedValues" in parameters[word]:
                assert value in map(str, parameters[word]["AllowedValues"]), name
    assert checked > 40
