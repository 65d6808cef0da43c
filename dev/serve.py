"""`make run`'s last step: the service in the background, and one real answer from it.

Starts uvicorn over an artifact, waits until it is healthy, asks one query and prints it as a curl line with its
answer and time. A service that an earlier run started is stopped first. Not for production: Lambda is.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

DEMO_QUERY = "send a text message to a phone"
START_SECONDS = 60


def main() -> int:
    """Starts or stops the service; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m dev.serve", description=__doc__.split("\n\n")[0])
    parser.add_argument("--artifact", type=Path, default=Path("build/artifact"), metavar="DIR")
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument(
        "--state", type=Path, default=Path("build"), metavar="DIR", help="for the log and the process id"
    )
    parser.add_argument("--query", help="what to ask (default: words of the corpus's middle document)")
    parser.add_argument("--stop", action="store_true", help="stop the service and end")
    options = parser.parse_args()
    pid_file, log = options.state / "serve.pid", options.state / "serve.log"
    stopped = stop(pid_file)
    if options.stop:
        print("stopped" if stopped else "no service of this folder is running")
        return 0
    if is_taken(options.port):
        print(
            f"error: port {options.port} is taken by another program: `make run PORT={options.port + 1}`",
            file=sys.stderr,
        )
        return 2
    options.state.mkdir(parents=True, exist_ok=True)
    print(f"starting the service on http://127.0.0.1:{options.port} ...", file=sys.stderr)
    process = start(options.artifact, options.port, log)
    pid_file.write_text(f"{process.pid}\n")
    if not wait_healthy(process, options.port):
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
        stop(pid_file)
        print(f"error: the service did not start; the end of {log}:\n{tail}", file=sys.stderr)
        return 2
    show_answer(options.port, options.query or middle_words(options.artifact))
    print(f"\nIt goes on serving; `make stop` ends it. API: http://127.0.0.1:{options.port}/docs  log: {log}")
    return 0


def start(artifact: Path, port: int, log: Path) -> subprocess.Popen[bytes]:
    """uvicorn in the background, its output in `log`."""
    command = [sys.executable, "-m", "uvicorn", "handler.app:app", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, "ARTIFACT_DIR": str(artifact.absolute())},
        )


def stop(pid_file: Path) -> bool:
    """Ends the service that an earlier run started, if it still runs."""
    try:
        pid = int(pid_file.read_text())
        # Another process may have the number by now.
        ours = (
            b"handler.app:app" in Path(f"/proc/{pid}/cmdline").read_bytes()
            if Path("/proc").is_dir()
            else True
        )
    except (FileNotFoundError, ProcessLookupError, ValueError):
        return False
    pid_file.unlink()
    if not ours:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        for _ in range(100):
            os.kill(pid, 0)
            time.sleep(0.05)
    return True


def is_taken(port: int) -> bool:
    """Whether something listens there."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_healthy(process: subprocess.Popen[bytes], port: int) -> bool:
    """Waits until the service answers; False where it ended or took too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            call(port, "GET", "/health")
            return True
        time.sleep(0.05)
    return False


def call(port: int, method: str, path: str, body: Any = None) -> Any:
    """One request, answered as JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        data = None if body is None else json.dumps(body)
        connection.request(method, path, data, {"content-type": "application/json"})
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def show_answer(port: int, query: str) -> None:
    """One query as a curl line, its answer, and how long it took."""
    body = {"text": query, "num_results": 5}
    started = time.perf_counter()
    answer = call(port, "POST", "/similar", body)
    took = (time.perf_counter() - started) * 1000
    url = f"http://127.0.0.1:{port}/similar"
    print(f"\ncurl -s {url} -H 'content-type: application/json' -d {shlex.quote(json.dumps(body))}\n")
    for line in answer["text"]:
        print(f"  {line if len(line) <= 160 else line[:100] + ' ... ' + line[line.rindex('(index:') :]}")
    print(f"\nanswered in {took:.1f} ms, the first request of this process")


def middle_words(artifact: Path) -> str:
    """The first words of the document in the middle: something that any corpus can answer."""
    with (artifact / "documents.jsonl").open("rb") as file:
        file.seek((artifact / "documents.jsonl").stat().st_size // 2)
        file.readline()
        line = file.readline()
        if not line:
            file.seek(0)
            line = file.readline()
    return " ".join(str(json.loads(line)["text"]).split()[:6])


if __name__ == "__main__":
    sys.exit(main())
