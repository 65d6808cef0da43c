"""`make invoke`: sends every event through `sam local invoke`, and prints its status and the start of its answer.

`sam local invoke` ends with 0 even if the function fails, so this module looks at the answer.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from seeklet.terminal import cut, printable

WIDTH = 100


def main() -> int:
    """Invokes the function with each event; returns 0, or 1 where an event had no answer or failed in the function."""
    parser = argparse.ArgumentParser(prog="python -m dev.invoke", description=__doc__.split("\n\n")[0])
    parser.add_argument("--sam", default="sam", metavar="COMMAND")
    parser.add_argument("--events", type=Path, default=Path("events"), metavar="DIR")
    options, more = parser.parse_known_args()
    failed = 0
    for path in sorted(options.events.glob("*.json")):
        started = time.monotonic()
        answer = invoke(options.sam, path, more)
        took = time.monotonic() - started
        # Answers to a direct query and to a ping have no status. An error of SAM has "body" alone.
        plain = "results" in answer or answer.get("status") == "warm"
        status = 200 if plain else answer.get("statusCode", 0)
        failed += not 200 <= status < 500
        shown = str(answer.get("body", answer))
        print(
            f"{path.stem:20} {status or 'failed':>6} {took:5.1f} s  {cut(printable(shown), WIDTH)}",
            flush=True,
        )
    if failed:
        print(f"error: {failed} of the events had no answer", file=sys.stderr)
    return 1 if failed else 0


def invoke(sam: str, event: Path, more: list[str]) -> dict[str, Any]:
    """Returns the function's response, or what SAM said instead."""
    done = subprocess.run(
        [sam, "local", "invoke", "SearchFunction", "--event", str(event), *more],
        capture_output=True,
        text=True,
    )
    try:
        answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        return {"body": (done.stderr.strip().splitlines() or [done.stdout])[-1]}
    return answer


if __name__ == "__main__":
    sys.exit(main())
