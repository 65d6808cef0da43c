"""Releases switched under a constant load: each answer is wholly of one release, and nothing of old ones stays.

REFRESH_RELEASES says how many; 200 take some minutes.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from lambda_tools import ROOT
from releases import make_releases
from switching import BAD, EVENTS, SETTINGS, Report, Seen, content
from tiny import make_model

from handler.function import Function
from handler.searcher import Searcher

RELEASES = int(os.environ.get("REFRESH_RELEASES", "25"))
# What the allocator may keep more after the last switch than in the first quarter, in MB.
GROWTH = 12.0
# The client of S3 keeps 10 connections at most, and the server in the same process has their other ends.
SOCKETS = 20


@pytest.fixture(scope="module")
def artifacts(tiny_model: Path, tiny_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of as many artifacts, r0, r1, ..., by turns of two models. Not to be changed."""
    folder = tmp_path_factory.mktemp("releases")
    other = make_model(tmp_path_factory.mktemp("model") / "other", hidden=48)
    names = [f"r{number}" for number in range(RELEASES)]
    for start, model in enumerate((tiny_model, other)):
        make_releases(folder, model, tiny_cache, names[start::2])
    return folder


def test_releases_switch_under_a_constant_load(artifacts: Path) -> None:
    done = subprocess.run(
        [sys.executable, "tests/switching.py", str(artifacts)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    report = Report(*json.loads(done.stdout.splitlines()[-1]))
    bad = sum(number % 5 in BAD for number in range(1, RELEASES))
    assert (report.refused, len(report.memory)) == (bad, RELEASES - 1 - bad)
    # Nothing of an old release stays: no searcher, no folder, no file, no memory.
    assert (report.alive, report.folders) == (0, 1)
    early = max(report.memory[: max(2, len(report.memory) // 4)])
    late = report.memory[-1]
    print(
        f"\n{sum(times for _, times in report.seen):,} answers, {len(report.memory)} switches, {bad} refused; "
        f"{report.memory[0]:.1f} MB after the first switch, {early:.1f} at most in the first quarter, {late:.1f} after "
        f"the last; files and sockets open: {report.files[0]} before, {report.files[1]} after"
    )
    assert late <= early + GROWTH, report.memory
    (files_before, sockets_before), (files_after, sockets_after) = report.files
    assert files_after <= files_before, report.files
    assert sockets_after <= sockets_before + SOCKETS, report.files
    check_answers(report, artifacts)


def check_answers(report: Report, artifacts: Path) -> None:
    """Each answer is what the artifact of one release gives by itself, and of a release that was served meanwhile."""
    rights: dict[tuple[int, str], list[int]] = {}
    for number in range(RELEASES):
        oracle = Function(SETTINGS, Searcher.load(artifacts / f"r{number}"))
        for event, sent in enumerate(EVENTS):
            rights.setdefault((event, content(oracle(sent))), []).append(number)
    of: Counter[int] = Counter()
    for given, times in report.seen:
        seen = Seen(*given)
        numbers = rights[seen.event, seen.digest]
        # Two releases may have the same map; one that was bad is never right.
        fitting = [n for n in numbers if seen.first <= n <= seen.last and n % 5 not in BAD]
        assert fitting, (seen, numbers)
        of[fitting[-1]] += times
    # Under a constant load many releases have answered, not only the first and the last.
    assert len(of) >= len(report.memory) // 2
