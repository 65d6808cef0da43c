"""Offers the HTTP service and its peers more than they can answer: what is answered, refused and lost, and how late.

    python -m benchmarks.overload ARTIFACT [--seconds 20] [--services NAME;NAME] [--out FILE.svg] [--quick]

hey (github.com/rakyll/hey, a package of Debian) sends at a rate over 400 connections, each of which waits for its answer before it sends
again. The rates are multiples of what the service answers at its best: eight clients of wrk tell. The rest is as in benchmarks/load.py.
"""

from __future__ import annotations

import csv
import io
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.load import names, run_wrk
from benchmarks.load_tables import overload_table
from benchmarks.options import make_parser, results_file
from benchmarks.record import Results, save
from benchmarks.services import PACKAGES, SERVICES, Service, run_all

# Multiples of what the service answered at its best.
OFFERED = (0.5, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0)
# So many connections offer the rate, from so many processes of hey; each waits for one answer at a time.
SENDERS, PROCESSES = 400, 40
# As many clients as keep a service busy, and so many seconds.
CLIENTS, BEST_SECONDS = 8, 10


class Overload(NamedTuple):
    """What hey saw at one rate: requests a second, milliseconds of those that were answered, and MB of the service."""

    offered: float
    served: float
    refused: float
    lost: float
    p50: float
    p99: float
    memory: float


def main() -> None:
    """Measures, prints the table, keeps the figures, and draws them."""
    parser = make_parser(__doc__)
    parser.add_argument("artifact", type=Path, metavar="ARTIFACT")
    parser.add_argument("--seconds", type=int, default=20, metavar="S", help="for each service and rate")
    parser.add_argument(
        "--services", type=names, default=list(SERVICES), metavar="NAME;NAME", help="default: all"
    )
    parser.add_argument("--out", type=Path, metavar="FILE", help="draws it, as SVG; needs matplotlib")
    options = parser.parse_args()
    seconds = 2 if options.quick else options.seconds
    taken: dict[str, list[dict[str, float]]] = {}
    with run_all(options.artifact, "hey", options.services) as running:
        for name, service in running.services.items():
            best = run_wrk(service, CLIENTS, 2 if options.quick else BEST_SECONDS, running.bodies).rate
            taken[name] = []
            for times in OFFERED[::3] if options.quick else OFFERED:
                taken[name].append(offer(service, best * times, seconds, running.bodies)._asdict())
                print(f"{name}: {times} of {best:,.0f} a second offered", file=sys.stderr, flush=True)
    path = results_file(options)
    save(path, "overload", {"seconds": seconds, "services": taken}, packages=PACKAGES)
    print(overload_table(Results.read(path)))
    if options.out:
        draw(taken, options.out)


def offer(service: Service, rate: float, seconds: int, bodies: Path) -> Overload:
    """Has hey offer so many requests a second, for so many seconds."""
    command = [
        "hey",
        "-z",
        f"{seconds}s",
        "-c",
        str(SENDERS // PROCESSES),
        "-q",
        str(rate / SENDERS),
        "-t",
        "60",
    ]
    command += ["-m", "POST", "-T", "application/json", "-d", bodies.read_text().splitlines()[0], "-o", "csv"]
    running = []
    for _ in range(PROCESSES):
        running.append(subprocess.Popen([*command, service.url], stdout=subprocess.PIPE, text=True))
        # All connections of one process send at once, every SENDERS / rate seconds.
        time.sleep(SENDERS / rate / PROCESSES)
    rows = [row for one in running for row in csv.DictReader(io.StringIO(one.communicate()[0]))]
    served = [1000 * float(row["response-time"]) for row in rows if row["status-code"] == "200"]
    refused = sum(row["status-code"] in ("429", "503") for row in rows)
    ended = max((float(row["offset"]) + float(row["response-time"]) for row in rows), default=0.0)
    took = max(ended, float(seconds))
    return Overload(
        rate,
        len(served) / took,
        refused / took,
        (len(rows) - len(served) - refused) / took,
        float(np.percentile(served or [0.0], 50)),
        float(np.percentile(served or [0.0], 99)),
        service.memory(),
    )


def draw(overloads: Mapping[str, Sequence[Mapping[str, Any]]], path: Path) -> None:
    """Draws what was served, and the p99 of it, by what was offered."""
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "seeklet"
    figure, (served, waited) = plt.subplots(1, 2, figsize=(9, 3.8))
    for name, rates in overloads.items():
        offered = [one["offered"] for one in rates]
        served.plot(offered, [one["served"] for one in rates], marker="o", label=name)
        waited.plot(offered, [one["p99"] for one in rates], marker="o", label=name)
    served.set(xlabel="offered a second", ylabel="answered with 200 a second")
    waited.set(xlabel="offered a second", ylabel="p99 of those, ms", yscale="log")
    for axes in (served, waited):
        axes.grid(alpha=0.3)
    served.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
