"""Loads the HTTP service and its peers: throughput, p50 and p99 by the number of clients, and what happens in an overload.

    python -m benchmarks.load ARTIFACT [--seconds 300] [--clients 1,8,64] [--overload-seconds 20] [--out FILE.svg] [--quick]

Each service is one process of uvicorn on this machine; so are the clients, so both share its processors. The clients are wrk
(github.com/wg/wrk), each of which sends its next query when it has its answer. The services take turns in blocks. The overload is
made by hey (github.com/rakyll/hey), which sends at a rate whether answers come or not. Both are packages of Debian.
Queries are 2 to 6 words cut from the corpus's texts.
"""

from __future__ import annotations

import csv
import io
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks import load_peers
from benchmarks.options import make_parser, numbers, results_file
from benchmarks.record import ROOT, save
from handler.artifact import DOCUMENTS_FILE

OURS = "seeklet"
# The service's name -> uvicorn's arguments.
SERVICES = {
    OURS: ["handler.app:app"],
    "textbook, def": ["--factory", "benchmarks.load_peers:plain"],
    "textbook, async def": ["--factory", "benchmarks.load_peers:coroutine"],
    "fastembed and LanceDB": ["--factory", "benchmarks.load_peers:fastembed_lancedb"],
}
# Multiples of what the service answered at its best.
OFFERED = (0.5, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0)
BLOCK_SECONDS = 30
# So many connections offer the rate; each waits for one answer at a time.
SENDERS = 400
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


class Overload(NamedTuple):
    """What hey saw at one rate: requests a second, milliseconds of those that were answered, and MB of the service."""

    offered: float
    served: float
    refused: float
    lost: float
    p50: float
    p99: float
    memory: float


class Service(NamedTuple):
    """A service that runs: its address and its process."""

    url: str
    pid: int

    def memory(self) -> float:
        """Returns the resident MB."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE") / 1e6


def main() -> None:
    """Measures, prints both tables, and keeps the figures."""
    parser = make_parser(__doc__)
    parser.add_argument("artifact", type=Path, metavar="ARTIFACT")
    parser.add_argument(
        "--seconds", type=int, default=300, metavar="S", help="for each service and number of clients"
    )
    parser.add_argument("--clients", type=numbers, default=[1, 8, 64], metavar="N,N", help="default: 1,8,64")
    parser.add_argument(
        "--overload-seconds", type=int, default=20, metavar="S", help="for each service and rate"
    )
    parser.add_argument(
        "--out", type=Path, metavar="FILE", help="draws the overload, as SVG; needs matplotlib"
    )
    options = parser.parse_args()
    for program in ("wrk", "hey"):
        if shutil.which(program) is None:
            sys.exit(f"error: {program} isn't installed: apt-get install {program}")
    seconds, overload = (2, 2) if options.quick else (options.seconds, options.overload_seconds)
    with tempfile.TemporaryDirectory(prefix="seeklet-load-") as name, ExitStack() as stack:
        folder = Path(name)
        load_peers.write_files(options.artifact, folder)
        bodies = write_bodies(options.artifact, folder / "bodies", 2000)
        services = {}
        for service, arguments in SERVICES.items():
            try:
                services[service] = stack.enter_context(serve(arguments, options.artifact, folder))
            except ChildProcessError as error:
                print(f"{service} left out: {error} (make bench-setup)", file=sys.stderr)
        closed = {clients: load_all(services, clients, seconds, bodies) for clients in options.clients}
        print(as_table(closed), flush=True)
        overloads = {}
        for service, running in services.items():
            best = max(figures[service].rate for figures in closed.values())
            overloads[service] = [
                offer(running, best * times, overload, bodies)
                for times in (OFFERED[::3] if options.quick else OFFERED)
            ]
        print(as_overload_table(overloads))
    kept = {
        "seconds": seconds,
        "clients": {
            str(clients): {name: block._asdict() for name, block in one.items()}
            for clients, one in closed.items()
        },
        "overload": {name: [one._asdict() for one in rates] for name, rates in overloads.items()},
    }
    save(results_file(options), "load", kept, packages=["uvicorn", "fastapi", "fastembed", "lancedb"])
    if options.out:
        draw(overloads, options.out)


def write_bodies(artifact: Path, path: Path, count: int) -> Path:
    """Writes a request's body a line: 2 to 6 neighbouring words of a text, with a fixed seed."""
    chooser = random.Random(0)
    texts = [
        json.loads(line)["text"].split() for line in (artifact / DOCUMENTS_FILE).read_bytes().splitlines()
    ]
    lines: list[str] = []
    while len(lines) < count:
        words = chooser.choice(texts)
        length = chooser.randint(2, 6)
        start = chooser.randrange(max(1, len(words) - length + 1))
        lines.append(
            json.dumps({"text": " ".join(words[start : start + length]) or "storm", "num_results": 5})
        )
    path.write_text("\n".join(lines) + "\n")
    return path


@contextmanager
def serve(arguments: Sequence[str], artifact: Path, folder: Path) -> Iterator[Service]:
    """Runs a service as long; raises ChildProcessError where it doesn't start."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with (folder / f"{port}.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "uvicorn", *arguments, "--port", str(port), "--no-access-log"],
            cwd=ROOT,
            env={
                **os.environ,
                "ARTIFACT_DIR": str(artifact.absolute()),
                "LOAD_FOLDER": str(folder),
                "THREADS": "1",
            },
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        while True:
            if process.poll() is not None:
                raise ChildProcessError((folder / f"{port}.log").read_text().splitlines()[-1])
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        yield Service(f"http://127.0.0.1:{port}/similar", process.pid)
    finally:
        process.terminate()
        process.wait()


def load_all(services: Mapping[str, Service], clients: int, seconds: int, bodies: Path) -> dict[str, Block]:
    """Loads the services in turn; returns the median block of each, and the sum of its errors."""
    rounds = max(1, seconds // BLOCK_SECONDS)
    blocks: dict[str, list[Block]] = {name: [] for name in services}
    for _ in range(rounds):
        for name, service in services.items():
            run_wrk(service, clients, 1, bodies)  # warms it
            blocks[name].append(run_wrk(service, clients, max(1, seconds // rounds), bodies))
    return {name: median_of(of) for name, of in blocks.items()}


def median_of(blocks: Sequence[Block]) -> Block:
    """Returns the medians of some blocks, and the sum of their errors."""
    rate, p50, p99 = (float(np.median(values)) for values in list(zip(*blocks, strict=True))[:3])
    return Block(rate, p50, p99, sum(block.errors for block in blocks))


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


def offer(service: Service, rate: float, seconds: int, bodies: Path) -> Overload:
    """Has hey offer so many requests a second."""
    command = [
        "hey",
        "-z",
        f"{seconds}s",
        "-c",
        str(SENDERS),
        "-q",
        str(rate / SENDERS),
        "-t",
        "60",
        "-m",
        "POST",
    ]
    command += ["-T", "application/json", "-d", bodies.read_text().splitlines()[0], "-o", "csv", service.url]
    started = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    took = time.monotonic() - started
    rows = list(csv.DictReader(io.StringIO(done.stdout)))
    served = [1000 * float(row["response-time"]) for row in rows if row["status-code"] == "200"]
    refused = sum(row["status-code"] in ("429", "503") for row in rows)
    return Overload(
        rate,
        len(served) / took,
        refused / took,
        (len(rows) - len(served) - refused) / took,
        float(np.percentile(served or [0.0], 50)),
        float(np.percentile(served or [0.0], 99)),
        service.memory(),
    )


def as_table(closed: Mapping[int, Mapping[str, Block]]) -> str:
    """Returns Markdown: a line for each service, three columns for each number of clients."""
    heads = " | ".join(f"{clients} clients: a second | p50 ms | p99 ms" for clients in closed)
    lines = [f"| | {heads} | errors |", "|---" * (2 + 3 * len(closed)) + "|"]
    for name in next(iter(closed.values())):
        blocks = [figures[name] for figures in closed.values()]
        cells = " | ".join(f"{block.rate:,.0f} | {block.p50:.1f} | {block.p99:.1f}" for block in blocks)
        lines.append(f"| {name} | {cells} | {sum(block.errors for block in blocks)} |")
    return "\n".join(lines)


def as_overload_table(overloads: Mapping[str, Sequence[Overload]]) -> str:
    """Returns Markdown: a line for each service and rate."""
    lines = ["| | offered a second | served | refused | lost | p50 ms | p99 ms | MB |", "|---" * 8 + "|"]
    for name, rates in overloads.items():
        lines += [
            f"| {name} | {one.offered:,.0f} | {one.served:,.0f} | {one.refused:,.0f} | {one.lost:,.0f} "
            f"| {one.p50:,.0f} | {one.p99:,.0f} | {one.memory:,.0f} |"
            for one in rates
        ]
    return "\n".join(lines)


def draw(overloads: Mapping[str, Sequence[Overload]], path: Path) -> None:
    """Draws what was served, and the p99 of it, by what was offered."""
    import matplotlib.pyplot as plt

    plt.rcParams["svg.hashsalt"] = "seeklet"
    figure, (served, waited) = plt.subplots(1, 2, figsize=(9, 3.8))
    for name, rates in overloads.items():
        offered = [one.offered for one in rates]
        served.plot(offered, [one.served for one in rates], marker="o", label=name)
        waited.plot(offered, [one.p99 for one in rates], marker="o", label=name)
    served.set(xlabel="offered a second", ylabel="answered with 200 a second")
    waited.set(xlabel="offered a second", ylabel="p99 of those, ms", yscale="log")
    for axes in (served, waited):
        axes.grid(alpha=0.3)
    served.legend(frameon=False)
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})


if __name__ == "__main__":
    main()
