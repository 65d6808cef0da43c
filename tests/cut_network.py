"""A TCP port before a server's Unix socket, which can be cut after so many bytes, as a network can."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any


class CutNetwork:
    """Forwards connections; the first ones are cut after some bytes to the server: `cuts` has how many for each."""

    def __init__(self, unix_socket: str, cuts: list[int]) -> None:
        self._path = unix_socket
        self._left = cuts
        self.cut = 0
        self._sockets = [socket.create_server(("127.0.0.1", 0))]
        self.port = int(self._sockets[0].getsockname()[1])
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    def close(self) -> None:
        """Cuts all that is left."""
        for one in self._sockets:
            _shut(one)
        for thread in self._threads:
            thread.join()
        for one in self._sockets:
            one.close()

    def _start(self, target: Callable[..., None], *arguments: Any) -> None:
        thread = threading.Thread(target=target, args=arguments)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._sockets[0].accept()
                server = socket.socket(socket.AF_UNIX)
                self._sockets += [client, server]
                server.connect(self._path)
                allowed = self._left.pop(0) if self._left else None
                self._start(self._forward, client, server, allowed)
                self._start(self._forward, server, client, None)

    def _forward(self, source: socket.socket, target: socket.socket, allowed: int | None) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                if allowed is not None:
                    allowed -= len(data)
                    if allowed < 0:
                        self.cut += 1
                        break
                target.sendall(data)
        _shut(source)
        _shut(target)


def _shut(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


@contextmanager
def cut_network(unix_socket: str, cuts: list[int]) -> Iterator[CutNetwork]:
    """Runs one; `cuts` says after how many bytes each of the first connections is cut."""
    network = CutNetwork(unix_socket, cuts)
    try:
        yield network
    finally:
        network.close()
