"""A small HTTP server that answers every request as a test says, and keeps what it was asked."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Asked(NamedTuple):
    """One request that came."""

    method: str
    path: str
    headers: dict[str, str]  # names in lower case
    body: bytes


class AnsweringServer:
    """Its address, what it answers next, and the requests so far."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[Asked] = []
        self.may_answer = threading.Event()
        self.may_answer.set()
        self.answer(200, b"{}")

    def answer(self, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
        """Answers so from now on."""
        self.status, self.body, self.headers = status, body, dict(headers or {})

    @contextmanager
    def silence(self) -> Iterator[None]:
        """Takes requests, and answers none until the end."""
        self.may_answer.clear()
        try:
            yield
        finally:
            self.may_answer.set()


@contextmanager
def answering_server() -> Iterator[AnsweringServer]:
    """Runs it in a thread."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            server.asked.append(Asked(self.command, self.path, headers, self.rfile.read(length)))
            if not server.may_answer.is_set():
                server.may_answer.wait()
                self.close_connection = True
                return
            self.send_response(server.status)
            for name, value in server.headers.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(server.body)))
            self.end_headers()
            self.wfile.write(server.body)

        do_GET = do_POST  # noqa: N815 - the name that http.server asks for

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server = AnsweringServer(f"http://127.0.0.1:{listener.server_address[1]}")
    thread = threading.Thread(target=listener.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()
