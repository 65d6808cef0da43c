"""Known vulnerabilities of the locks' versions, by the real pip-audit: a service of the test's own answers it as OSV does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from answering import AnsweringServer, answering_server
from lambda_tools import ROOT
from servers import free_port

from dev.supply.audit import FOUND, UNASKED, judge, write_pins

FLAW = {
    "id": "GHSA-test",
    "aliases": ["CVE-2026-1"],
    "summary": "It does what it is told.",
    "published": "2026-01-01T00:00:00Z",
    "affected": [
        {
            "package": {"name": "odd-one", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}],
            "versions": ["1.0"],
        }
    ],
}


@pytest.fixture
def service() -> Iterator[AnsweringServer]:
    """In OSV's place: it knows of no vulnerability, unless a test says so."""
    with answering_server() as server:
        yield server


@pytest.fixture
def locks(tmp_path: Path) -> list[Path]:
    """Two locks with one version in common, and two versions of one name."""
    first, second = tmp_path / "first.txt", tmp_path / "second.txt"
    first.write_text(f"# why\nOdd_One==1.0 \\\n    --hash=sha256:{'0' * 64}\nb==1.0+cpu\n")
    second.write_text(f"odd.one==1.0 --hash=sha256:{'0' * 64}\nb==2.0 --hash=sha256:{'1' * 64}\n")
    return [first, second]


def audit(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "dev.supply.audit", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def asked(service: AnsweringServer) -> list[dict[str, Any]]:
    return [json.loads(one.body) for one in service.asked]


@pytest.mark.supply
def test_nothing_is_known(service: AnsweringServer, locks: list[Path]) -> None:
    done = audit(*locks, "--service", f"{service.url}/v1/query")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("3 versions of 2 locks: no known vulnerability")
    names = {(one["package"]["name"], one["version"]) for one in asked(service)}
    assert names == {("odd-one", "1.0"), ("b", "1.0"), ("b", "2.0")}


@pytest.mark.supply
def test_what_is_known_is_named_with_its_locks(service: AnsweringServer, locks: list[Path]) -> None:
    service.answer(200, json.dumps({"vulns": [FLAW]}).encode())
    done = audit(*locks, "--service", f"{service.url}/v1/query")
    assert done.returncode == FOUND
    pattern = r"error: odd-one==1\.0 of \S*first\.txt, \S*second\.txt: \S+-\S+, \S+, mended by 1\.1"
    assert re.search(pattern, done.stderr), done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.supply
@pytest.mark.parametrize("status", [404, 429, 500])
def test_a_service_that_refuses_is_no_clean_bill(
    service: AnsweringServer, locks: list[Path], status: int
) -> None:
    service.answer(status, b"no")
    done = audit(*locks, "--service", f"{service.url}/v1/query")
    assert done.returncode == UNASKED
    assert done.stderr.startswith("error: no vulnerability could be looked up: ")
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


@pytest.mark.supply
def test_a_service_that_is_not_there_or_is_silent(service: AnsweringServer, locks: list[Path]) -> None:
    away = audit(*locks, "--service", f"http://127.0.0.1:{free_port()}/v1/query")
    with service.silence():
        silent = audit(*locks, "--service", f"{service.url}/v1/query", "--seconds", "3")
    assert away.returncode == silent.returncode == UNASKED
    assert "there was no answer within 3 seconds" in silent.stderr


def test_one_version_of_a_name_is_in_each_file(tmp_path: Path, locks: list[Path]) -> None:
    pins = write_pins(locks, tmp_path / "pins.txt")
    assert dict(pins) == {
        "odd-one==1.0": [str(path) for path in locks],
        "b==1.0": [str(locks[0])],
        "b==2.0": [str(locks[1])],
    }
    assert (tmp_path / "pins-0.txt").read_text() == "b==1.0\nodd-one==1.0\n"
    assert (tmp_path / "pins-1.txt").read_text() == "b==2.0\n"


def test_a_version_without_an_answer_is_told() -> None:
    pins = {"a==1": ["x"], "b==1": ["x"], "c==1": ["x"]}
    answers: list[dict[str, Any]] = [
        {"name": "a", "version": "1", "vulns": []},
        {"name": "B", "skip_reason": "not found"},
    ]
    assert judge(answers, pins) == ([], ["B: not found", "c==1: no answer"])
    assert judge([], pins)[1] == ["a==1: no answer", "b==1: no answer", "c==1: no answer"]
