"""A service for tests of pages: the pages as they are served, and answers that a test chooses, delays or makes fail.

What the answers look like is checked by the tests of the routes.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

from handler.events import Request
from handler.routes import ROUTES, load_route
from handler.settings import Settings

PAGES = ("/", "/map")
TIMING = "tokenise;dur=0.2, encode;dur=2.5, search;dur=1.25, total;dur=4.5"


class Fake(Protocol):
    """What answers. `key` is asked for unless it is None; `failing` has a status and an object by path."""

    url: str
    key: str | None
    failing: dict[str, tuple[int, dict[str, Any]]]
    requests: list[tuple[str, Any]]

    def answer(self, path: str, query: Mapping[str, str], body: Any) -> tuple[int, dict[str, Any]]:
        """Returns the status and the object of an answer."""

    def delay(self, path: str, body: Any) -> float:
        """Returns how many seconds an answer takes."""


@contextmanager
def serve(fake: Fake, stage: str = "") -> Iterator[None]:
    """Serves on a port of its own, behind a stage such as "/prod"; the fake's `url` is where."""
    settings = Settings.from_env({})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._respond(None)

        def do_POST(self) -> None:
            self._respond(json.loads(self.rfile.read(int(self.headers["content-length"]))))

        def _respond(self, body: Any) -> None:
            parts = urlsplit(self.path)
            path = parts.path.removeprefix(stage) or "/"
            if body is None and path in PAGES:
                page = load_route(ROUTES["GET", path])(settings, Request("GET", path, {}))
                self._send(page.status, page.headers, page.body)
                return
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            fake.requests.append((path, body if body is not None else query))
            time.sleep(fake.delay(path, body))
            if fake.key is not None and self.headers["x-api-key"] != fake.key:
                status, value = 403, {"detail": "the API key is missing or wrong", "code": "forbidden"}
            elif path in fake.failing:
                status, value = fake.failing[path]
            else:
                status, value = fake.answer(path, query, body)
            headers = {"content-type": "application/json", "server-timing": TIMING}
            headers["seeklet-corpus"] = getattr(fake, "corpus", "a")
            self._send(status, headers, json.dumps(value).encode())

        def _send(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
            try:
                self.send_response(status)
                for name, value in {**headers, "content-length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)
            except (BrokenPipeError, ConnectionResetError):
                pass  # The page asked for something newer, and left.

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - http.server's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        fake.url = f"http://127.0.0.1:{http.server_port}{stage}"
        try:
            yield
        finally:
            http.shutdown()
            thread.join()
