"""The function under Lambda's own Runtime Interface Emulator: CPython 3.13, the pruned layer, nothing else.

The emulator enforces the timeout and the sizes, not the memory (tests/test_sam_local.py does).
"""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from emf import read_metrics
from emulated import Start, emulated
from http_events import stable
from lambda_tools import EVENTS, build_function, python313, runtime_layer

pytestmark = pytest.mark.aws

SIMILAR = json.loads(next(path for path in EVENTS if path.name == "similar.json").read_text())
WARM_EVENTS = 5000
# One page more for every tenth event would be over this.
GROWTH_BYTES = 2 << 20


@pytest.fixture(scope="module")
def function(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """/var/task: the function's files, compiled, and the test's faults beside them."""
    out = build_function(tmp_path_factory.mktemp("task"))
    (out / "faults.py").write_bytes((Path(__file__).parent / "faults.py").read_bytes())
    return out


@pytest.fixture(scope="module")
def start(function: Path, artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Start:
    """What starts an emulator over the function; its context gives the Environment."""
    return emulated(function, artifact, tmp_path_factory.mktemp)


@pytest.mark.parametrize("path", EVENTS, ids=lambda path: path.stem)
def test_every_event_cold_and_warm(start: Start, path: Path) -> None:
    event = json.loads(path.read_text())
    with start() as environment:
        cold, warm = environment.invoke(event), environment.invoke(event)
        log = environment.log.read_text(errors="replace")
    assert cold.status == 200
    assert cold.body["statusCode"] == (422 if path.name.startswith("bad-request") else 200)
    assert stable(cold.body) == stable(warm.body)
    assert re.search(r"INIT REPORT\(durationMs: [0-9.]+\)", log), "no cold start in the log"
    assert len(re.findall(r"^REPORT RequestId", log, re.MULTILINE)) == 2
    body = json.loads(cold.body["body"])
    if path.name.startswith(("similar", "hybrid")):
        assert len(body["results"]) == 5
        assert body["results"][0]["score"] >= body["results"][-1]["score"] > 0
    elif path.name.startswith("bad-request"):
        assert body["error"]["field"] == "num_results"
    elif path.name.startswith("search"):
        assert len(body["results"]) == 5
    elif path.name == "mcp.json":
        assert len(body["result"]["structuredContent"]["results"]) == 5
    elif path.name == "embed.json":
        assert [len(vector) for vector in body] == [384, 384]
    else:
        assert body["status"] == "ok"


def test_the_same_answer_as_without_lambda(start: Start, artifact: Path) -> None:
    text = json.loads(SIMILAR["body"])["text"]
    with start() as environment:
        results = json.loads(environment.invoke(SIMILAR).body["body"])["results"]
    # By the same Python and packages: another build of numpy may differ in a sum's last bit.
    program = (
        "import json, sys; from handler.searcher import Searcher; hits = Searcher.load(sys.argv[1]).search(sys.argv[2], 5, 'semantic');"
        "print(json.dumps([[hit.id, hit.score] for hit in hits]))"
    )
    path = f"{runtime_layer() / 'python'}:{Path(__file__).parent.parent}"
    wanted = subprocess.run(
        [python313(), "-c", program, str(artifact), text],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": path},
        capture_output=True,
        check=True,
    )
    assert [[result["id"], result["score"]] for result in results] == json.loads(wanted.stdout)


@pytest.mark.parametrize(
    ("fault", "status", "told"),
    [
        ("crash", 502, "Runtime.ExitError"),
        ("timeout", 200, "Task timed out after 3.00 seconds"),
        ("oversized", 502, "Function.ResponseSizeTooLarge"),
    ],
)
def test_after_a_fault_the_next_event_is_answered(start: Start, fault: str, status: int, told: str) -> None:
    with start("faults.handler", AWS_LAMBDA_FUNCTION_TIMEOUT="3") as environment:
        before = environment.invoke(SIMILAR)
        failed = environment.invoke({"fault": fault})
        after = environment.invoke(SIMILAR)
    assert before.body["statusCode"] == 200
    assert failed.status == status
    assert told in json.dumps(failed.body)
    assert stable(after.body) == stable(before.body)


def test_a_request_is_a_line_of_the_log_and_metrics(start: Start) -> None:
    with start(LOG_REQUESTS="on", METRICS="emf", AWS_LAMBDA_LOG_FORMAT="JSON") as environment:
        answers = [environment.invoke(SIMILAR), environment.invoke(SIMILAR)]
        log = environment.log.read_text(errors="replace")
    lines = [line for line in log.splitlines() if '"kind":"request"' in line]
    # As it was written: the runtime wraps no line of standard output.
    metrics = [read_metrics(line) for line in lines]
    assert [next(iter(found.values()))["ColdStarts"] for found in metrics] == [[1], [0]]
    for line, answer in zip(map(json.loads, lines), answers, strict=True):
        assert line["requestId"]
        assert line["id"] == answer.body["headers"]["x-request-id"]
        assert (line["status"], line["route"], line["results"]) == (200, "POST /similar", 5)
    assert "europe climate change" not in log


def test_a_function_with_a_key_answers_only_with_it(start: Start) -> None:
    keyed = {**SIMILAR, "headers": {**SIMILAR["headers"], "x-api-key": "k3y-of-the-test!"}}
    with start(API_KEY="k3y-of-the-test!") as environment:
        refused, answered = environment.invoke(SIMILAR), environment.invoke(keyed)
        log = environment.log.read_text(errors="replace")
    assert (refused.body["statusCode"], answered.body["statusCode"]) == (403, 200)
    assert "k3y" not in log


def test_an_artifact_that_is_missing_ends_the_start_with_one_sentence(start: Start) -> None:
    with start(ARTIFACT_DIR="/nowhere") as environment:
        answer = environment.invoke(SIMILAR)
        log = environment.log.read_text(errors="replace")
    assert answer.status == 502
    assert "seeklet: there is no artifact folder /nowhere: name one that" in log
    assert "Traceback" not in log


def test_one_environment_answers_thousands_without_growing(start: Start) -> None:
    with start() as environment:
        # The allocator settles in the first few hundred.
        for _ in range(500):
            first = environment.invoke(SIMILAR)
        before = environment.resident_bytes()
        for _ in range(WARM_EVENTS):
            last = environment.invoke(SIMILAR)
        after = environment.resident_bytes()
    assert stable(last.body) == stable(first.body)
    assert after - before <= GROWTH_BYTES
