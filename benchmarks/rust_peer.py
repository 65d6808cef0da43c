"""Compares the function with the same function in Rust: start, warm request, HTTP, and memory, in one run on one core.

    python -m benchmarks.rust_peer build/artifact --peer PROGRAM [--before CHECKOUT] [--rounds 12] [--queries 1000] [--quick]

PROGRAM is a Rust program over ONNX Runtime (the crates ort, tokenizers and axum) that reads a folder with model.onnx,
tokenizer.json, float32 embeddings.safetensors and documents.jsonl, and is called as

    PROGRAM FOLDER LIBONNXRUNTIME once QUERY    answers one query, and ends
    PROGRAM FOLDER LIBONNXRUNTIME time FILE     answers a body a line; prints microseconds and bytes of each
    PROGRAM FOLDER LIBONNXRUNTIME serve PORT    POST /similar

LIBONNXRUNTIME is that of our own wheel, so both run the same kernels. Ours runs on CPython 3.13 with the pruned layer, as on
Lambda. The two take turns. Ours answers by meaning alone, as the peer does. By HTTP, uvicorn without a handler starts in turn too, and the
function of another checkout of this repository, over the same layer and artifact, if --before names its folder.
"""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.artifacts import ENOUGH, draw_texts
from benchmarks.cold_start import WORK
from benchmarks.http_starts import free_port, http_start, post, served
from benchmarks.installs import Prepared, prepare
from benchmarks.memory import SERVE
from benchmarks.options import make_parser, results_file
from benchmarks.peer_tables import ALONE, BEFORE, rust
from benchmarks.record import Results, save, spread
from benchmarks.rust_program import Peer, one_core, write_folder
from benchmarks.starts import EVENT, OURS, Start, isolated, make_starts
from export.build.sample import cut_queries
from layers.runtime.targets import MALLOC

PEER = "the same in Rust"
BLOCK = 100
# Appended to a start's own code: answers the bodies of a file, and prints the microseconds of each.
TIME = """
times = []
for line in open({bodies!r}):
    event = json.load(open({event!r}))
    event["body"], event["isBase64Encoded"] = line, False
    started = time.perf_counter_ns()
    module.handler(event, None)
    times.append((time.perf_counter_ns() - started) / 1000)
print(json.dumps(times))
"""
UVICORN = """
import sys
sys.path[:0] = {path!r}
sys.path.append({uvicorn!r})
import uvicorn
uvicorn.run("handler.app:app", port={port}, access_log=False)
"""
# The server without us: what it takes, no handler can save.
BARE = """
import sys
sys.path.append({uvicorn!r})
import uvicorn
async def app(scope, receive, send):
    if scope["type"] == "http":
        await send({{"type": "http.response.start", "status": 200, "headers": []}})
        await send({{"type": "http.response.body", "body": b""}})
uvicorn.run(app, port={port}, access_log=False, lifespan="off")
"""


def main() -> None:
    """Measures, prints the table with ratios, and keeps the figures."""
    parser = make_parser(__doc__)
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--peer", type=Path, required=True, metavar="PROGRAM")
    parser.add_argument("--before", type=Path, metavar="CHECKOUT", help="an earlier commit, by HTTP")
    parser.add_argument("--rounds", type=int, default=12, metavar="N")
    parser.add_argument("--queries", type=int, default=1000, metavar="N")
    parser.add_argument("--work", type=Path, metavar="DIR", default=WORK, help="kept layers and packages")
    options = parser.parse_args()
    # Ours has it from `Prepared.environ`; so the peer has it too.
    os.environ.update(MALLOC)
    rounds, count = (2, 20) if options.quick else (options.rounds, options.queries)
    artifact = options.artifact.resolve()
    prepared = prepare(artifact, options.work.resolve())
    queries = cut_queries(draw_texts(artifact, ENOUGH), count)
    earlier = {}
    if options.before:
        before = ours_server(prepared, UVICORN, options.before.resolve())
        earlier[BEFORE] = lambda: http_start(before)
    with tempfile.TemporaryDirectory(prefix="seeklet-rust-") as name:
        folder = write_folder(artifact, Path(name) / "peer")
        peer = Peer(options.peer.resolve(), folder)
        figures = {
            "start": turns({OURS: ours_start(prepared), PEER: peer.start}, rounds),
            "start, HTTP": turns(
                {
                    OURS: lambda: http_start(ours_server(prepared, UVICORN)),
                    PEER: lambda: http_start(peer.server),
                    ALONE: lambda: http_start(ours_server(prepared, BARE)),
                    **earlier,
                },
                rounds,
            ),
            "request": requests(prepared, peer, queries, Path(name) / "bodies", rounds),
            "MB not of a file": memory(prepared, peer, queries, 1 if options.quick else 3),
        }
    path = results_file(options)
    save(path, "rust peer", figures, packages=["uvicorn"])
    print(rust(Results.read(path)))


def turns(calls: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, dict[str, Any]]:
    """Returns the spread of each call's value, after one that doesn't count. They take turns."""
    taken: dict[str, list[float]] = {name: [] for name in calls}
    for turn in range(rounds + 1):
        for name, call in calls.items():
            value = call()
            if turn:
                taken[name].append(value)
    return {name: spread(values) for name, values in taken.items()}


def ours_start(prepared: Prepared) -> Callable[[], float]:
    """Returns what starts ours once."""
    return make_starts(prepared)[OURS].milliseconds


def ours_server(prepared: Prepared, code: str, function: Path | None = None) -> Callable[[int], list[str]]:
    """Returns the command of an HTTP service in Python at a port, with uvicorn of this environment.

    `function` is the folder of our code, by default that of this commit.
    """
    import uvicorn

    packages = str(Path(uvicorn.__file__).parent.parent)

    def command(port: int) -> list[str]:
        path = [str(function or prepared.function), str(prepared.layer)]
        filled = code.format(path=path, uvicorn=packages, port=port)
        variables = [f"{name}={value}" for name, value in prepared.environ(prepared.artifact).items()]
        return ["env", "-i", *variables, *one_core(), prepared.python, "-I", "-S", "-c", filled]

    return command


def requests(
    prepared: Prepared, peer: Peer, queries: list[str], bodies: Path, rounds: int
) -> dict[str, dict[str, Any]]:
    """Returns the milliseconds of warm requests in process: the spread of the blocks' medians, and p99 of all."""
    blocks: dict[str, list[list[float]]] = {OURS: [], PEER: []}
    first = make_starts(prepared)[OURS]
    for turn in range(rounds):
        chosen = [queries[(turn * BLOCK + place) % len(queries)] for place in range(BLOCK)]
        bodies.write_text("".join(json.dumps({"text": text, "num_results": 5}) + "\n" for text in chosen))
        code = first.command[-1] + TIME.format(bodies=str(bodies), event=str(EVENT))
        ours = Start([*first.command[:-1], code], first.environ, first.interpreter)
        for name, times in ((OURS, json.loads(ours.run())), (PEER, peer.microseconds(bodies))):
            # The first ones find caches cold.
            blocks[name].append([time / 1000 for time in times[BLOCK // 5 :]])
    return {
        name: spread([float(np.median(block)) for block in of])
        | {"p99": float(np.percentile(np.concatenate(of), 99))}
        for name, of in blocks.items()
    }


def memory(prepared: Prepared, peer: Peer, queries: list[str], runs: int) -> dict[str, dict[str, Any]]:
    """Returns the MB of 2**20 bytes that are not of a file, after all queries: ours in process, the peer's by HTTP."""
    first = make_starts(prepared)[OURS]
    code = first.command[-1] + SERVE.format(queries=queries, event=str(EVENT))
    ours, theirs = [], []
    for _ in range(runs):
        pages = json.loads(isolated(prepared, code, prepared.artifact).run())
        ours.append(sum(both["Anonymous:"] for both in pages.values()))
        port = free_port()
        with served(peer.server(port)) as process:
            while True:
                try:
                    post(port, queries[0])
                    break
                except OSError:
                    time.sleep(0.01)
            for query in queries:
                post(port, query)
            lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
            theirs.append(sum(int(line.split()[1]) for line in lines if line.startswith("Anonymous:")) / 1024)
    return {OURS: spread(ours), PEER: spread(theirs)}


if __name__ == "__main__":
    main()
