"""The sample event with other queries, and handlers that answer such events in turn."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.record import ROOT

EVENT = ROOT / "events" / "similar.json"

Handler = Callable[[dict[str, Any], object], Any]


def make_event(text: str, **fields: Any) -> dict[str, Any]:
    """Returns the sample event with another query, and with more fields in its body."""
    event: dict[str, Any] = json.loads(EVENT.read_text())
    body = {"text": text, "num_results": 5, **fields}
    return event | {"body": json.dumps(body), "isBase64Encoded": False}


def answer_in_turn(handler: Handler, events: Sequence[dict[str, Any]]) -> Callable[[], object]:
    """Returns a function that answers the next event; it raises RuntimeError where the status isn't 200."""
    upcoming = itertools.cycle(events)

    def call() -> object:
        response = handler(next(upcoming), None)
        if response["statusCode"] != 200:
            raise RuntimeError(f"the handler answered {str(response)[:300]}")
        return response

    return call
