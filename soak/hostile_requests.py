"""Sends hostile events to the function, and counts what comes of them. Each event can be sent again by its number.

    python -m soak.hostile_requests ARTIFACT [--count 100000] [--seed 0] [--most-seconds 10] [--json FILE]
    python -m soak.hostile_requests ARTIFACT --replay NUMBER [--seed 0]

The status is 1 where an exception left the function, an answer was 500 or none that Lambda can pass on, an event took more
seconds of the processor than --most-seconds, the memory grew by more than 2% after the first tenth, or a log line held a
query's text. All events are answered by one process, as in one environment of Lambda.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from handler.artifact import Artifact
from handler.documents import Documents
from handler.function import Function
from handler.settings import Settings
from soak.children import CrashError, lines_of_child, tell
from soak.hostile_bodies import Corpus
from soak.hostile_events import make
from soak.hostile_values import CANARY

# How many of the slowest events are told, and after how many events the child says how far it is.
SLOWEST = 10
REPORTED = 1_000
MOST_GROWTH = 0.02
# template.yaml's Timeout: Lambda ends an invocation then. A batch of 128 long texts, the most that a request may have, is the slowest.
MOST_SECONDS = 10.0


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


def judge(answer: Any) -> tuple[str, str | None]:
    """Returns an answer's status, and what is wrong with it; None where Lambda can pass it on and it is no 500."""
    text = json.dumps(answer, allow_nan=False)
    text.encode()
    if not isinstance(answer, dict):
        return "no object", f"the answer is {type(answer).__name__}"
    if "statusCode" in answer:
        status = answer["statusCode"]
        fits = isinstance(answer["body"], str) and all(
            isinstance(value, str) for value in (answer.get("headers") or {}).values()
        )
        if not fits:
            return str(status), "a body or a header isn't text"
        return str(status), f"status {status}" if status >= 500 else None
    # Errors of POST /search are problems (RFC 9457), those of POST /similar and of unknown events have an object of their own.
    error = answer if "type" in answer and "status" in answer else answer.get("error")
    if error is None:
        return "direct, answered", None
    code = error.get("code")
    return "direct, refused", "internal_error" if code in (None, "internal_error") else None


def corpus_of(artifact: Path) -> Corpus:
    """Returns what valid requests name."""
    opened = Artifact.open(artifact)
    documents = Documents.open(opened)
    places = {0, len(documents) // 2, len(documents) - 1}
    return Corpus(list(opened.manifest.columns or {}), [documents[place].id for place in sorted(places)])


def resident_bytes() -> int:
    """Returns the process's resident memory that no file has: mapped pages of the artifact come and go."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) * 1024


def run_child(artifact: Path, seed: int, count: int) -> None:
    """Sends all events, and tells the figures again and again."""
    hostility = Hostility(artifact, seed)
    for number in range(count):
        if number % min(REPORTED, max(1, count // 10)) == 0:
            tell(number=number, **hostility.figures())
        hostility.send(number)
    tell(number=count, **hostility.figures())


def run(artifact: Path, seed: int, count: int) -> dict[str, Any]:
    """Sends the events in a child process; returns the last figures, the memory at each report, and a crash if there is one."""
    memory: dict[int, int] = {}
    told: dict[str, Any] = {}
    crash = None
    try:
        for told in lines_of_child(
            "soak.hostile_requests", [str(artifact), "--child", "--seed", str(seed), "--count", str(count)]
        ):
            memory[told["number"]] = told["resident bytes"]
    except CrashError as error:
        crash = f"after event {told.get('number')}: {error}"
    return {
        **told,
        "crash": crash,
        "growth": growth(memory),
        "resident MB": {at: round(size / 1e6, 1) for at, size in memory.items()},
    }


def growth(memory: Mapping[int, int]) -> float:
    """Returns by which share the memory has grown since the first tenth of the events."""
    if len(memory) < 3:
        return 0.0
    last = max(memory)
    warm = max(size for at, size in memory.items() if at <= last / 10)
    return memory[last] / warm - 1


def broken(figures: Mapping[str, Any], most_seconds: float) -> list[str]:
    """Returns the promises that the figures break, as sentences."""
    told = [f"event {fault['number']} ({fault['what']}): {fault['fault']}" for fault in figures["faults"]]
    if figures["crash"]:
        told.append(f"the process ended {figures['crash']}")
    told += [
        f"event {slow['number']} ({slow['what']}) took {slow['ms']:,} ms"
        for slow in figures["slowest"]
        if slow["ms"] > most_seconds * 1e3
    ]
    if figures["growth"] > MOST_GROWTH:
        told.append(f"the memory grew by {figures['growth']:.1%}")
    if figures["log lines with a query"]:
        told.append(f"{figures['log lines with a query']:,} log lines hold a query's text")
    return told


def replay(artifact: Path, seed: int, number: int) -> None:
    """Prints one event's beginning, its answer's and its time; an exception ends it with its traceback."""
    logging.basicConfig()
    made = make(seed, number, corpus_of(artifact))
    function = Function.load(Settings.from_env({"ARTIFACT_DIR": str(artifact), "THREADS": "1"}))
    print(f"{made[:3]}\n{made.event[:2000]}")
    start = time.process_time()
    answer = function(json.loads(made.event))
    print(f"{(time.process_time() - start) * 1e3:.1f} ms\n{json.dumps(answer)[:2000]}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--most-seconds",
        type=float,
        default=MOST_SECONDS,
        help="of the processor, for one event (default: %(default)s, the template's Timeout)",
    )
    parser.add_argument("--replay", type=int, metavar="NUMBER")
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.replay is not None:
        replay(options.artifact, options.seed, options.replay)
        return 0
    if options.child:
        run_child(options.artifact, options.seed, options.count)
        # Without the teardown of native code: what matters is over.
        sys.stdout.flush()
        os._exit(0)
    figures = run(options.artifact, options.seed, options.count)
    print(json.dumps({name: value for name, value in figures.items() if name != "faults"}, indent=1))
    for sentence in broken(figures, options.most_seconds):
        print(f"broken: {sentence}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 1 if broken(figures, options.most_seconds) else 0


if __name__ == "__main__":
    sys.exit(main())
