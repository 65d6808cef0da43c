"""From the start of a process to the first answer of each route, beside POST /similar's; and that one's warm time.

    python -m benchmarks.route_starts build/artifact [--rounds 15] [--quick] [--json FILE]

Each start is a new process on one core, as benchmarks.cold_start has them: CPython 3.13 and the pruned layer. The routes take
turns. A route that has no sample here is named, so that none is forgotten.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.cold_start import measure
from benchmarks.installs import prepare
from benchmarks.options import make_parser, results_file
from benchmarks.record import ROOT, save
from benchmarks.starts import ANSWER, Start, isolated
from handler.routes import ROUTES
from handler.searcher import Searcher

WORK = ROOT / "build" / "bench" / "starts"
SIMILAR = "POST /similar"
QUERY = "europe climate change storm"
# Routes whose answer is a page, and needn't start as fast.
PAGES = ("GET /", "GET /map")
MCP_CALL = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "tools/call",
    "params": {"name": "search", "arguments": {"query": QUERY, "k": 5}},
}


def samples(id_: str) -> dict[str, tuple[str, str, Any]]:
    """Returns a request of each route: the path, the query string and the body. `id_` is a document's."""
    return {
        SIMILAR: ("/similar", "", {"text": QUERY, "num_results": 5}),
        "POST /search": ("/search", "", {"query": QUERY, "k": 5}),
        "GET /search": ("/search", "q=europe+climate+change+storm&k=5", None),
        "GET /documents/{document_id}": (f"/documents/{id_}", "", None),
        "POST /documents": ("/documents", "", {"ids": [id_]}),
        "POST /embed": ("/embed", "", {"inputs": QUERY}),
        "POST /v1/embeddings": ("/v1/embeddings", "", {"input": QUERY, "model": "any"}),
        "GET /v1/models": ("/v1/models", "", None),
        "POST /v1/vector_stores/{id}/search": ("/v1/vector_stores/main/search", "", {"query": QUERY}),
        "POST /mcp": ("/mcp", "", MCP_CALL),
        "GET /map/points": ("/map/points", "", None),
        "GET /health": ("/health", "", None),
        "GET /ready": ("/ready", "", None),
        "GET /info": ("/info", "", None),
        "GET /": ("/", "", None),
        "GET /map": ("/map", "", None),
    }


def make_event(route: str, sample: tuple[str, str, Any]) -> dict[str, Any]:
    """Returns the HTTP API's event of a sample."""
    event: dict[str, Any] = json.loads((ROOT / "events" / "similar.json").read_text())
    method, (path, query, body) = route.split(" ")[0], sample
    event["rawPath"] = event["requestContext"]["http"]["path"] = path
    event["requestContext"]["http"]["method"] = method
    event["rawQueryString"] = query
    event["headers"]["accept"] = "application/json, text/event-stream"
    event["body"] = "" if body is None else json.dumps(body)
    event["isBase64Encoded"] = False
    return event


def main() -> None:
    """Prepares, measures, prints and keeps the figures."""
    parser = make_parser(__doc__)
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--work", type=Path, metavar="DIR", default=WORK, help="kept layers and packages")
    options = parser.parse_args()
    prepared = prepare(options.artifact.resolve(), options.work.resolve())
    known = samples(Searcher.load(options.artifact).local.documents[0].id)
    served = [f"{method} {path}" for method, path in ROUTES]
    if forgotten := set(served) - set(known):
        print(f"no sample here: {', '.join(sorted(forgotten))}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        starts: dict[str, Start] = {}
        for place, route in enumerate(known):
            if route not in served:
                continue
            path = Path(folder) / f"{place}.json"
            path.write_text(json.dumps(make_event(route, known[route])))
            code = ANSWER.format(
                module="handler.app",
                path=[str(prepared.function), str(prepared.layer)],
                event=str(path),
                before="",
            )
            starts[route] = isolated(prepared, code, prepared.artifact)
        report = measure(starts, 2 if options.quick else options.rounds, lambda: None)
    print(render(report))
    save(results_file(options), "route starts", report, versions=prepared.versions())


def render(report: Mapping[str, Mapping[str, Any]]) -> str:
    """Returns the table."""
    similar = report[SIMILAR]["median"]
    lines = [f"{'start to first answer':40}{'ms':>8}{'quartiles':>16}{'of /similar':>13}"]
    for route, took in report.items():
        low, high = took["quartiles"]
        spread = f"{low:.0f} to {high:.0f}"
        note = "  (a page)" if route in PAGES else ""
        lines.append(f"{route:40}{took['median']:8.0f}{spread:>16}{took['median'] / similar:13.3f}{note}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
