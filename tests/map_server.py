"""A service for tests of the map's page: the page as it is served, and answers that a test chooses.

What the answers look like is checked by the tests of the routes; here they come at once, and as often as they are asked for.
"""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

import numpy as np

from handler.events import Request
from handler.routes.map import get
from handler.searcher import Searcher
from handler.service import Service
from handler.settings import Settings

TOPICS = ["storms", "bread", "bees"]


def text_of(index: int) -> str:
    """The text of a document."""
    return f"Document {index} about {TOPICS[index % 3]}"


class MapServer:
    """What the service answers, and what it was asked. `count` documents lie in three groups, a corner each."""

    def __init__(self, count: int = 300) -> None:
        self.url = ""
        self.key: str | None = None
        self.failing: dict[str, tuple[int, dict[str, Any]]] = {}  # by path
        self.requests: list[tuple[str, Any]] = []
        self.columns: list[dict[str, Any]] = [
            {"name": "topic", "type": "string"},
            {"name": "year", "type": "number"},
        ]
        self.draw(count)

    def draw(self, count: int, drawn: int | None = None) -> None:
        """Makes another corpus, of which some documents are drawn; all without `drawn`."""
        random = np.random.default_rng(0)
        corners = np.array([[12000, 12000], [52000, 14000], [32000, 52000]])
        noise = random.normal(scale=4000, size=(count, 2))
        self.points = (corners[np.arange(count) % 3] + noise).clip(0, 65535).astype("<u2")
        self.count = count
        self.indexes = None if drawn is None else (np.arange(drawn) * count // drawn).astype("<u4")

    def answer(self, path: str, query: Mapping[str, str], body: Any) -> tuple[int, dict[str, Any]]:
        """Returns the status and the object of an answer."""
        if path in self.failing:
            return self.failing[path]
        if path == "/info":
            shape = {"method": "pca", "explained": [0.07, 0.05]}
            limits = {"max_results": 100}
            return 200, {
                "documents": self.count,
                "model_id": "tiny",
                "columns": self.columns,
                "map": shape,
                "limits": limits,
            }
        if path == "/map/points":
            return 200, self._points(query)
        if path == "/documents":
            return 200, {"documents": [self._document(index) for index in body["indexes"]]}
        if path == "/search":
            start = 0 if "query" in body else int(body["like"])
            hits = [
                {**self._document((start + 3 * rank) % self.count), "score": 0.9 - rank / 100}
                for rank in range(body["k"])
            ]
            return 200, {"results": hits if body.get("query") != "nothing" else [], "total": len(hits)}
        return 404, {
            "title": "Not Found",
            "status": 404,
            "detail": "there is no such path",
            "code": "not_found",
        }

    def _points(self, query: Mapping[str, str]) -> dict[str, Any]:
        chosen = self.indexes
        if "indexes" in query:
            chosen = np.array([int(index) for index in query["indexes"].split(",")], "<u4")
        rows = np.arange(self.count) if chosen is None else chosen
        color = None
        if column := query.get("color"):
            codes = (np.arange(self.count) % 3).astype(np.uint8)
            labels = TOPICS if column == "topic" else ["1999", "2000 to 2004", "2005"]
            kind = "string" if column == "topic" else "number"
            counts = np.bincount(codes, minlength=3).tolist()
            color = {
                "column": column,
                "type": kind,
                "labels": labels,
                "counts": counts,
                "other": None,
                "none": 0,
            }
            color["codes"] = b64encode(codes[rows].tobytes()).decode()
        return {
            "count": self.count,
            "points": b64encode(self.points[rows].tobytes()).decode(),
            "indexes": None if chosen is None else b64encode(chosen.tobytes()).decode(),
            "color": color,
        }

    def _document(self, index: int) -> dict[str, Any]:
        return {
            "id": str(index),
            "index": index,
            "text": text_of(index),
            "metadata": {"topic": TOPICS[index % 3]},
        }


@contextmanager
def serve_map(stage: str = "") -> Iterator[MapServer]:
    """Serves on a port of its own, behind a stage such as "/prod"."""
    server = MapServer()
    service = Service(Settings.from_env({}), cast(Searcher, None))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._respond(None)

        def do_POST(self) -> None:
            self._respond(json.loads(self.rfile.read(int(self.headers["content-length"]))))

        def _respond(self, body: Any) -> None:
            parts = urlsplit(self.path)
            path = parts.path.removeprefix(stage)
            if path == "/map":
                page = get(service, Request("GET", path, {}))
                self._send(page.status, page.headers, page.body)
                return
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            server.requests.append((path, body if body is not None else query))
            if server.key is not None and self.headers["x-api-key"] != server.key:
                status, value = 403, {"detail": "the API key is missing or wrong", "code": "forbidden"}
            else:
                status, value = server.answer(path, query, body)
            self._send(status, {"content-type": "application/json"}, json.dumps(value).encode())

        def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        server.url = f"http://127.0.0.1:{http.server_port}{stage}"
        try:
            yield server
        finally:
            http.shutdown()
            thread.join()
