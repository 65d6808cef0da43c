"""`seeklet serve` in the foreground, and `make run`'s service in the background."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from command import ROOT, refusal, run_seeklet
from servers import free_port, wait_for

from seeklet import Searcher

QUERY = "storms in Europe"


@contextmanager
def served(artifact: Path, *options: str, **variables: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """`seeklet serve` over an artifact; its address and its process."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "seeklet", "serve", str(artifact), "--port", str(port), *options],
        cwd=ROOT,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        wait_for(process, port)
        yield f"http://127.0.0.1:{port}", process
    finally:
        process.kill()
        process.communicate()


def leave_early(url: str) -> None:
    """Sends the half of a request, and goes."""
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(b'POST /similar HTTP/1.1\r\nhost: x\r\ncontent-length: 500\r\n\r\n{"text": "st')
        # The service has begun to read by then.
        time.sleep(0.3)


def test_it_answers_and_ends(artifact: Path) -> None:
    # Neither a bucket nor a database in the environment may overrule the folder, nor stop the start.
    others = {"ARTIFACT_URI": "other/place", "INDEX_URI": "postgresql://reader@127.0.0.1:1/other"}
    with served(artifact, **others, MAX_RESULTS="3") as (url, process):
        done = run_seeklet("query", QUERY, url, "-k", "3", "--mode", "hybrid")
        assert (done.returncode, done.stderr) == (0, b"")
        local = run_seeklet("query", QUERY, artifact, "-k", "3")
        assert done.stdout == local.stdout
        assert refusal(run_seeklet("query", QUERY, url, "-k", "4")).startswith(
            f"{url}/similar can't answer: "
        )
        leave_early(url)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    shown = errors.decode()
    count = Searcher.load(artifact).manifest.count
    assert (
        f"serving {artifact} ({count} documents) on {url}: open it in a browser, or see every route at {url}/docs\n"
        in shown
    )
    assert "Traceback" not in shown
    assert "interrupted" not in shown


def test_the_api_key(artifact: Path) -> None:
    with served(artifact, API_KEY="secret") as (url, _):
        assert "(forbidden)" in refusal(run_seeklet("query", QUERY, url))
        assert run_seeklet("query", QUERY, url, environ={"API_KEY": "secret"}).returncode == 0
        assert run_seeklet("query", QUERY, url, "--api-key", "secret").returncode == 0


def test_no_query_is_in_what_it_prints(artifact: Path) -> None:
    with served(artifact, LOG_REQUESTS="on") as (url, process):
        with urllib.request.urlopen(f"{url}/search?q=a+private+illness&k=1") as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGINT)
        printed, errors = process.communicate(timeout=20)
    assert b"illness" not in printed + errors
    # All that is on standard output is JSON.
    assert [json.loads(line)["route"] for line in printed.splitlines()] == ["GET /search"]


def test_what_it_refuses(artifact: Path, tmp_path: Path) -> None:
    assert refusal(run_seeklet("serve", tmp_path)).startswith(f"{tmp_path} has no manifest.json")
    assert refusal(run_seeklet("serve", artifact, environ={"THREADS": "two"})).startswith(
        "THREADS='two' is not"
    )
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        sentence = rf"127\.0\.0\.1 port {port} can't be listened on \(.+\): choose another --host or --port"
        assert re.fullmatch(sentence, refusal(run_seeklet("serve", artifact, "--port", port)))
