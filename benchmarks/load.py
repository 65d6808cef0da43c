"""Loads the HTTP service and its peers: throughput, p50 and p99 by the number of clients.

    python -m benchmarks.load ARTIFACT [--seconds 300] [--peer-seconds 300] [--clients 1,8,64] [--services NAME;NAME] [--quick]

Each service is one process of uvicorn on this machine; so are the clients, so both share its processors. The clients are wrk
(github.com/wg/wrk, a package of Debian), each of which sends its next query when it has its answer. The services take turns in blocks.
Queries are 2 to 6 words cut from the corpus's texts. benchmarks/overload.py offers more than can be answered.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.load_tables import load_table
from benchmarks.options import make_parser, numbers, results_file
from benchmarks.record import Results, save, spread
from benchmarks.services import OURS, PACKAGES, SERVICES, Running, Service, run_all

# So many blocks of each service and number of clients.
BLOCKS = 10
SCRIPT = """
local bodies, place = {}, 0
for line in io.lines(os.getenv("BODIES")) do bodies[#bodies + 1] = line end
wrk.method = "POST"
wrk.headers["content-type"] = "application/json"
function request()
  place = place % #bodies + 1
  return wrk.format(nil, nil, nil, bodies[place])
end
function done(summary, latency)
  local e = summary.errors
  print(string.format("JSON[%d,%d,%d,%d,%d,%d]", summary.requests, summary.duration, latency:percentile(50),
    latency:percentile(99), e.status, e.connect + e.read + e.write + e.timeout))
end
"""


class Block(NamedTuple):
    """What wrk saw: answers a second, milliseconds, and how many weren't answered or with another status than 200."""

    rate: float
    p50: float
    p99: float
    errors: int


def main() -> None:
    """Measures, prints the table, and keeps the figures."""
    parser = make_parser(__doc__)
    parser.add_argument("artifact", type=Path, metavar="ARTIFACT")
    parser.add_argument(
        "--seconds", type=int, default=300, metavar="S", help="of ours, for each number of clients"
    )
    parser.add_argument("--peer-seconds", type=int, metavar="S", help="of each peer (default: as many)")
    parser.add_argument("--clients", type=numbers, default=[1, 8, 64], metavar="N,N", help="default: 1,8,64")
    parser.add_argument(
        "--services", type=names, default=list(SERVICES), metavar="NAME;NAME", help="default: all"
    )
    options = parser.parse_args()
    seconds = 2 if options.quick else options.seconds
    peer_seconds = 2 if options.quick else (options.peer_seconds or options.seconds)
    with run_all(options.artifact, "wrk", options.services) as running:
        clients = {
            str(count): load_all(running, count, seconds, peer_seconds, 1 if options.quick else BLOCKS)
            for count in options.clients
        }
    figures = {"seconds": seconds, "peer seconds": peer_seconds, "clients": clients}
    path = results_file(options)
    save(path, "load", figures, packages=PACKAGES)
    print(load_table(Results.read(path)))


def names(text: str) -> list[str]:
    """Returns the services of a list such as seeklet;textbook, def. Raises ValueError for one that isn't there."""
    found = text.split(";")
    if not set(found) <= set(SERVICES):
        raise ValueError
    return found


def load_all(
    running: Running, clients: int, seconds: int, peer_seconds: int, blocks: int
) -> dict[str, dict[str, Any]]:
    """Loads the services in turn; returns the spread of each one's blocks, and the sum of its errors."""
    taken: dict[str, list[Block]] = {name: [] for name in running.services}
    for block in range(blocks):
        for name, service in running.services.items():
            each = (seconds if name == OURS else peer_seconds) / blocks
            run_wrk(service, clients, 1, running.bodies)  # warms it
            taken[name].append(run_wrk(service, clients, max(1, round(each)), running.bodies))
        print(f"{clients} clients: block {block + 1} of {blocks}", file=sys.stderr, flush=True)
    return {name: as_figures(of) for name, of in taken.items()}


def as_figures(blocks: Sequence[Block]) -> dict[str, Any]:
    """Returns the spread of some blocks, and the sum of their errors."""
    columns: Mapping[str, list[float]] = {
        name: [getattr(block, name) for block in blocks] for name in ("rate", "p50", "p99")
    }
    return {name: spread(values) for name, values in columns.items()} | {
        "errors": sum(block.errors for block in blocks)
    }


def run_wrk(service: Service, clients: int, seconds: int, bodies: Path) -> Block:
    """Has wrk ask for some seconds."""
    script = bodies.with_suffix(".lua")
    script.write_text(SCRIPT)
    command = [
        "wrk",
        "-t1",
        f"-c{clients}",
        f"-d{seconds}s",
        "--timeout",
        "30s",
        "-s",
        str(script),
        service.url,
    ]
    done = subprocess.run(
        command, env={**os.environ, "BODIES": str(bodies)}, capture_output=True, text=True, check=True
    )
    told = next(line for line in done.stdout.splitlines() if line.startswith("JSON"))
    requests, duration, p50, p99, bad, broken = json.loads(told.removeprefix("JSON"))
    return Block((requests - bad) / (duration / 1e6), p50 / 1e3, p99 / 1e3, bad + broken)


if __name__ == "__main__":
    main()
