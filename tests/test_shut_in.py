"""Nothing is sent and nothing is written that isn't configured: the function answers in a process that is shut in."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from command import ROOT

from soak.shut import can_filter

NEEDS_FILTER = pytest.mark.skipif(not can_filter(), reason="needs Linux on x86-64 or arm64")


def run(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs Python in empty folders of its own: the current one, HOME and that for temporary files."""
    for name in ("here", "home", "tmp"):
        (tmp_path / name).mkdir(exist_ok=True)
    environ = {
        **os.environ,
        "HOME": str(tmp_path / "home"),
        "TMPDIR": str(tmp_path / "tmp"),
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(
        [sys.executable, "-B", *arguments],
        cwd=tmp_path / "here",
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.mark.parametrize("locks", [[], ["--python-only"]], ids=["native", "python"])
def test_every_event_is_answered_without_a_socket_or_a_written_file(
    tiny_artifact: Path, tmp_path: Path, locks: list[str]
) -> None:
    if not locks and not can_filter():
        pytest.skip("needs Linux on x86-64 or arm64")
    done = run(tmp_path, "-m", "soak.shut_in", str(tiny_artifact), *locks)
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) > 60
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


# That the locks hold, each by itself.

SHUT = (
    "import ctypes, os, socket, sys\nfrom soak.shut import shut\nshut(native={})\nlibc = ctypes.CDLL(None)\n"
)
IN_PYTHON = {
    "a connection": "socket.create_connection(('127.0.0.1', 9))",
    "a datagram": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
    "a server": "socket.socket().bind(('127.0.0.1', 0))",
    "a look-up": "socket.getaddrinfo('localhost', 80)",
    "a request": "import urllib.request; urllib.request.urlopen('http://127.0.0.1:9/')",
    "a file": "open('x', 'w')",
    "a file in /tmp": "import tempfile; tempfile.TemporaryFile()",
    "a file by its flags": "os.open('x', os.O_CREAT | os.O_RDWR)",
    "an appended line": "open(os.devnull, 'a')",
    "a folder": "os.mkdir('x')",
    "a process": "import subprocess; subprocess.run(['true'])",
    "a shell": "os.system('true')",
}
NATIVE = {
    "a socket": "libc.socket(2, 1, 0)",
    "a socket of version 6": "libc.socket(10, 2, 0)",
    "a netlink socket": "libc.socket(16, 3, 0)",
    "a socket of a thread": "import threading; threading.Thread(target=libc.socket, args=(2, 1, 0)).start()",
    "a file": "libc.open(b'x', os.O_CREAT | os.O_WRONLY, 0o600)",
    "a file to read and write": "libc.open(b'x', os.O_CREAT | os.O_RDWR, 0o600)",
    "a file that is made": "libc.creat(b'x', 0o600)",
    "a file that is made to be read": "libc.open(b'x', os.O_CREAT | os.O_RDONLY, 0o600)",
    "a file that is emptied": "libc.open(os.devnull.encode(), os.O_RDONLY | os.O_TRUNC)",
    "a stream": "libc.fopen(b'x', b'w')",
}


@pytest.mark.parametrize("name", IN_PYTHON)
def test_python_is_shut_in(tmp_path: Path, name: str) -> None:
    hidden = f"try:\n    {IN_PYTHON[name]}\nexcept Exception:\n    pass\n"
    done = run(tmp_path, "-c", SHUT.format(False) + hidden)
    assert done.returncode == 1
    assert "soak.shut.ForbiddenError: " in done.stderr


@NEEDS_FILTER
@pytest.mark.parametrize("name", NATIVE)
def test_native_code_is_shut_in(tmp_path: Path, name: str) -> None:
    done = run(tmp_path, "-c", SHUT.format(True) + NATIVE[name])
    assert done.returncode == -signal.SIGSYS
    assert list((tmp_path / "here").iterdir()) == []


@NEEDS_FILTER
def test_what_needs_neither_is_allowed(tmp_path: Path) -> None:
    allowed = (
        "socket.socketpair()\nopen(os.devnull).read()\nlibc.open(b'/dev/null', os.O_RDONLY)\nprint('done')"
    )
    done = run(tmp_path, "-c", SHUT.format(True) + allowed)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")
