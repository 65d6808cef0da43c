"""Running commands as a user does, piped or in a terminal, and what a refusal must look like."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parent.parent


def run_export(
    *arguments: str | Path, stdin: bytes = b"", environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """`python -m export` in a process of its own."""
    return _run("export", arguments, stdin, environ)


def run_seeklet(
    *arguments: str | Path, stdin: bytes = b"", environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    """`seeklet` in a process of its own, its output in a pipe."""
    return _run("seeklet", arguments, stdin, environ)


def _run(
    module: str, arguments: tuple[str | Path, ...], stdin: bytes, environ: Mapping[str, str] | None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        cwd=ROOT,
        input=stdin,
        env={**os.environ, **(environ or {})},
        capture_output=True,
        check=False,
    )


def run_in_terminal(*arguments: str | Path, columns: int = 80) -> tuple[int, str]:
    """`seeklet` in a terminal of that width; its exit status and all that it printed."""
    terminal, end = pty.openpty()
    fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    # A terminal's width is asked of it only where COLUMNS doesn't say.
    environ = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    process = subprocess.Popen(
        [sys.executable, "-m", "seeklet", *map(str, arguments)],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=end,
        stderr=end,
        env=environ,
    )
    os.close(end)
    shown = b""
    # Linux tells the end of it by an error.
    with contextlib.suppress(OSError):
        while data := os.read(terminal, 65536):
            shown += data
    os.close(terminal)
    return process.wait(), shown.decode().replace("\r\n", "\n")


def refusal(done: subprocess.CompletedProcess[bytes]) -> str:
    """The one sentence of a command that was refused: exit status 2, no traceback, nothing on standard output."""
    errors = done.stderr.decode()
    assert done.returncode == 2, errors
    assert done.stdout == b""
    assert "Traceback" not in errors
    lines = errors.splitlines()
    assert [line for line in lines if line.startswith("error: ")] == lines[-1:]
    return lines[-1].removeprefix("error: ")
