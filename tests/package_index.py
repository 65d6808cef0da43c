"""An index of packages on 127.0.0.1, with tiny wheels of no content, and a server that never answers."""

from __future__ import annotations

import contextlib
import hashlib
import socket
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def write_wheel(folder: Path, name: str, version: str) -> str:
    """Writes a wheel for every system, where an index has it; returns its SHA-256."""
    project = folder / name
    project.mkdir(parents=True, exist_ok=True)
    path = project / f"{name}-{version}-py3-none-any.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Index(ThreadingHTTPServer):
    """Serves a folder's projects as an index does: a page of links for each; without one 404."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
        # The paths that were asked for.
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        """The address, as pip's --index-url takes it."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, Index)
        self.server.asked.append(self.path)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Index]:
    """An index over a folder that has one of its own for each project."""
    folder.mkdir(parents=True, exist_ok=True)
    with Index(folder) as index:
        thread = threading.Thread(target=index.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield index
        finally:
            index.shutdown()
            thread.join()


@contextlib.contextmanager
def silence() -> Iterator[str]:
    """The URL of a server that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


def nowhere() -> str:
    """A URL where nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"http://127.0.0.1:{server.getsockname()[1]}"
