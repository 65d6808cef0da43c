"""`make lock`: writes the hashes of requirements*.txt anew, for the versions that they pin.

uv reads the hashes of every file of a version from the index, so each Python, system and processor finds its own. It
downloads no packages, no version changes, and the comments at a file's top stay. torch's CPU builds are in an index of
their own (--index).
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from pathlib import Path

# A pin, without what follows it.
PIN = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]*==[^\s;\\]+", re.MULTILINE)


def main() -> int:
    """Rewrites each file; returns 0, or 2 where the index lacks one of its versions or hashes."""
    parser = argparse.ArgumentParser(prog="python -m dev.hashes", description=__doc__.split("\n\n")[0])
    parser.add_argument("files", type=Path, nargs="+", metavar="FILE")
    parser.add_argument("--uv", default="uv", metavar="COMMAND")
    parser.add_argument("--index", metavar="URL", help="instead of uv's index")
    options = parser.parse_args()
    for path in options.files:
        text = path.read_text(encoding="utf-8")
        done = subprocess.run(
            [*command(options.uv, options.index), "-"],
            input="\n".join(PIN.findall(text)),
            capture_output=True,
            text=True,
        )
        if done.returncode:
            print(f"error: uv finds no hashes for {path}:\n{done.stderr[-1000:]}", file=sys.stderr)
            return 2
        if len(re.findall(r"==[^\n]*\\\n\s+--hash=", done.stdout)) < len(PIN.findall(done.stdout)):
            print(
                f"error: the index has no hashes of some files for {path}:\n{done.stdout[-1000:]}",
                file=sys.stderr,
            )
            return 2
        path.write_text(comments(text) + done.stdout, encoding="utf-8")
        print(f"{path}: {len(PIN.findall(done.stdout))} distributions")
    return 0


def command(uv: str, index: str | None) -> list[str]:
    """Returns uv's command, which reads pins from standard input and writes them with their hashes."""
    options = ["--no-deps", "--generate-hashes", "--no-header", "--no-annotate", "--quiet"]
    options += ["--default-index", index] if index else []
    return [uv, "pip", "compile", "--python-version", "3.11", *options]


def comments(text: str) -> str:
    """Returns the lines at the top that begin with #."""
    lines = text.splitlines(keepends=True)
    first = next((row for row, line in enumerate(lines) if not line.startswith("#")), len(lines))
    return "".join(lines[:first])


if __name__ == "__main__":
    sys.exit(main())
