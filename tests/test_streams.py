"""Standard streams that are closed or full, and texts that a terminal can't hold."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from command import ROOT, refusal, run_seeklet


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


def test_metadata_too_deep_to_be_printed(tiny_artifact: Path, tmp_path: Path) -> None:
    """An export refuses it; another's artifact may hold it."""
    artifact = tmp_path / "deep"
    shutil.copytree(tiny_artifact, artifact)
    line = {"id": "x", "text": "storm", "metadata": {}}
    written = json.dumps(line).replace("{}", '{"m": ' + "[" * 900 + "]" * 900 + "}").encode() + b"\n"
    manifest = json.loads((artifact / "manifest.json").read_bytes())
    content = written * manifest["count"]
    (artifact / "documents.jsonl").write_bytes(content)
    np.save(
        artifact / "documents.offsets.npy", np.arange(manifest["count"] + 1, dtype=np.uint64) * len(written)
    )
    manifest["files"]["documents.jsonl"]["bytes"] = len(content)
    (artifact / "manifest.json").write_text(json.dumps(manifest))
    assert "nested too deeply" in refusal(run_seeklet("query", "storm", artifact))


def test_a_folder_whose_name_is_not_unicode(tiny_artifact: Path, tmp_path: Path) -> None:
    artifact = tmp_path / os.fsdecode(b"\xff\xf0\x9f\x98\x80")
    try:
        shutil.copytree(tiny_artifact, artifact)
    except OSError:
        pytest.skip("this file system has no such names")
    assert "its name is not UTF-8, as ONNX Runtime needs it" in refusal(
        run_seeklet("query", "storm", artifact)
    )
