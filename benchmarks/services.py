"""Runs HTTP services for load generators: ours under uvicorn, and its peers behind the same server.

This module measures nothing.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from benchmarks import service_peers
from benchmarks.record import ROOT
from handler.artifact import DOCUMENTS_FILE

OURS = "seeklet"
# The service's name -> uvicorn's arguments.
SERVICES = {
    OURS: ["handler.app:app"],
    "textbook, def": ["--factory", "benchmarks.service_peers:plain"],
    "textbook, async def": ["--factory", "benchmarks.service_peers:coroutine"],
    "fastembed and LanceDB": ["--factory", "benchmarks.service_peers:fastembed_lancedb"],
}
# The packages that decide the figures.
PACKAGES = ("uvicorn", "fastapi", "fastembed", "lancedb")
QUERIES = 2000


class Service(NamedTuple):
    """A service that runs: its address and its process."""

    url: str
    pid: int

    def memory(self) -> float:
        """Returns the resident MB."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE") / 1e6


class Running(NamedTuple):
    """The services that run, by name, ours first; and a file with a request's body a line."""

    services: dict[str, Service]
    bodies: Path


@contextmanager
def run_all(artifact: Path, program: str, names: Sequence[str] = tuple(SERVICES)) -> Iterator[Running]:
    """Runs the services as long. One that doesn't start is left out, and said.

    Raises SystemExit where the load generator `program` isn't installed.
    """
    if shutil.which(program) is None:
        sys.exit(f"error: {program} isn't installed: apt-get install {program}")
    with tempfile.TemporaryDirectory(prefix="seeklet-load-") as name, ExitStack() as stack:
        folder = Path(name)
        service_peers.write_files(artifact, folder)
        services = {}
        for service in names:
            try:
                services[service] = stack.enter_context(_run(SERVICES[service], artifact, folder))
            except ChildProcessError as error:
                print(f"{service} left out: {error} (make bench-setup)", file=sys.stderr)
        yield Running(services, write_bodies(artifact, folder / "bodies", QUERIES))


def write_bodies(artifact: Path, path: Path, count: int) -> Path:
    """Writes a request's body a line: 2 to 6 neighbouring words of a text, with a fixed seed."""
    chooser = random.Random(0)
    texts = [
        json.loads(line)["text"].split() for line in (artifact / DOCUMENTS_FILE).read_bytes().splitlines()
    ]
    lines: list[str] = []
    while len(lines) < count:
        words = chooser.choice(texts)
        length = chooser.randint(2, 6)
        start = chooser.randrange(max(1, len(words) - length + 1))
        lines.append(
            json.dumps({"text": " ".join(words[start : start + length]) or "storm", "num_results": 5})
        )
    path.write_text("\n".join(lines) + "\n")
    return path


@contextmanager
def _run(arguments: Sequence[str], artifact: Path, folder: Path) -> Iterator[Service]:
    """Runs a service as long; raises ChildProcessError where it doesn't start."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with (folder / f"{port}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", *arguments, "--port", str(port), "--no-access-log"],
            cwd=ROOT,
            env={
                **os.environ,
                "ARTIFACT_DIR": str(artifact.absolute()),
                "LOAD_FOLDER": str(folder),
                "THREADS": "1",
            },
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        while True:
            if process.poll() is not None:
                raise ChildProcessError((folder / f"{port}.log").read_text().splitlines()[-1])
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield Service(f"http://127.0.0.1:{port}/similar", process.pid)
    finally:
        process.terminate()
        process.wait()
