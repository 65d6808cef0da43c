"""Sends hostile events to the function, and counts what comes of them. Each event can be sent again by its number.

    python -m soak.hostile_requests ARTIFACT [--count 100000] [--seed 0] [--most-seconds 10] [--json FILE]
    python -m soak.hostile_requests ARTIFACT --replay NUMBER [--seed 0]

The status is 1 where an exception left the function, an answer was 500 or none that Lambda can pass on, an event took more
seconds of the processor than --most-seconds, the memory grew by more than 2% in the second half, or a log line held a
query's text. All events are answered by one process, as in one environment of Lambda.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from handler.function import Function
from handler.settings import Settings
from soak.children import CrashError, StartError, lines_of_child, progress, starting, tell
from soak.corpus import corpus_of
from soak.hostile_events import make
from soak.hostility import Hostility

# After how many events the child says how far it is.
REPORTED = 1_000
MOST_GROWTH = 0.02
# template.yaml's Timeout: Lambda ends an invocation then. A batch of 128 long texts, the most that a request may have, is the slowest.
MOST_SECONDS = 10.0


def run_child(artifact: Path, seed: int, count: int) -> None:
    """Sends all events, and tells the figures again and again."""
    with starting():
        hostility = Hostility(artifact, seed)
    for number in range(count):
        if number % min(REPORTED, max(1, count // 10)) == 0:
            tell(number=number, **hostility.figures())
        hostility.send(number)
    tell(number=count, **hostility.figures())


def run(artifact: Path, seed: int, count: int) -> dict[str, Any]:
    """Sends the events in a child process and prints how far it is.

    Returns the last figures, the memory at each report, and a crash if there is one. Raises StartError where the child fails
    before its first event, as it does where the artifact can't be loaded.
    """
    memory: dict[int, int] = {}
    told: dict[str, Any] = {}
    crash = None
    start = time.monotonic()
    try:
        for told in lines_of_child(
            "soak.hostile_requests", [str(artifact), "--child", "--seed", str(seed), "--count", str(count)]
        ):
            memory[told["number"]] = told["resident bytes"]
            print(progress(told, count, time.monotonic() - start), file=sys.stderr, flush=True)
    except CrashError as error:
        crash = f"after event {told.get('number')}: {error}"
    return {
        **told,
        "crash": crash,
        "growth": growth(memory),
        "resident MB": {at: round(size / 1e6, 1) for at, size in memory.items()},
    }


def growth(memory: Mapping[int, int]) -> float:
    """Returns by which share the memory is more at the end than at most in the first half of the events.

    The largest requests are rare. By then each of them has come, and left its gaps in the heap.
    """
    if len(memory) < 3:
        return 0.0
    last = max(memory)
    warm = max(size for at, size in memory.items() if at <= last / 2)
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
    """Runs the command; the status is 1 where a promise is broken, and 2 where it can't begin."""
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
    try:
        figures = run(options.artifact, options.seed, options.count)
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(json.dumps({name: value for name, value in figures.items() if name != "faults"}, indent=1))
    for sentence in broken(figures, options.most_seconds):
        print(f"broken: {sentence}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 1 if broken(figures, options.most_seconds) else 0


if __name__ == "__main__":
    sys.exit(main())
