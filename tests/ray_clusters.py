"""Ray for tests: exports in processes of their own, their workers, and clusters of several nodes on this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from command import ROOT
from servers import free_port, wait_for

psutil = pytest.importorskip("psutil")
WORKER = "ShardEncoder"
# Without tokens: Ray would keep one in the home folder.
QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled"}


def command(corpus: Path | str, out: Path, model: Path, *options: str) -> list[str]:
    """An export by Ray that isn't verified."""
    return [
        *(sys.executable, "-m", "seeklet", "export", "--engine", "ray", "--corpus", str(corpus)),
        *("--text", "text", "--model", str(model), "--out", str(out), "--no-verify", "--quiet", *options),
    ]


def start(
    arguments: Sequence[str], cache: Path, cwd: Path = ROOT, /, **variables: str
) -> subprocess.Popen[str]:
    """Starts an export; it leads a process group of its own."""
    return subprocess.Popen(
        arguments,
        cwd=cwd,
        env={**os.environ, **QUIET, "SEEKLET_CACHE": str(cache), **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def run(
    arguments: Sequence[str], cache: Path, cwd: Path = ROOT, /, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Runs an export to its end."""
    with start(arguments, cache, cwd, **variables) as process:
        output, errors = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def workers_of(process: subprocess.Popen[str]) -> list[int]:
    """The process ids of the encoders that an export has on this machine."""
    with_title = []
    try:
        below = psutil.Process(process.pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []
    for child in below:
        try:
            if WORKER in " ".join(child.cmdline()):
                with_title.append(child.pid)
        except psutil.Error:
            continue
    return with_title


def wait_until_gone(processes: Sequence[int], seconds: float = 60) -> None:
    """Until none of them runs: a killed driver's workers end by themselves within seconds, Ray's agents in a minute."""
    until = time.monotonic() + seconds
    while any(psutil.pid_exists(pid) for pid in processes):
        assert time.monotonic() < until, "the workers outlive their driver"
        time.sleep(0.1)


@contextmanager
def nodes(count: int) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A cluster of nodes with one CPU each, on this machine; its address, and each node's process."""
    address = f"127.0.0.1:{free_port()}"
    started: list[subprocess.Popen[bytes]] = []
    # The path of a socket has 107 bytes at most, and pytest's folders are long.
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:
        try:
            for index in range(count):
                started.append(_node(address, Path(folder), head=index == 0))
            yield address, started
        finally:
            for node in reversed(started):
                _end(node)


def _node(address: str, folder: Path, *, head: bool) -> subprocess.Popen[bytes]:
    port = address.rpartition(":")[2]
    place = ["--head", f"--port={port}", f"--temp-dir={folder}"] if head else [f"--address={address}"]
    node = subprocess.Popen(
        [
            *(sys.executable, "-m", "ray.scripts.scripts", "start", *place),
            *("--num-cpus=1", "--object-store-memory=200000000", "--disable-usage-stats"),
            *("--include-dashboard=false", "--block"),
        ],
        cwd=ROOT,
        # As where seeklet is installed on each node.
        env={**os.environ, **QUIET, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    if head:
        wait_for(node, int(port))
    return node


def _end(node: subprocess.Popen[bytes]) -> None:
    below = psutil.Process(node.pid).children(recursive=True) if node.poll() is None else []
    node.send_signal(signal.SIGTERM)
    try:
        node.wait(30)
    except subprocess.TimeoutExpired:
        node.kill()
        node.wait()
    for child in below:
        if child.is_running():
            child.kill()
