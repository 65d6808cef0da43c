"""Lambda's own Runtime Interface Emulator over the function: CPython 3.13, the pruned layer, nothing else."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lambda_tools import emulator, python313, runtime_client, runtime_layer
from servers import free_port, wait_for


@dataclass(frozen=True, slots=True)
class Answer:
    """What the emulator's HTTP front gives back."""

    status: int
    body: Any


@dataclass(frozen=True, slots=True)
class Environment:
    """One running emulator: its port, its process group and its log."""

    port: int
    group: int
    log: Path

    def invoke(self, event: Any) -> Answer:
        """One event; the emulator must not get two at once, it would crash."""
        url = f"http://127.0.0.1:{self.port}/2015-03-31/functions/function/invocations"
        request = urllib.request.Request(url, json.dumps(event).encode(), method="POST")
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return Answer(response.status, decode(response.read()))
        except urllib.error.HTTPError as error:
            with error:
                return Answer(error.code, decode(error.read()))

    def resident_bytes(self) -> int:
        """Memory of the function's process."""
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                if (
                    b"awslambdaric" in (folder / "cmdline").read_bytes()
                    and os.getpgid(int(folder.name)) == self.group
                ):
                    name = (folder / "cmdline").read_bytes().split(b"\0")[0]
                    if b"python" in name:
                        return int((folder / "statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
            except OSError:
                continue
        raise AssertionError("the function's process is gone")


def decode(body: bytes) -> Any:
    """JSON, or the text that it is instead."""
    try:
        return json.loads(body)
    except ValueError:
        return body.decode(errors="replace")


Start = Callable[..., AbstractContextManager[Environment]]


def emulated(function: Path, artifact: Path, make_folder: Callable[[str], Path]) -> Start:
    """What starts an emulator over a built function; its context gives the Environment."""
    binary, python = emulator(), python313()
    path = f"{runtime_layer() / 'python'}:{runtime_client()}"

    @contextmanager
    def run(entry: str = "handler.app.handler", **variables: str) -> Iterator[Environment]:
        port, api_port = free_port(), free_port()
        addresses = ["--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
        addresses += ["--runtime-api-address", f"127.0.0.1:{api_port}"]
        log = make_folder("emulator") / "log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                [binary, *addresses, python, "-m", "awslambdaric", entry],
                cwd=function,
                env={
                    "PATH": "/usr/bin:/bin",
                    "PYTHONPATH": path,
                    "ARTIFACT_DIR": str(artifact),
                    "AWS_LAMBDA_FUNCTION_TIMEOUT": "30",
                    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",
                    **variables,
                },
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            wait_for(process, port)
            yield Environment(port, process.pid, log)
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    return run
