"""A function under hostile events: sends each by its number, and keeps what came of it."""

from __future__ import annotations

import json
import logging
import time
from collections import Counter
from pathlib import Path
from typing import Any

from handler.function import Function
from handler.settings import Settings
from soak.corpus import corpus_of
from soak.hostile_events import make
from soak.hostile_values import CANARY
from soak.judging import judge, resident_bytes

# How many of the slowest events are told.
SLOWEST = 10


class Log(logging.Handler):
    """Counts the function's log lines, and those with a query's text in them."""

    def __init__(self) -> None:
        super().__init__()
        self.lines = 0
        self.telling = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Counts a line, as it would be written."""
        self.lines += 1
        self.telling += CANARY in logging.Formatter().format(record)


class Hostility:
    """A function under hostile events, and the figures of them."""

    def __init__(self, artifact: Path, seed: int) -> None:
        self.function = Function.load(Settings.from_env({"ARTIFACT_DIR": str(artifact), "THREADS": "1"}))
        self.corpus = corpus_of(artifact)
        self.seed = seed
        self.statuses: Counter[str] = Counter()
        self.slowest: list[tuple[float, int, str]] = []
        self.slow_kinds: dict[str, float] = {}
        self.faults: list[dict[str, Any]] = []
        self.log = Log()
        logging.getLogger().handlers = [self.log]

    def send(self, number: int) -> None:
        """Sends the event of a number, and keeps what came of it."""
        made = make(self.seed, number, self.corpus)
        what = f"{made.sender} {made.route}: {made.kind}"
        try:
            event = json.loads(made.event)
        except (RecursionError, ValueError):
            # The runtime reads no such event, so the function never sees it.
            self.statuses["not read by the runtime"] += 1
            return
        start = time.process_time()
        try:
            answer = self.function(event)
            taken = time.process_time() - start
            status, fault = judge(answer)
        except BaseException as error:  # noqa: BLE001 - whatever leaves the function ends an invocation
            taken, status, fault = (
                time.process_time() - start,
                "exception",
                f"{type(error).__name__}: {error}"[:300],
            )
        self.statuses[status] += 1
        if fault:
            self.faults.append({"number": number, "what": what, "fault": fault})
        self.slowest = sorted([*self.slowest, (taken, number, what)], reverse=True)[:SLOWEST]
        self.slow_kinds[what.partition(":")[0]] = max(taken, self.slow_kinds.get(what.partition(":")[0], 0))

    def figures(self) -> dict[str, Any]:
        """Returns what has come of the events so far."""
        return {
            "statuses": dict(sorted(self.statuses.items())),
            "faults": self.faults,
            "slowest": [
                {"ms": round(taken * 1e3, 1), "number": number, "what": what}
                for taken, number, what in self.slowest
            ],
            "slowest of each route, ms": {
                what: round(taken * 1e3, 1) for what, taken in sorted(self.slow_kinds.items())
            },
            "log lines": self.log.lines,
            "log lines with a query": self.log.telling,
            "resident bytes": resident_bytes(),
        }
