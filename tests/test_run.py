"""The last step of `make run`: it starts the service in the background, and a port that is taken ends nothing."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from lambda_tools import ROOT
from servers import free_port

QUERY = "storms in Europe"


class Background:
    """The command with a state of the test's own."""

    def __init__(self, artifact: Path, state: Path) -> None:
        self.given = ["--artifact", str(artifact), "--state", str(state)]

    def __call__(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "dev.background", *self.given, *arguments]
        environ = {**os.environ, **variables}
        return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


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


@pytest.mark.parametrize("key", ["", "k3y-of-mine"])
def test_make_run(background: Background, key: str) -> None:
    """With an API key too, which is sent and never shown."""
    port = free_port()
    variables = {"API_KEY": key} if key else {}
    done = background("--port", str(port), **variables)
    assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert "answered in " in done.stdout
    assert ('-H "x-api-key: $API_KEY"' in done.stdout) == bool(key)
    assert "k3y-of-mine" not in done.stdout + done.stderr
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/similar", json.dumps({"text": QUERY}), {"x-api-key": key or "any"})
    assert connection.getresponse().status == 200
    connection.close()
    assert background("--stop").stdout == "stopped\n"
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
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
