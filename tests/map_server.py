"""A fake service for tests of the map's page. Its answers come at once, and as often as they are asked for."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
from fake_service import serve

TOPICS = ["storms", "bread", "bees"]


def text_of(index: int) -> str:
    """The text of a document."""
    return f"Document {index} about {TOPICS[index % 3]}"


class MapServer:
    """What the service answers, and what it was asked. `count` documents lie in three groups, a corner each."""

    def __init__(self, count: int = 300) -> None:
        self.url = ""
        self.key: str | None = None
        self.corpus = "a"  # what the header names
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

    def delay(self, path: str, body: Any) -> float:
        """No answer takes time."""
        return 0

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
    with serve(server, stage):
        yield server
