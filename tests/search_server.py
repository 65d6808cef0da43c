"""A fake service for tests of the search page: sixty documents, whose answers are simple enough to be known by a test."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from fake_service import serve

COUNT = 60
TOPICS = ["storms", "bread", "bees"]
COLUMNS = [
    {"name": "topic", "type": "string", "documents": COUNT, "distinct": 3, "values": []},
    {"name": "year", "type": "number", "documents": COUNT, "min": 2000, "max": 2009},
    {"name": "added", "type": "date", "documents": COUNT, "min": "2020-01-01", "max": "2020-02-29"},
]


def document(index: int) -> dict[str, Any]:
    """A document. Its text has characters of two UTF-16 units before its words, and what HTML would take for an element."""
    topic = TOPICS[index % 3]
    return {
        "id": f"d{index}",
        "index": index,
        "text": f"𝔸🐝 Document {index}: news <b>of</b> {topic}",
        "metadata": {"topic": topic, "year": 2000 + index % 10, "added": f"2020-01-{index % 28 + 1:02}"},
    }


def passes(metadata: Mapping[str, Any], filter_: Mapping[str, Any]) -> bool:
    """Whether metadata pass a filter of this page."""
    for name, wanted in filter_.items():
        if name == "$and":
            if not all(passes(metadata, part) for part in wanted):
                return False
            continue
        value = metadata[name]
        if not isinstance(wanted, dict):
            wanted = {"$in": [wanted]}
        if value not in wanted.get("$in", [value]):
            return False
        if value == wanted.get("$ne"):
            return False
        if value < wanted.get("$gte", value) or value > wanted.get("$lte", value):
            return False
        if "$lt" in wanted and value >= wanted["$lt"]:
            return False
    return True


class SearchServer:
    """What the service answers, and what it was asked. `delays` are seconds by query."""

    def __init__(self) -> None:
        self.url = ""
        self.key: str | None = None
        self.failing: dict[str, tuple[int, dict[str, Any]]] = {}
        self.requests: list[tuple[str, Any]] = []
        self.delays: dict[str, float] = {}
        self.passage: dict[str, int] | None = None
        self.modes = ["hybrid", "semantic", "keyword"]
        self.map: dict[str, str] | None = {"method": "pca"}

    @property
    def searches(self) -> list[Any]:
        """The bodies of the searches that were asked."""
        return [body for path, body in self.requests if path == "/search"]

    def delay(self, path: str, body: Any) -> float:
        """Returns how many seconds an answer takes."""
        return self.delays.get(body.get("query", ""), 0) if path == "/search" else 0

    def answer(self, path: str, query: Mapping[str, str], body: Any) -> tuple[int, dict[str, Any]]:
        """Returns the status and the object of an answer."""
        if path == "/info":
            return 200, {
                "documents": COUNT,
                "model_id": "tests/tiny",
                "modes": self.modes,
                "share": 0.5,
                "columns": COLUMNS,
                "map": self.map,
                "limits": {"max_results": 100, "max_text_length": 1000},
            }
        if path == "/documents":
            return 200, {"documents": [document(index) for index in body["indexes"]]}
        if path == "/search":
            return 200, self._search(body)
        return 404, {"title": "Not Found", "status": 404, "detail": "there is no such path"}

    def _search(self, body: Mapping[str, Any]) -> dict[str, Any]:
        words = re.findall(r"\w+", body.get("query", "").lower())
        found = [
            one for one in map(document, range(COUNT)) if passes(one["metadata"], body.get("filter", {}))
        ]
        if body.get("mode") == "keyword":
            found = [one for one in found if any(word in one["text"] for word in words)]
        if "like" in body:
            found = [one for one in found if one["id"] != body["like"]]
        found.sort(key=lambda one: -sum(word in one["text"] for word in words))
        offset = body.get("offset", 0)
        mode = body.get("mode", self.modes[0])
        share = body.get("share", 0.5) if mode == "hybrid" else None
        return {
            "results": [
                self._hit(one, words, mode, share) for one in found[offset : offset + body.get("k", 10)]
            ],
            "total": len(found),
            "mode": mode,
            "share": share,
            "facets": {
                name: [
                    {"value": value, "count": count}
                    for value, count in Counter(one["metadata"][name] for one in found).most_common()
                ]
                for name in body.get("facets", [])
            },
        }

    def _hit(self, one: dict[str, Any], words: list[str], mode: str, share: float | None) -> dict[str, Any]:
        cosine = None if mode == "keyword" else 0.8
        keyword = None if mode == "semantic" else 0.4
        weight = {"hybrid": share, "semantic": 0.0, "keyword": 1.0}[mode]
        return {
            **one,
            "score": (1 - (weight or 0)) * (cosine or 0) + (weight or 0) * (keyword or 0),
            **({} if self.passage is None else {"passage": self.passage}),
            "explain": {"cosine": cosine, "keyword": keyword, "share": share},
            "highlights": [
                {"term": word, "start": match.start(), "end": match.end()}
                for word in words
                for match in re.finditer(re.escape(word), one["text"])
            ],
        }


@contextmanager
def serve_search(stage: str = "") -> Iterator[SearchServer]:
    """Serves on a port of its own, behind a stage such as "/prod"."""
    server = SearchServer()
    with serve(server, stage):
        yield server
