"""Sends ordinary events of every route and of every sender to the function, and counts what comes of them.

    python -m soak.mixed_events ARTIFACT [--count 200000] [--seed 0] [--most-growth 0.02] [--json FILE]

One process answers all of them, as one environment of Lambda does, with a key, lines, metrics and analytics. The status is 1
where an answer was a 500 or an exception, where it had another status than its request must have, or where the memory grew by
more than --most-growth after the first thousand. The memory is what no file has: mapped pages of the artifact come and go. After
a large answer malloc keeps some MB more for a while, so the most memory of each thousand events counts, and not one moment's.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from handler.function import Function
from handler.settings import Settings
from soak.children import CrashError, StartError, lines_of_child, progress, starting, tell
from soak.corpus import Corpus, corpus_of
from soak.judging import judge, resident_bytes
from soak.mixed_figures import MOST_GROWTH, broken, growth, summary
from soak.mixed_parts import KEY
from soak.mixed_requests import Made, make

# After so many events the child says how far it is.
REPORTED = 1_000
# Faults that are told; all are counted.
_TOLD = 20
# One event in so many asks again for what was answered with an ETag.
_AGAIN = 25

Answering = Callable[[Any], Any]
Tell = Callable[..., None]


class Nowhere(io.TextIOBase):
    """Standard output that keeps nothing but the number of its lines."""

    def __init__(self) -> None:
        self.lines = 0

    def write(self, text: str) -> int:
        """Counts the lines of a text."""
        self.lines += text.count("\n")
        return len(text)


class Mixture:
    """A function under ordinary events, and the figures of them."""

    def __init__(self, function: Answering, corpus: Corpus, seed: int) -> None:
        self.function = function
        self.corpus = corpus
        self.seed = seed
        self.counts: Counter[tuple[str, str]] = Counter()
        self.senders: Counter[str] = Counter()
        self.faults: list[str] = []
        self.faulty = 0
        self.log = Nowhere()
        self._kept: Made | None = None

    def send(self, number: int) -> None:
        """Sends the event of a number, or asks again for the answer that was kept, and counts what came of it."""
        if number % _AGAIN == 0 and self._kept is not None:
            made = self._kept
        else:
            made = make(self.seed, number, self.corpus)
        try:
            with contextlib.redirect_stdout(self.log):
                answer = self.function(made.event)
            status, fault = judge(answer)
        except BaseException as error:  # noqa: BLE001 - whatever leaves the function ends an invocation
            answer, status, fault = {}, "exception", f"{type(error).__name__}: {error}"[:300]
        if fault is None and status != made.expected:
            fault = f"status {status}, not {made.expected}: {json.dumps(answer)[:300]}"
        self.counts[made.route, status] += 1
        self.senders[made.sender] += 1
        if fault is not None:
            self.faulty += 1
            self.faults = [*self.faults, f"event {number} ({made.sender} {made.route}): {fault}"][:_TOLD]
        if made.expected == "200":
            self._keep(made, answer)

    def _keep(self, made: Made, answer: Mapping[str, Any]) -> None:
        """Keeps an event whose answer has an ETag, with that tag: the next answer is 304 and has no body."""
        headers = made.event["multiValueHeaders" if "headers" not in made.event else "headers"]
        given = answer.get("headers") or {
            name: values[0] for name, values in answer.get("multiValueHeaders", {}).items()
        }
        if "etag" not in given:
            return
        tag = given["etag"]
        added = {"if-none-match": tag if "headers" in made.event else [tag]}
        name = "headers" if "headers" in made.event else "multiValueHeaders"
        self._kept = made._replace(expected="304", event={**made.event, name: {**headers, **added}})

    def figures(self) -> dict[str, Any]:
        """Returns what has come of the events so far."""
        routes: dict[str, dict[str, int]] = {}
        for (route, status), count in sorted(self.counts.items()):
            routes.setdefault(route, {})[status] = count
        return {
            "routes": routes,
            "senders": dict(sorted(self.senders.items())),
            "faults": self.faults,
            "faulty": self.faulty,
            "log lines": self.log.lines,
            "resident bytes": resident_bytes(),
        }


def load(artifact: Path) -> Function:
    """Loads the function with all that it can be asked to write; raises SeekletError where it can't."""
    asked = {"LOG_REQUESTS": "on", "METRICS": "emf", "ANALYTICS": "on", "ANALYTICS_SALT": "s" * 32}
    variables = {"ARTIFACT_DIR": str(artifact), "THREADS": "1", "API_KEYS": f"soak={KEY}"}
    return Function.load(Settings.from_env(variables | asked))


def send_all(mixture: Mixture, count: int, report: Tell, *, every: int = REPORTED) -> None:
    """Sends all events, and reports the figures after every so many, with the most memory after any of them."""
    most = 0
    for number in range(count):
        mixture.send(number)
        # The answer is gone now, as it is when an environment waits for its next event.
        most = max(most, resident_bytes())
        if (number + 1) % every == 0 or number + 1 == count:
            report(number=number + 1, **{**mixture.figures(), "resident bytes": most})
            most = 0


def run(artifact: Path, seed: int, count: int) -> dict[str, Any]:
    """Sends the events in a child process and prints how far it is; returns the last figures, with the memory at each report.

    Raises StartError where the child fails before its first event, as it does where the artifact can't be loaded.
    """
    memory: dict[int, int] = {}
    told: dict[str, Any] = {"number": 0, "faults": [], "faulty": 0}
    crash = None
    start = time.monotonic()
    child = [str(artifact), "--child", "--seed", str(seed), "--count", str(count)]
    try:
        for told in lines_of_child("soak.mixed_events", child):
            memory[told["number"]] = told["resident bytes"]
            print(progress(told, count, time.monotonic() - start), flush=True)
    except CrashError as error:
        crash = f"after event {told['number']:,}: {error}"
    return {
        **told,
        "crash": crash,
        "seconds": round(time.monotonic() - start),
        "growth": growth(memory),
        "resident MB": {at: round(size / 1e6, 1) for at, size in memory.items()},
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command; the status is 1 where a promise is broken, and 2 where it can't begin."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most-growth", type=float, default=MOST_GROWTH)
    parser.add_argument("--json", type=Path, metavar="FILE", help="keep the figures")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.child:
        with starting():
            mixture = Mixture(load(options.artifact), corpus_of(options.artifact), options.seed)
        tell(number=0, **mixture.figures())
        send_all(mixture, options.count, tell)
        # Without the teardown of native code: what matters is over.
        sys.stdout.flush()
        os._exit(0)
    try:
        figures = run(options.artifact, options.seed, options.count)
    except StartError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(summary(figures))
    told = broken(figures, options.most_growth)
    for sentence in told:
        print(f"broken: {sentence}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 1 if told else 0


if __name__ == "__main__":
    sys.exit(main())
