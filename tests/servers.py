"""Servers in processes of their own, for the tests that ask over HTTP: uvicorn over the function, and moto."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from lambda_tools import ROOT, environ, sam_tool


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(process: subprocess.Popen[bytes], port: int, seconds: float = 120) -> None:
    """Until the process listens; SAM's commands alone take 10 seconds to start on a busy machine."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        assert process.poll() is None, "the server ended"
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError(f"the server doesn't listen after {seconds:g} seconds")


@contextmanager
def uvicorn_server(artifact: Path, log: Path, **variables: str) -> Iterator[str]:
    """uvicorn over handler.app with an artifact and more variables; its address."""
    port = free_port()
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", "handler.app:app", "--port", str(port)],
            cwd=ROOT,
            env={**os.environ, "ARTIFACT_DIR": str(artifact), **variables},
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(600):
            try:
                httpx.get(f"{url}/health")
                break
            except httpx.TransportError:
                assert process.poll() is None, log.read_text()
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait()


def _moto() -> str:
    """moto's command: that of this environment, or else of .venv-sam."""
    own = Path(sys.executable).with_name("moto_server")
    return str(own) if own.exists() else sam_tool("moto_server")


@contextmanager
def moto_server(folder: Path, **settings: str) -> Iterator[dict[str, str]]:
    """A fresh moto with some settings, its log in `folder`; the environment that leads a client to it."""
    # localhost's buckets are no host names.
    (folder / "config").write_text("[default]\ns3 =\n    addressing_style = path\n")
    port = free_port()
    variables = environ(AWS_ENDPOINT_URL=f"http://localhost:{port}", AWS_CONFIG_FILE=str(folder / "config"))
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [_moto(), "-H", "127.0.0.1", "-p", str(port)],
            env={**variables, **settings},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        wait_for(process, port)
        yield variables
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
