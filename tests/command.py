"""Running `python -m export` as a user does, and what a refusal must look like."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent


def run_export(
    *arguments: str | Path, stdin: bytes = b"", environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """One command in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "export", *map(str, arguments)],
        cwd=ROOT,
        input=stdin,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        check=False,
    )


def refusal(done: subprocess.CompletedProcess[bytes]) -> str:
    """The one sentence of a command that was refused: exit status 2, no traceback, nothing on standard output."""
    errors = done.stderr.decode()
    assert done.returncode == 2, errors
    assert done.stdout == b""
    assert "Traceback" not in errors
    lines = errors.splitlines()
    assert [line for line in lines if line.startswith("error: ")] == lines[-1:]
    return lines[-1].removeprefix("error: ")
