"""Starts an HTTP service as a process, and asks it POST /similar until it answers."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def served(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Runs a service; its requests are sent by `post`."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


def http_start(command: Callable[[int], list[str]]) -> float:
    """Returns the milliseconds from before the process exists to its first answer by HTTP."""
    port = free_port()
    started = time.monotonic_ns()
    with served(command(port)) as process:
        while True:
            try:
                post(port, "send a text message")
                return (time.monotonic_ns() - started) / 1e6
            except OSError:
                if process.poll() is not None:
                    sys.exit(f"error: {command(port)[-4:]} ended with status {process.returncode}")
                time.sleep(0.001)


def free_port() -> int:
    """Returns a port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def post(port: int, text: str) -> bytes:
    """Asks POST /similar; raises OSError where nothing listens yet."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        body = json.dumps({"text": text, "num_results": 5})
        connection.request("POST", "/similar", body, {"content-type": "application/json"})
        response = connection.getresponse()
        if response.status != 200:
            sys.exit(f"error: POST /similar answers {response.status}")
        return response.read()
    finally:
        connection.close()
