"""Starts the same functions under Lambda's own Runtime Interface Emulator, which `make sam-setup` installs."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from benchmarks.http_starts import free_port
from benchmarks.installs import Prepared, install_client, lambda_arch
from benchmarks.record import ROOT
from benchmarks.starts import EVENT, LOAD_FASTAPI, OURS, OURS_FASTAPI, TEXTBOOK, TEXTBOOK_ASYNC

RIE = "lib/python*/site-packages/samcli/local/rapid/aws-lambda-rie-{arch}"
# Like handler.app, but FastAPI is loaded before the first event comes.
WITH_FASTAPI = f"from handler import app as module\nhandler = module.handler\n{LOAD_FASTAPI}\n"


@dataclass(frozen=True, slots=True)
class Emulated:
    """One function under the emulator, which starts it at the first call."""

    emulator: str
    python: str
    entry: str
    environ: dict[str, str]
    cwd: Path

    def milliseconds(self) -> tuple[float, float]:
        """Returns the init's time by Lambda's own INIT REPORT, and the time from the call to its answer."""
        port, api_port = free_port(), free_port()
        core = str(max(os.sched_getaffinity(0)))
        command = ["taskset", "-c", core, self.emulator]
        command += ["--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
        command += ["--runtime-api-address", f"127.0.0.1:{api_port}"]
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(
                [*command, self.python, "-m", "awslambdaric", self.entry],
                cwd=self.cwd,
                env=self.environ,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
            try:
                url = f"http://127.0.0.1:{port}/2015-03-31/functions/function/invocations"
                wait_for(port)
                started = time.monotonic()
                with urllib.request.urlopen(url, EVENT.read_bytes(), timeout=60) as response:
                    answer = json.loads(response.read())
                took = (time.monotonic() - started) * 1000
            finally:
                end_session(process.pid)
                process.wait()
            log.seek(0)
            found = re.search(rb"INIT REPORT\(durationMs: ([0-9.]+)\)", log.read())
        if answer.get("statusCode") != 200 or not found:
            raise RuntimeError(f"{self.entry} answered {str(answer)[:300]}")
        return float(found[1]), took


def make_emulated(prepared: Prepared) -> dict[str, Emulated]:
    """Returns the functions by name. Where the emulator isn't installed, says so and returns none."""
    emulator = next((ROOT / ".venv-sam").glob(RIE.format(arch=lambda_arch())), None)
    if emulator is None:
        print("Lambda's emulator isn't here and is left out: make sam-setup", file=sys.stderr)
        return {}
    emulator.chmod(0o755)  # pip drops the executable bit
    client = prepared.work / "client"
    if not client.is_dir():
        install_client(prepared, client)
    (prepared.function / "with_fastapi.py").write_text(WITH_FASTAPI)

    def make(entry: str, cwd: Path, packages: Path, artifact: Path) -> Emulated:
        environ = prepared.environ(artifact) | {"PYTHONPATH": f"{packages}:{client}"}
        environ |= {"AWS_LAMBDA_FUNCTION_TIMEOUT": "30"}
        return Emulated(str(emulator), prepared.python, entry, environ, cwd)

    ours = (prepared.function, prepared.layer, prepared.artifact)
    theirs = (prepared.work, prepared.packages, prepared.textbook_artifact)
    return {
        OURS: make("handler.app.handler", *ours),
        OURS_FASTAPI: make("with_fastapi.handler", *ours),
        TEXTBOOK: make("textbook_def.handler", *theirs),
        TEXTBOOK_ASYNC: make("textbook_async.handler", *theirs),
    }


def end_session(leader: int) -> None:
    """Kills all processes of a session and waits until they are gone.

    The emulator's function has a process group of its own. Without this it would still run during the next start.
    """
    while True:
        pids = [int(path.name) for path in Path("/proc").glob("[0-9]*")]
        members = [pid for pid in pids if session_of(pid) == leader]
        if not members:
            return
        for pid in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.01)


def session_of(pid: int) -> int | None:
    """Returns a living process's session; None where the process has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if fields[0] == "Z" else int(fields[3])


def wait_for(port: int) -> None:
    """Waits until a program listens on the port. Raises RuntimeError after five seconds."""
    for _ in range(500):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise RuntimeError("the emulator doesn't listen")
