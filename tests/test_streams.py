"""Standard streams that are closed or full, and texts that a terminal can't hold."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command import ROOT, refusal, run_seeklet
from unsigned import unsigned

from seeklet.cli import guard
from seeklet.terminal import to_json


def run_with(redirection: str, *arguments: str | Path) -> subprocess.CompletedProcess[bytes]:
    """`seeklet` as a shell starts it with a redirection such as ">&-"."""
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", sys.executable, "-m", "seeklet", *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_closed_output(closed: str, tiny_artifact: Path) -> None:
    for arguments, status in ((("info", tiny_artifact), 0), (("--help",), 0), (("info", "/nowhere"), 2)):
        done = run_with(closed, *arguments)
        assert done.returncode == status, done.stderr.decode()
        assert b"Traceback" not in done.stderr


def test_closed_input(tiny_artifact: Path) -> None:
    done = run_with("<&-", "query", "-", tiny_artifact)
    assert refusal(done) == "standard input is closed: pipe the queries in, one a line"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_output_on_a_full_disk(tiny_artifact: Path) -> None:
    assert refusal(run_with(">/dev/full", "info", tiny_artifact)).startswith("the disk is full")


def test_deep_metadata_is_printed_or_refused(tiny_artifact: Path, tmp_path: Path) -> None:
    """An export refuses it; another's artifact may hold it."""
    artifact = tmp_path / "deep"
    for depth in (900, 5_000):
        shutil.rmtree(artifact, ignore_errors=True)
        shutil.copytree(tiny_artifact, artifact)
        nested = "[" * depth + "]" * depth
        written = f'{{"id": "x", "text": "storm", "metadata": {{"m": {nested}}}}}\n'.encode()
        manifest = json.loads((artifact / "manifest.json").read_bytes())
        content = written * manifest["count"]
        (artifact / "documents.jsonl").write_bytes(content)
        ends = np.arange(manifest["count"] + 1, dtype=np.uint64) * len(written)
        np.save(artifact / "documents.offsets.npy", ends)
        manifest["files"]["documents.jsonl"]["bytes"] = len(content)
        (artifact / "manifest.json").write_text(json.dumps(unsigned(manifest)))
        done = run_seeklet("query", "storm", artifact, "-k", "1")
        if depth == 900:
            assert re.sub(rb"\s", b"", done.stdout).count(b"[" * depth) == 1
        else:
            assert "documents.jsonl, line " in refusal(done)


@pytest.mark.parametrize("depth", [3_000])
def test_what_is_nested_too_deeply_is_refused(depth: int, capsys: pytest.CaptureFixture[str]) -> None:
    def show() -> None:
        value: list[object] = []
        for _ in range(depth):
            value = [value]
        to_json(value, indent=2)

    assert guard(show) == 2
    assert "nested too deeply" in capsys.readouterr().err


def test_a_folder_whose_name_is_not_unicode(tiny_artifact: Path, tmp_path: Path) -> None:
    artifact = tmp_path / os.fsdecode(b"\xff\xf0\x9f\x98\x80")
    try:
        shutil.copytree(tiny_artifact, artifact)
    except OSError:
        pytest.skip("this file system has no such names")
    assert "its name is not UTF-8, as ONNX Runtime needs it" in refusal(
        run_seeklet("query", "storm", artifact)
    )
