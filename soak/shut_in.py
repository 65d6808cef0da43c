"""Answers every sample event, and requests of its own, in a process that is shut in: soak/shut.py says from what.

    python -B -m soak.shut_in ARTIFACT [--python-only]

It prints how many answers there were, and ends with status 0 where nothing forbidden was tried. With -B Python writes no
bytecode, as on Lambda, where the code can't be written.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from soak.shut import shut

EVENTS = Path(__file__).resolve().parent.parent / "events"


def main(arguments: list[str]) -> None:
    """Loads the function as Lambda does, answers, and prints the number of answers."""
    artifact = Path(arguments[0])
    shut(native="--python-only" not in arguments)
    os.environ |= {"ARTIFACT_DIR": str(artifact), "THREADS": "2"}
    # From here on, every import is shut in too.
    import json

    from handler.app import handler
    from soak.answers import make_event, make_events

    events = [json.loads(path.read_text()) for path in sorted(EVENTS.glob("*.json"))]
    events += make_events(artifact)
    events += [
        make_event("GET", path) for path in ("/", "/map", "/docs", "/openapi.json", "/health", "/nowhere")
    ]
    answers = [handler(event, None) for event in events]
    refused = [answer for answer in answers if answer.get("statusCode", 200) >= 500]
    if refused:
        raise SystemExit(f"{len(refused)} answers of status 500: {refused[0]}")
    print(len(answers))


if __name__ == "__main__":
    main(sys.argv[1:])
