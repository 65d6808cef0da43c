"""Runs a part of a proof in a child process, so that a crash of native code is seen and told, and the rest goes on."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from handler.errors import SeekletError
from layers.runtime.targets import MALLOC

ROOT = Path(__file__).resolve().parent.parent
# Of what a child writes to standard error, so many characters are told, the last ones.
_TOLD = 2000
# Before the sentence of a child that can't begin.
_REFUSED = "error: "


class CrashError(Exception):
    """Raised when a child process ends by a signal or a traceback; the text is its status and its last words."""


class StartError(SeekletError):
    """Raised when a child process fails before it tells anything: nothing was proved, and the text says why."""


def lines_of_child(module: str, arguments: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Runs `python -m MODULE ARGUMENTS`, and gives the JSON objects that it prints, a line each, as they come.

    The child's malloc is set as the template sets a function's, unless this process's environment sets it.
    Raises CrashError where the child ends with another status than 0, and StartError where it told nothing before.
    """
    begun = False
    # A file and no pipe: a pipe that nobody reads is full after 64 KB, and the child would wait for ever.
    with tempfile.TemporaryFile() as errors:
        with subprocess.Popen(
            [sys.executable, "-m", module, *arguments],
            cwd=ROOT,
            env={**MALLOC, **os.environ},
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        ) as child:
            assert child.stdout is not None
            for line in child.stdout:
                begun = True
                yield json.loads(line)
        last = _end_of(errors)
    if child.returncode and not begun:
        line = last.rpartition("\n")[2]
        # A sentence says all; what is anything else is a defect, whose traceback is told too.
        reason = line.removeprefix(_REFUSED) if line.startswith(_REFUSED) else last or "it said nothing"
        raise StartError(f"{module} failed before it began, with status {child.returncode}: {reason}")
    if child.returncode:
        raise CrashError(f"status {child.returncode}: {last}")


def _end_of(file: IO[bytes]) -> str:
    """Returns the last characters of a file that another process wrote."""
    # A character has 4 bytes at most.
    file.seek(max(0, file.seek(0, os.SEEK_END) - 4 * _TOLD))
    return file.read().decode(errors="replace").strip()[-_TOLD:]


@contextlib.contextmanager
def starting() -> Iterator[None]:
    """Ends a child by the sentence of a SeekletError in this block, for the parent's StartError: nothing is told before."""
    try:
        yield
    except SeekletError as error:
        raise SystemExit(f"{_REFUSED}{error}") from None


def progress(told: Mapping[str, Any], count: int, seconds: float) -> str:
    """Says how far a child is: its `number` of `count` events, its `resident bytes`, and how long the rest will take."""
    number = told["number"]
    left = seconds / number * (count - number) if number else 0.0
    return f"{number:,} of {count:,} events, {told['resident bytes'] / 1e6:,.1f} MB, {left:,.0f} s left"


def tell(**fields: Any) -> None:
    """Prints one JSON object for the parent, at once."""
    print(json.dumps(fields), flush=True)
