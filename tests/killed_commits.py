"""Kills the commit of an export at each of its calls that change a folder: what is left is in a folder for each.

    python tests/killed_commits.py FOLDER [--renames]

FOLDER/0, FOLDER/1, ... have an old artifact and what the kill left; the last of them is of a commit that wasn't killed. It runs in
a process of its own, since a fork of a process with threads isn't safe. --renames: as where the system can't exchange two folders.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path
from typing import Any

from outputs import make_artifact, never, write

from export.build.exchange import exchange

CHANGING = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "open")
PARTS = ("model.onnx", "tokenizer.json")


def kill_at(number: int) -> None:
    """Lets this process be killed at a call that changes something, the first of which has the number 0."""
    left = number

    def count(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event in CHANGING and not (event == "open" and not arguments[2] & (os.O_WRONLY | os.O_RDWR)):
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)
            left -= 1

    sys.addaudithook(count)


def main() -> None:
    """Commits in forks, each of which is killed one call later than the one before, until one ends by itself."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--renames", action="store_true")
    given = parser.parse_args()
    number, status = 0, -signal.SIGKILL
    while status == -signal.SIGKILL:
        out = given.folder / str(number) / "out"
        make_artifact(out, "old", PARTS)
        child = os.fork()
        if not child:
            kill_at(number)
            write(out, "new", PARTS, never if given.renames else exchange)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        number += 1
    sys.exit(status)


if __name__ == "__main__":
    main()
