"""A proxy before a server's Unix socket that spoils what passes: it cuts, delays, or swallows the server's answers."""

from __future__ import annotations

import re
import socket
import threading
import time
from contextlib import suppress
from pathlib import Path
from types import TracebackType


class Proxy:
    """Listens in `folder` as a PostgreSQL server does. Its settings may change at any time."""

    def __init__(self, folder: Path, target: Path) -> None:
        """Takes a folder of its own, and the server's socket."""
        self.folder = folder
        self._target = str(target)
        self.cut_after: int | None = (
            None  # bytes of answers, from now on, after which the connection ends; once
        )
        self.delay = 0.0  # seconds before each piece of an answer
        self.silent = False  # whether answers are swallowed
        self.refusing = False  # whether new connections are closed at once
        self.without_options = False  # whether a new session gets no options, as from some poolers
        self.accepted = 0
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(folder / ".s.PGSQL.5432"))
        self._listener.listen()
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def uri(self) -> str:
        """The address through the proxy."""
        return f"postgresql://postgres@/postgres?host={self.folder}"

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._listener.close()
        self.cut()

    def cut(self) -> None:
        """Ends every connection."""
        opened, self._open = self._open, []
        for each in opened:
            _end(each)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.accepted += 1
            if self.refusing:
                client.close()
                continue
            server = socket.socket(socket.AF_UNIX)
            try:
                server.connect(self._target)
            except OSError:
                client.close()
                server.close()
                continue
            self._open += [client, server]
            for source, target, answers in ((client, server, False), (server, client, True)):
                threading.Thread(target=self._pump, args=(source, target, answers), daemon=True).start()

    def _pump(self, source: socket.socket, target: socket.socket, answers: bool) -> None:
        try:
            while data := source.recv(65536):
                if answers:
                    time.sleep(self.delay)
                    if self.silent:
                        continue
                    if self.cut_after is not None:
                        if len(data) >= self.cut_after:
                            target.sendall(data[: self.cut_after])
                            self.cut_after = None
                            break
                        self.cut_after -= len(data)
                elif self.without_options:
                    data = re.sub(rb"(?<=\0options\0)[^\0]+", lambda found: b" " * len(found[0]), data)
                target.sendall(data)
        except OSError:
            pass
        _end(source)
        _end(target)


def _end(each: socket.socket) -> None:
    with suppress(OSError):
        each.shutdown(socket.SHUT_RDWR)
    each.close()
