"""What lines, metrics, analytics and counters cost: a warm event and a start, with each on against all off.

    python -m benchmarks.observability build/artifact [--rounds 25] [--events 4000] [--quick] [--json FILE]

The lines go through a pipe to another process, as on Lambda. Warm events take turns one by one, each with the same query: what is
added is the median of what each pair of events says, since a noisy machine changes less between two of them. A start is a new process on
one core until its first answer, on CPython 3.13 with the pruned layer, as benchmarks.cold_start has them.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.artifacts import draw_texts
from benchmarks.cold_start import measure
from benchmarks.installs import Prepared, prepare
from benchmarks.options import make_parser, results_file
from benchmarks.record import ROOT, save
from benchmarks.sample_events import answer_in_turn, make_event
from benchmarks.starts import ANSWER, isolated
from benchmarks.timing import Plan, has_threads, ratio_by_round, run_again, time_blocks
from export.build.sample import cut_queries
from handler.counters import Counters
from handler.function import Function
from handler.searcher import Searcher
from handler.settings import Settings

WORK = ROOT / "build" / "bench" / "starts"
OFF, COUNTED = "off", "counters of /metrics"
# Name -> the variables that turn it on; the last one is everything that Lambda can have.
VARIANTS: Mapping[str, Mapping[str, str]] = {
    OFF: {},
    "lines": {"LOG_REQUESTS": "on"},
    "lines and metrics": {"LOG_REQUESTS": "on", "METRICS": "emf"},
    "lines, metrics, analytics": {
        "LOG_REQUESTS": "on",
        "METRICS": "emf",
        "ANALYTICS": "on",
        "ANALYTICS_SALT": "0123456789abcdef",
    },
}
# What is allowed, in shares of a warm event and of a start.
MOST_WARM, MOST_START = 0.03, 0.05
Spreads = Mapping[str, Mapping[str, Any]]


def main() -> None:
    """Measures, prints both tables and keeps the figures."""
    parser = make_parser(__doc__)
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--rounds", type=int, default=25, help="of starts")
    parser.add_argument("--events", type=int, default=4000, help="of each kind, warm")
    parser.add_argument("--work", type=Path, metavar="DIR", default=WORK, help="kept layers and packages")
    options = parser.parse_args()
    if not has_threads(1):
        run_again("benchmarks.observability", 1, sys.argv[1:])
        return
    warm = measure_warm(options.artifact, 10 if options.quick else options.events)
    prepared = prepare(options.artifact.resolve(), options.work.resolve())
    starts = measure_starts(prepared, 2 if options.quick else options.rounds)
    print(render("warm event", warm, MOST_WARM))
    print(render("start to first answer", starts, MOST_START))
    save(results_file(options), "observability", {"warm": warm, "start": starts})


def measure_warm(artifact: Path, rounds: int) -> dict[str, dict[str, Any]]:
    """Returns each variant's milliseconds for an event of POST /similar, and their share of those with all off."""
    searcher = Searcher.load(artifact)
    # Lambda sets it before each event. Here it is set once, since only its reading is measured.
    os.environ["_X_AMZN_TRACE_ID"] = (
        "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"
    )
    functions = {
        name: Function(settings_of(variables), searcher, environ=os.environ)
        for name, variables in VARIANTS.items()
    }
    functions[COUNTED] = Function(settings_of({}), searcher)
    functions[COUNTED].router.watchers.append(Counters())
    events = [make_event(query) for query in cut_queries(draw_texts(artifact, 200), 200)]
    calls = {name: answer_in_turn(function, events) for name, function in functions.items()}
    with lines_to_a_pipe():
        time_blocks(calls, Plan(rounds=len(events), warm_up=0, timed=1))
        return with_shares(time_blocks(calls, Plan(rounds=rounds, warm_up=0, timed=1)))


def with_shares(taken: Spreads) -> dict[str, dict[str, Any]]:
    """Returns each median with its quartiles, and those of the ratios to the one with all off, pair by pair."""
    kept = ("median", "quartiles")
    return {
        name: {key: took[key] for key in kept}
        | {"of off": {key: ratio_by_round(took, taken[OFF])[key] for key in kept}}
        for name, took in taken.items()
    }


def settings_of(variables: Mapping[str, str]) -> Settings:
    """Returns the settings of a variant, as on Lambda."""
    return Settings.from_env({"AWS_LAMBDA_FUNCTION_NAME": "seeklet", "THREADS": "1", **variables})


@contextlib.contextmanager
def lines_to_a_pipe() -> Iterator[None]:
    """The process's standard output is a pipe to a process that reads and forgets, as on Lambda."""
    sys.stdout.flush()
    kept = os.dup(1)
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as reader:
        assert reader.stdin is not None
        os.dup2(reader.stdin.fileno(), 1)
        try:
            yield
        finally:
            sys.stdout.flush()
            os.dup2(kept, 1)
            os.close(kept)


def measure_starts(prepared: Prepared, rounds: int) -> dict[str, dict[str, Any]]:
    """Returns each variant's milliseconds from a new process to the first answer of POST /search."""
    event = json.loads((ROOT / "events" / "similar.json").read_text())
    event["requestContext"]["http"]["path"] = event["rawPath"] = "/search"
    event["body"] = json.dumps({"query": "europe climate change storm", "k": 5})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "event.json"
        path.write_text(json.dumps(event))
        paths = [str(prepared.function), str(prepared.layer)]
        code = ANSWER.format(module="handler.app", path=paths, event=str(path), before="")
        start = isolated(prepared, code, prepared.artifact)
        starts = {
            name: replace(start, environ={**start.environ, **variables})
            for name, variables in VARIANTS.items()
        }
        return with_shares(measure(starts, rounds, lambda: None))


def render(title: str, taken: Spreads, most: float) -> str:
    """Returns a table: the median, its quartiles, and the median of its ratios to the one with all off."""
    lines = [f"{title:28}{'ms':>10}{'quartiles':>20}{'of off':>9}   at most {1 + most:.2f}"]
    for name, took in taken.items():
        low, high = took["quartiles"]
        spread = f"{low:.3f} to {high:.3f}"
        lines.append(f"{name:28}{took['median']:10.3f}{spread:>20}{took['of off']['median']:9.3f}")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
