"""Ordinary events of every route and every sender: a small share of what `make soak-mixed` sends."""

from __future__ import annotations

import ctypes
import gc
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lambda_tools import ROOT

from handler.routes import FRAMEWORK_PATHS, ROUTES
from soak.corpus import corpus_of
from soak.judging import judge
from soak.mixed_events import Mixture, load, send_all
from soak.mixed_figures import broken, growth, summary
from soak.mixed_requests import make
from soak.senders import SENDERS

COUNT = 600
REPORT: dict[str, Any] = {"faults": [], "faulty": 0, "crash": None, "growth": 0.0}
ROUTE_NAMES = {f"{method} {path}" for method, path in ROUTES} | {f"GET {path}" for path in FRAMEWORK_PATHS}


@pytest.fixture(scope="module")
def whole(tiny_artifact: Path) -> Mixture:
    """The function under ordinary events."""
    return Mixture(load(tiny_artifact), corpus_of(tiny_artifact), seed=0)


def test_one_process_answers_all_of_them(tiny_artifact: Path, tmp_path: Path) -> None:
    # Too few for the allocator to settle.
    options = ["--count", str(COUNT), "--most-growth", "0.5", "--json", str(tmp_path / "figures.json")]
    done = subprocess.run(
        [sys.executable, "-m", "soak.mixed_events", str(tiny_artifact), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    figures = json.loads((tmp_path / "figures.json").read_text())
    assert (figures["number"], figures["faulty"], figures["crash"]) == (COUNT, 0, None)
    counted = [count for statuses in figures["routes"].values() for count in statuses.values()]
    assert sum(counted) == sum(figures["senders"].values()) == COUNT
    assert {*figures["senders"]} == {*SENDERS, "direct", "ping"}
    # Each HTTP request has its line, and each query one more.
    assert figures["log lines"] > COUNT
    statuses = {status for found in figures["routes"].values() for status in found}
    expected = {"200", "202", "304", "400", "403", "404", "405", "413", "422", "direct, answered"}
    assert statuses - {"direct, refused"} == expected
    assert f"{COUNT} of {COUNT} events, {figures['resident MB'][str(COUNT)]:,.1f} MB, 0 s left" in done.stdout
    assert "POST /search: 200: " in done.stdout


def test_every_route_is_asked_for_by_every_sender(tiny_artifact: Path) -> None:
    corpus = corpus_of(tiny_artifact)
    made = [make(0, number, corpus) for number in range(4_000)]
    assert made[:50] == [make(0, number, corpus) for number in range(50)]
    assert made[:50] != [make(1, number, corpus) for number in range(50)]
    asked = {(each.sender, each.route) for each in made if each.expected == "200"}
    assert {route for _, route in asked} == ROUTE_NAMES
    # /docs is rare: it takes as long as a hundred searches.
    assert asked >= {(sender, f"{method} {path}") for sender in SENDERS for method, path in ROUTES}


def refusing(_event: Any) -> dict[str, Any]:
    return {"statusCode": 500, "headers": {}, "body": "{}"}


def raising(_event: Any) -> dict[str, Any]:
    raise MemoryError("no room")


def wrong(_event: Any) -> dict[str, Any]:
    return {"statusCode": 418, "headers": {}, "body": "{}"}


@pytest.mark.parametrize(
    ("function", "told"),
    [(refusing, "status 500"), (raising, "MemoryError: no room"), (wrong, "status 418, not ")],
)
def test_what_is_wrong_is_a_fault(whole: Mixture, function: Callable[[Any], Any], told: str) -> None:
    mixture = Mixture(function, whole.corpus, seed=0)
    for number in range(30):
        mixture.send(number)
    figures = {**REPORT, **mixture.figures()}
    assert figures["faulty"] == 30
    sentences = broken(figures, 0.02)
    assert told in sentences[0]
    assert sentences[-1] == "10 more events were answered wrongly"


def test_a_leak_is_caught(whole: Mixture) -> None:
    kept: list[bytearray] = []

    def leaking(event: Any) -> Any:
        # Written to, so that it is resident.
        kept.append(bytearray(b"x" * 1_000_000))
        return whole.function(event)

    memory: dict[int, int] = {}

    def report(**figures: Any) -> None:
        memory[figures["number"]] = figures["resident bytes"]

    # What earlier tests of this process left may not go back meanwhile.
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    send_all(Mixture(leaking, whole.corpus, seed=0), 240, report, every=40)
    assert [*memory] == [40, 80, 120, 160, 200, 240]
    grown = growth(memory, warm=40)
    assert memory[240] - memory[40] > 150_000_000
    (sentence,) = broken({**REPORT, "growth": grown}, 0.02)
    assert sentence.startswith("the memory grew by ")


def test_growth_is_counted_from_the_warm_up_on() -> None:
    assert growth({500: 10, 1_000: 100, 100_000: 140, 200_000: 103}) == pytest.approx(0.03)
    assert growth({1_000: 100, 180_000: 9, 190_000: 104, 199_000: 102, 200_000: 140}) == pytest.approx(0.04)
    # The most of the warm-up may be before its end.
    assert growth({0: 90, 500: 110, 1_000: 100, 200_000: 104}) == pytest.approx(104 / 110 - 1)
    assert growth({1_000: 100}) == growth({500: 10}) == growth({2_000: 10}) == growth({}) == 0.0
    assert broken({**REPORT, "growth": 0.02}, 0.02) == []
    assert broken({**REPORT, "crash": "after event 1: x"}, 0.02) == ["the process ended after event 1: x"]


def test_a_crash_leaves_figures_that_can_be_told() -> None:
    figures = {**REPORT, "number": 0, "seconds": 1, "resident MB": {}}
    assert summary(figures).endswith("0 events in 1 s, 0 answered wrongly")


def test_a_direct_event_that_is_a_defect_is_seen() -> None:
    """POST /search's problem has its code at the top; it once counted as an answer."""
    problem = {"type": "about:blank", "title": "x", "status": 500, "detail": "x", "code": "internal_error"}
    assert judge(problem) == ("direct, refused", "internal_error")
    assert judge({**problem, "status": 422, "code": "invalid_request"}) == ("direct, refused", None)
    assert judge({"error": {"code": "internal_error"}}) == ("direct, refused", "internal_error")
    assert judge({"results": [], "total": 0}) == ("direct, answered", None)
    assert judge({"status": "warm", "documents": 3, "results": 1}) == ("direct, answered", None)
