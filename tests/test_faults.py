"""What may befall a function or a service from outside: a home that can't be written, a missing /sys, a copy of its memory, its end."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import loops
import pytest
from http_events import make_event
from lambda_tools import ROOT
from servers import free_port, wait_for

from handler.function import Function

# Answers every sample event; prints its status and a search's ids.
ANSWER_ALL = """
import json, pathlib, sys, handler.app
for path in sorted(pathlib.Path("events").glob("*.json")):
    answer = handler.app.handler(json.loads(path.read_text()), None)
    print(path.name, answer.get("statusCode"))
    if path.name == "similar.json":
        print(json.loads(answer["body"])["text"])
"""


def answered(artifact: Path, *before: str, **environ: str) -> str:
    """What a new process prints; `before` comes before its command."""
    done = subprocess.run(
        [*before, sys.executable, "-B", "-c", ANSWER_ALL],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "ARTIFACT_DIR": str(artifact), "THREADS": "1", **environ},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_home_that_can_not_be_written(artifact: Path, tmp_path: Path) -> None:
    right = answered(artifact, HOME=str(tmp_path))
    # /proc takes no file, not even root's.
    assert answered(artifact, HOME="/proc", XDG_CACHE_HOME="/proc", TMPDIR="/proc") == right
    assert list(tmp_path.iterdir()) == []


def test_a_machine_that_does_not_say_what_its_processors_are(artifact: Path) -> None:
    """As on Lambda's arm64 (onnxruntime #10038)."""
    hidden = [
        "unshare",
        "--mount",
        "sh",
        "-c",
        'mount -t tmpfs none /sys/devices/system/cpu && exec "$@"',
        "sh",
    ]
    if not shutil.which("unshare") or subprocess.run([*hidden, "true"], capture_output=True).returncode:
        pytest.skip("this user can't hide a folder of /sys")
    assert answered(artifact, *hidden) == answered(artifact)


def test_copies_of_one_memory_share_no_random_number(function: Function) -> None:
    """As environments do that start from one snapshot."""
    event = make_event("GET", "/health")
    del event["requestContext"]["requestId"], event["headers"]["x-amzn-trace-id"]
    ids = [function(event)["headers"]["x-request-id"]]
    for _ in range(3):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(write, function(event)["headers"]["x-request-id"].encode())
            os._exit(0)
        os.waitpid(child, 0)
        ids.append(os.read(read, 100).decode())
        os.close(read)
        os.close(write)
    assert len(set(ids)) == 4


@pytest.mark.parametrize(
    ("sent", "command"),
    [
        (signal.SIGTERM, ["uvicorn", "handler.app:app"]),
        (signal.SIGINT, ["uvicorn", "handler.app:app"]),
        # Where its terminal is closed.
        (signal.SIGHUP, ["seeklet", "serve"]),
    ],
    ids=["SIGTERM", "SIGINT", "SIGHUP"],
)
def test_a_service_that_is_ended_answers_what_it_has_taken(
    artifact: Path, sent: signal.Signals, command: list[str]
) -> None:
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", *command, "--port", str(port)],
        cwd=ROOT,
        env={**os.environ, "ARTIFACT_DIR": str(artifact), "THREADS": "1"},
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    queries = {"queries": [f"a storm over Europe {number}" for number in range(128)], "k": 1}

    async def ask_and_end() -> list[Any]:
        url = f"http://127.0.0.1:{port}/search"
        async with httpx.AsyncClient(timeout=120, limits=httpx.Limits(max_connections=None)) as client:
            asked = [asyncio.create_task(client.post(url, json=queries)) for _ in range(20)]
            # When one of them is answered, the service has taken them all, and answers the next ones.
            await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
            process.send_signal(sent)
            return await asyncio.gather(*asked, return_exceptions=True)

    try:
        wait_for(process, port)
        responses = loops.run(ask_and_end())
        assert [response.status_code for response in responses] == [200] * 20
        assert len({response.content for response in responses}) == 1
        assert len(json.loads(responses[0].content)["answers"]) == 128
        process.wait(60)
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://127.0.0.1:{port}/health")
    finally:
        process.kill()
        process.wait()
