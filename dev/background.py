"""The last step of `make run`: starts the service in the background, and shows one answer from it.

It starts `seeklet serve` over an artifact, waits until it is healthy, asks one query, and prints that as a curl line
with its answer and time. It sends API_KEY, if that is set, and never shows it. It first stops a service that an earlier
run started. It is for your own machine, not for production.
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

from seeklet.terminal import cut, printable, printable_lines

START_SECONDS = 60
TEXT_COLUMNS = 120


def main() -> int:
    """Starts or stops the service; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m dev.background", description=__doc__.split("\n\n")[0])
    parser.add_argument("--artifact", type=Path, default=Path("build/artifact"), metavar="DIR")
    parser.add_argument("--port", type=int, default=3000)
    parser.add_argument(
        "--state",
        type=Path,
        default=Path("build"),
        metavar="DIR",
        help="the folder of the log and the process id",
    )
    parser.add_argument("--query", help="what to ask (default: words of the corpus's middle document)")
    parser.add_argument("--stop", action="store_true", help="stop the service and end")
    parser.add_argument("--check", action="store_true", help="only tell whether the port can be used")
    options = parser.parse_args()
    pid_file, log = options.state / "serve.pid", options.state / "serve.log"
    if options.stop:
        print("stopped" if stop(pid_file) else "no service of this folder is running")
        return 0
    # Asked before anything is stopped, or exported.
    if is_taken(options.port) and not serves(pid_file, options.port):
        print(
            f"error: port {options.port} is taken by another program: `make run PORT={options.port + 1}`",
            file=sys.stderr,
        )
        return 2
    if options.check:
        return 0
    stop(pid_file)
    options.state.mkdir(parents=True, exist_ok=True)
    print(f"starting the service on http://127.0.0.1:{options.port} ...", file=sys.stderr)
    process = start(options.artifact, options.port, log)
    pid_file.write_text(f"{process.pid}\n")
    if not wait_healthy(process, options.port):
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-5:])
        stop(pid_file)
        print(
            f"error: the service did not start; the end of {log}:\n{printable_lines(tail)}", file=sys.stderr
        )
        return 2
    refused = show_answer(options.port, options.query or middle_words(options.artifact))
    if refused:
        print(f"error: the service runs, and refuses the query: {printable(refused)}", file=sys.stderr)
        return 2
    print(
        f"\nThe service keeps running; `make stop` ends it. Open http://127.0.0.1:{options.port} in a browser; its API: /docs; its log: {log}"
    )
    return 0


def start(artifact: Path, port: int, log: Path) -> subprocess.Popen[bytes]:
    """Starts the service in the background; its output goes to `log`."""
    command = [sys.executable, "-m", "seeklet", "serve", str(artifact.absolute()), "--port", str(port)]
    with log.open("wb") as output:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT)


def running(pid_file: Path) -> tuple[int, str] | None:
    """Returns the process id and the command of the service that an earlier run started; None where it runs no more."""
    try:
        pid = int(pid_file.read_text())
        command = command_of(pid)
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None
    # Another process may have got this process id since.
    return (pid, command) if " seeklet serve " in command else None


def command_of(pid: int) -> str:
    """Returns a process's command, its words with spaces between. Raises OSError or CalledProcessError where there is none."""
    if Path("/proc").is_dir():
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    asked = ["ps", "-o", "args=", "-p", str(pid)]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()


def serves(pid_file: Path, port: int) -> bool:
    """Tells whether an earlier run's service listens on the port."""
    service = running(pid_file)
    return service is not None and service[1].endswith(f" --port {port}")


def stop(pid_file: Path) -> bool:
    """Ends the service that an earlier run started; returns whether there was one."""
    service = running(pid_file)
    pid_file.unlink(missing_ok=True)
    if service is None:
        return False
    pid = service[0]
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
        for _ in range(100):
            os.kill(pid, 0)
            time.sleep(0.05)
    return True


def is_taken(port: int) -> bool:
    """Tells whether a program listens on the port."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_healthy(process: subprocess.Popen[bytes], port: int) -> bool:
    """Waits until the service answers; returns False where it ended or took too long."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError):
            call(port, "GET", "/health")
            return True
        time.sleep(0.05)
    return False


def call(port: int, method: str, path: str, body: Any = None) -> Any:
    """Sends one request and reads the answer as JSON."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        data = None if body is None else json.dumps(body)
        headers = {"content-type": "application/json"}
        if key := os.environ.get("API_KEY"):
            headers["x-api-key"] = key
        connection.request(method, path, data, headers)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


def show_answer(port: int, query: str) -> str:
    """Prints one query as a curl line, its answer, and how long it took; returns why it was refused, or ""."""
    body = {"text": query, "num_results": 5}
    started = time.perf_counter()
    answer = call(port, "POST", "/similar", body)
    took = (time.perf_counter() - started) * 1000
    url = f"http://127.0.0.1:{port}/similar"
    key = ' -H "x-api-key: $API_KEY"' if os.environ.get("API_KEY") else ""
    print(f"\ncurl -s {url} -H 'content-type: application/json'{key} -d {shlex.quote(json.dumps(body))}\n")
    if "error" in answer:
        return str(answer["error"]["message"])
    for line in answer["text"]:
        item, score = line[: line.rindex(" (index:")], line[line.rindex(" (index:") :]
        print(f"  {cut(printable(item), TEXT_COLUMNS)}{score}")
    print(f"\nanswered in {took:.1f} ms, the first request of this process")
    return ""


def middle_words(artifact: Path) -> str:
    """Returns the first words of the document in the middle, a query that any corpus can answer."""
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
