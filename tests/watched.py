"""Functions whose lines are caught: what they tell of each event."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from http_events import make_event

from handler.function import Function
from handler.searcher import Searcher
from handler.settings import Settings

# A salt that no hash of another test has.
SALT = "0123456789abcdef-of-the-tests"
NAME = "seeklet-test"
ON = {"LOG_REQUESTS": "on", "METRICS": "emf"}
SECRET, QUERY = "k3y-of-the-test", "zebra-crossing quagmire"
QUERIES: list[tuple[str, str, Any]] = [
    ("POST", "/similar", {"text": QUERY}),
    ("POST", "/search", {"query": QUERY, "facets": ["topic"]}),
    ("POST", "/search", {"queries": [QUERY, "storm"], "k": 1}),
    ("POST", "/search", {"like": "t0"}),
    ("GET", "/search", None),
    ("GET", "/documents/t0", None),
    ("POST", "/documents", {"ids": ["t0", QUERY]}),
    ("POST", "/embed", {"inputs": QUERY}),
    ("POST", "/v1/embeddings", {"input": QUERY, "model": "any"}),
    ("GET", "/v1/models", None),
    ("GET", "/v1/models/tiny-bert", None),
    ("POST", "/v1/vector_stores/any/search", {"query": QUERY}),
    (
        "POST",
        "/mcp",
        {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "search", "arguments": {"query": QUERY}},
        },
    ),
    ("GET", "/health", None),
    ("GET", "/ready", None),
    ("GET", "/info", None),
    ("GET", "/indexes", None),
    ("GET", "/", None),
    ("GET", "/map", None),
    ("GET", "/map/points", None),
]
REFUSED: list[tuple[str, str, str]] = [
    ("POST", "/similar", json.dumps({"text": QUERY, "num_results": 0})),
    ("POST", "/similar", QUERY),
    ("POST", "/similar", json.dumps({"text": QUERY * 9000})),
    ("POST", "/search", json.dumps({"query": QUERY, "filter": {QUERY: 1}})),
    ("POST", "/search", json.dumps({"like": QUERY})),
    ("GET", f"/documents/{QUERY}", ""),
    ("GET", f"/{QUERY}", ""),
    ("GET", f"/{QUERY}/search", ""),
    (QUERY, "/search", ""),
]


def event_of(method: str, path: str, body: Any) -> dict[str, Any]:
    event = make_event(method, path, "" if body is None else json.dumps(body))
    if (method, path) == ("GET", "/search"):
        event["rawQueryString"] = f"q={QUERY.replace(' ', '+')}"
    event["headers"]["x-api-key"] = SECRET
    return event


class Context:
    """What Lambda hands over beside an event."""

    aws_request_id = "8f507cfc-0000-4697-b07a-ac58fc914c95"


class Watched:
    """A function with some variables, and the lines that it has written since the last look."""

    def __init__(self, searcher: Searcher, capsys: pytest.CaptureFixture[str], **variables: str) -> None:
        direct = variables.pop("direct", "on") == "on"
        environ = {"AWS_LAMBDA_FUNCTION_NAME": NAME, **variables}
        self.function = Function(Settings.from_env(environ), searcher, environ=os.environ, direct=direct)
        self._capsys = capsys
        capsys.readouterr()

    def ask(self, event: Any) -> Any:
        """The answer to an event."""
        return self.function(event, Context())

    def written(self) -> list[str]:
        """The lines of standard output."""
        return self._capsys.readouterr().out.splitlines()

    def lines(self) -> list[dict[str, Any]]:
        """The same, read."""
        return [json.loads(line) for line in self.written()]


@contextmanager
def failing_output(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Standard output that takes nothing."""

    class Closed:
        def write(self, _text: str) -> int:
            raise BrokenPipeError("closed")

        def flush(self) -> None:
            """Nothing is there."""

    with monkeypatch.context() as patched:
        patched.setattr("sys.stdout", Closed())
        yield
