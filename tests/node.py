"""Node, for tests of the JavaScript client; without one they are skipped, and say so."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from command import ROOT

CLIENT = ROOT / "clients" / "js"


def node_program() -> str:
    """Node of version 20 or newer."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("needs Node 20 or newer: apt-get install nodejs")
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.lstrip("v").partition(".")[0]) < 20:
        pytest.skip(f"needs Node 20 or newer, this is {version.strip()}")
    return program


def node(*arguments: str | Path, cwd: Path = CLIENT, **variables: str) -> str:
    """What Node prints."""
    done = subprocess.run(
        [node_program(), *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
