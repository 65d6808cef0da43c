"""The last step of `make run`: it starts the service in the background, and a port that is taken ends nothing."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from lambda_tools import ROOT
from servers import free_port


class Background:
    """The command with a state of the test's own."""

    def __init__(self, artifact: Path, state: Path) -> None:
        self.given = ["--artifact", str(artifact), "--state", str(state)]

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "dev.background", *self.given, *arguments]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.fixture
def background(tiny_artifact: Path, tmp_path: Path) -> Iterator[Background]:
    command = Background(tiny_artifact, tmp_path)
    yield command
    command("--stop")


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=30) as response:
            return bool(json.load(response)["status"] == "ok")
    except OSError:
        return False


def test_it_serves_until_it_is_stopped(background: Background) -> None:
    port = free_port()
    query = 'it\'s "hot" $HOME `date` water'
    done = background("--port", str(port), "--query", query)
    assert done.returncode == 0, done.stderr
    assert "answered in" in done.stdout
    assert json.dumps(query)[1:-1].replace("'", "'\"'\"'") in done.stdout
    assert answers(port)
    # Its own service is no other program: it is started anew.
    assert background("--port", str(port), "--check").returncode == 0
    assert background("--port", str(port)).returncode == 0
    assert background("--stop").stdout == "stopped\n"
    assert not answers(port)
    assert background("--stop").stdout == "no service of this folder is running\n"


def test_a_port_that_is_taken_ends_nothing(background: Background) -> None:
    port = free_port()
    assert background("--port", str(port)).returncode == 0
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        for arguments in (["--port", str(taken), "--check"], ["--port", str(taken)]):
            done = background(*arguments)
            assert done.returncode == 2
            assert done.stderr == (
                f"error: port {taken} is taken by another program: `make run PORT={taken + 1}`\n"
            )
    assert answers(port)
