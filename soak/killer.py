"""Runs commands of seeklet in forks of one process, and kills them at a chosen moment: after some time, or some calls.

    python -m soak.killer        reads {"arguments": [...], "seconds": 0.2} or {"arguments": [...], "calls": 17} a line

A fork needs no imports, so that a kill at a random moment falls into the work and not before it. `calls` counts what Python
opens for writing, renames, removes and connects to: a command has a few dozen, and the moment between two of them is rare
among random moments. Each line is answered by {"status", "seconds", "calls"}; the status of a kill is -9.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from soak.children import ROOT

_COUNTED = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.truncate", "socket.connect")
_WRITING = os.O_WRONLY | os.O_RDWR


class Ended(NamedTuple):
    """How a command ended: its status, -9 where it was killed; the seconds that it ran; its counted calls, if it ended itself."""

    status: int
    seconds: float
    calls: int


class Killer:
    """A process that forks a command at a time."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "soak.killer"],
            cwd=ROOT,
            env={**os.environ, **environ},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Killer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.communicate()

    def run(self, arguments: Sequence[str | Path], **moment: float) -> Ended:
        """Runs `seeklet ARGUMENTS`, to its end or to a moment, seconds= or calls=; raises OSError where it can't be told."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"arguments": list(map(str, arguments)), **moment}) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise OSError("the process that forks has ended")
        return Ended(**json.loads(answer))


class _Calls:
    """Counts calls, and kills this process at the one of a number."""

    def __init__(self, last: int | None) -> None:
        self.count = 0
        self._last = last

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        opened = event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING
        if event in _COUNTED or opened:
            self.count += 1
            if self.count == self._last:
                os.kill(os.getpid(), signal.SIGKILL)


def _work(asked: Mapping[str, Any], report: Path) -> None:
    """Runs the command in this process, which is a fork, and ends it."""
    status = 1
    try:
        # The answers go to standard output, so nothing else may.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        from seeklet.cli import main

        calls = _Calls(asked.get("calls"))
        sys.addaudithook(calls)
        status = main(asked["arguments"], os.environ)
        report.write_text(json.dumps({"calls": calls.count, "modules": sorted(sys.modules)}))
    except BaseException:  # noqa: BLE001 - told, and the fork must never go on as its parent
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


def _fork(asked: Mapping[str, Any], report: Path) -> Ended:
    """Forks, waits for the end or the moment, and kills; imports here what the command has imported, for the next one."""
    start = time.monotonic()
    child = os.fork()
    if not child:
        _work(asked, report)
    if (seconds := asked.get("seconds")) is not None:
        with contextlib.suppress(ChildProcessError):
            while (
                time.monotonic() - start < seconds
                and os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None
            ):
                time.sleep(0.001)
        os.kill(child, signal.SIGKILL)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    taken = time.monotonic() - start
    if not report.exists():
        return Ended(status, taken, 0)
    told = json.loads(report.read_text())
    report.unlink()
    for name in told["modules"]:
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    return Ended(status, taken, told["calls"])


@contextmanager
def _report() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / "report.json"


def main() -> None:
    """Answers every line of standard input."""
    with _report() as report:
        for line in sys.stdin:
            print(json.dumps(_fork(json.loads(line), report)._asdict()), flush=True)


if __name__ == "__main__":
    main()
