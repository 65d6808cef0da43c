"""Shuts a process in: no socket to anywhere, and no file opened for writing, neither by Python nor by native code.

`shut()` is called in a child process before anything is imported that shall be shut in. Two locks hold at once:

- an audit hook, which sees Python's own calls and names them;
- a seccomp filter, which ends the process by SIGSYS at a system call of any code. Linux alone has it, on x86-64 and arm64.

Sockets between two ends in this process (AF_UNIX) are allowed: every event loop makes a pair.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sys
from typing import Any, NoReturn

_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _MODE_FILTER = 38, 22, 2
_ALLOW, _KILL_PROCESS = 0x7FFF0000, 0x80000000
# Of struct seccomp_data, in bytes: the number of the call, the processor, and the low halves of its arguments.
_NUMBER, _ARCH = 0, 4
_ARGUMENTS = 16
_AF_UNIX = 1
# BPF: load a word; jump where equal; jump where any bit is set; return.
_LOAD, _IF_EQUAL, _IF_ANY, _RETURN = 0x20, 0x15, 0x45, 0x06
# Of each processor: its number for audits, and its calls socket, open and creat (neither on arm64), openat, openat2.
_CALLS = {"x86_64": (0xC000003E, 41, 2, 85, 257, 437), "aarch64": (0xC00000B7, 198, None, None, 56, 437)}
# The last two make a file, or empty one, even where it is opened only to be read.
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_FORBIDDEN = (
    "socket.connect", "socket.bind", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname",
    "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod", "shutil.copyfile",
    "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "urllib.Request", "tempfile.mkstemp", "tempfile.mkdtemp",
)  # fmt: skip


class ForbiddenError(BaseException):
    """Raised by a call that is forbidden. No `except Exception` hides it."""


def can_filter() -> bool:
    """Tells whether this system has the seccomp filter."""
    return sys.platform == "linux" and platform.machine() in _CALLS


def shut(*, native: bool = True) -> None:
    """Shuts this process in, for good. Without `native` only Python's calls are forbidden."""
    sys.addaudithook(_forbid)
    if native:
        _filter_calls()


def _forbid(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _FORBIDDEN:
        _refuse(event, arguments)
    if event == "open":
        path, mode, flags = arguments
        written = mode is not None and any(letter in mode for letter in "wax+")
        if written or (isinstance(flags, int) and flags & _WRITING):
            _refuse(event, (path, mode, flags))


def _refuse(event: str, arguments: tuple[Any, ...]) -> NoReturn:
    raise ForbiddenError(f"{event}{arguments!r:.200}")


def _filter_calls() -> None:
    """Installs the filter; raises OSError where the system refuses it."""
    arch, socket, open_, creat, openat, openat2 = _CALLS[platform.machine()]
    flags_of = {open_: 1, openat: 2}
    steps = [
        (_LOAD, 0, 0, _ARCH),
        (_IF_EQUAL, 1, 0, arch),
        (_RETURN, 0, 0, _KILL_PROCESS),
        (_LOAD, 0, 0, _NUMBER),
    ]
    # Each rule ends with a return, or jumps over itself. The number of the call is loaded again after it.
    rules = [
        [
            (_LOAD, 0, 0, _ARGUMENTS),
            (_IF_EQUAL, 1, 0, _AF_UNIX),
            (_RETURN, 0, 0, _KILL_PROCESS),
            (_RETURN, 0, 0, _ALLOW),
        ]
    ]
    numbers = [socket]
    for number, place in flags_of.items():
        if number is not None:
            load = (_LOAD, 0, 0, _ARGUMENTS + 8 * place)
            rules.append(
                [load, (_IF_ANY, 0, 1, _WRITING), (_RETURN, 0, 0, _KILL_PROCESS), (_RETURN, 0, 0, _ALLOW)]
            )
            numbers.append(number)
    # creat always writes. What openat2 is asked for lies in memory, which a filter can't read.
    for number in (creat, openat2):
        if number is not None:
            rules.append([(_RETURN, 0, 0, _KILL_PROCESS)])
            numbers.append(number)
    for number, rule in zip(numbers, rules, strict=True):
        steps += [(_IF_EQUAL, 0, len(rule), number), *rule]
    steps.append((_RETURN, 0, 0, _ALLOW))
    code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
    program = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (_PR_SET_SECCOMP, _MODE_FILTER, program, 0, 0)):
        if libc.prctl(*arguments):
            raise OSError(ctypes.get_errno(), "the system refuses the filter of system calls")
