"""Runs a part of a proof in a child process, so that a crash of native code is seen and told, and the rest goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from layers.runtime.targets import MALLOC

ROOT = Path(__file__).resolve().parent.parent


class CrashError(Exception):
    """Raised when a child process ends by a signal or a traceback; the text is its status and its last words."""


def lines_of_child(module: str, arguments: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Runs `python -m MODULE ARGUMENTS`, and gives the JSON objects that it prints, a line each, as they come.

    The child's malloc is set as the template sets a function's, unless this process's environment sets it.
    Raises CrashError where the child ends with another status than 0.
    """
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        cwd=ROOT,
        env={**MALLOC, **os.environ},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stderr is not None
        for line in child.stdout:
            yield json.loads(line)
        last = child.stderr.read().strip()[-2000:]
    if child.returncode:
        raise CrashError(f"status {child.returncode}: {last}")


def progress(told: Mapping[str, Any], count: int, seconds: float) -> str:
    """Says how far a child is: its `number` of `count` events, its `resident bytes`, and how long the rest will take."""
    number = told["number"]
    left = seconds / number * (count - number) if number else 0.0
    return f"{number:,} of {count:,} events, {told['resident bytes'] / 1e6:,.1f} MB, {left:,.0f} s left"


def tell(**fields: Any) -> None:
    """Prints one JSON object for the parent, at once."""
    print(json.dumps(fields), flush=True)
