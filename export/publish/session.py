"""A connection that publishes: statements, COPY, transactions, and statements of minutes that another connection watches.

Where the server is silent for too long, the connection is given up. handler/postgres/connection.py is the search's.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import pg8000.native
from pg8000 import exceptions

from export.publish.binary import HEADER, TRAILER
from handler.errors import SeekletError
from handler.postgres.address import Address
from handler.postgres.faults import DatabaseError

Row = Sequence[Any]

CONNECT_SECONDS = 10.0
# A server that says nothing for so long doesn't work on what it was asked. Statements that take longer are watched.
QUIET_SECONDS = 60.0
WATCH_SECONDS = 0.5

# SQLSTATE classes and codes: https://www.postgresql.org/docs/current/errcodes-appendix.html
_LOST = ("08", "57P")
_NO_ACCESS = ("28", "42501", "3D000")
_NO_ROOM = ("53100",)
_SHARED_MEMORY = "shared memory"
BUSY = ("55P03", "40P01")  # a lock isn't free, or a deadlock


class Session:
    """One connection. Every failure is a DatabaseError; after "index_unavailable" the session is closed."""

    def __init__(self, address: Address) -> None:
        """Connects; raises DatabaseError where it can't, and SettingsError for a certificate that can't be read."""
        self.address = address
        context = address.ssl_context()
        self._open: pg8000.native.Connection | None = None
        self._open = self._guarded(lambda: _connect(address, context))
        self._keep_alive()
        self._wait_at_most(QUIET_SECONDS)
        self.pid = int(self.run("SELECT pg_backend_pid()")[0][0])

    def run(self, sql: str, **values: Any) -> list[Row]:
        """Runs one statement; :name in it is the value of that name."""
        return list(self._guarded(lambda: self._connection.run(sql, **values)) or ())

    def copy(self, table: str, tuples: Iterable[bytes]) -> int:
        """Loads tuples of COPY's binary format; returns their bytes. An item should have some KB to some MB."""
        sent = 0

        def stream() -> Iterator[bytes]:
            nonlocal sent
            yield HEADER
            for data in tuples:
                sent += len(data)
                for start in range(0, len(data), 1 << 20):
                    yield data[start : start + (1 << 20)]
            yield TRAILER

        sql = f"COPY {table} FROM STDIN (FORMAT binary)"
        self._guarded(lambda: self._connection.run(sql, stream=stream()))
        return sent

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All statements within, or none."""
        self.run("BEGIN")
        try:
            yield
        except BaseException:
            if self._open is not None:
                with suppress(DatabaseError):
                    self.run("ROLLBACK")
            raise
        self.run("COMMIT")

    def run_watched(self, sql: str, watcher: Session, watch: Callable[[], None]) -> None:
        """Runs a statement that takes minutes; `watch` is called meanwhile, and asks `watcher` how far it is.

        Where the watcher gets no answer, the statement's connection is closed too. Ctrl-C cancels the statement.
        """
        failed: list[BaseException] = []

        def work() -> None:
            try:
                self.run(sql)
            except BaseException as error:  # noqa: BLE001 - it is raised below, in the thread that asked
                failed.append(error)

        self._wait_at_most(None)
        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            while thread.is_alive():
                thread.join(WATCH_SECONDS)
                if thread.is_alive():
                    watch()
        except BaseException:
            with suppress(DatabaseError):
                watcher.run("SELECT pg_cancel_backend(:pid)", pid=self.pid)
            self._shut_down()
            thread.join(QUIET_SECONDS)
            raise
        if failed:
            raise failed[0]
        self._wait_at_most(QUIET_SECONDS)

    def close(self) -> None:
        """Ends the connection."""
        connection, self._open = self._open, None
        if connection is not None:
            with suppress(Exception):
                connection.close()

    @property
    def _connection(self) -> pg8000.native.Connection:
        if self._open is None:
            raise DatabaseError("index_unavailable", f"the connection to {self.address} is closed")
        return self._open

    def _keep_alive(self) -> None:
        """Lets the system ask a silent peer: a gateway forgets a connection that is idle for the minutes of an index."""
        connection = self._open
        if connection is None or self.address.socket or not hasattr(socket, "TCP_KEEPIDLE"):
            return
        for option, value in ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3)):
            connection._usock.setsockopt(socket.IPPROTO_TCP, option, value)

    def _wait_at_most(self, seconds: float | None) -> None:
        if self._open is not None:
            self._open._usock.settimeout(seconds)

    def _shut_down(self) -> None:
        """Closes the socket under a statement that another thread waits for."""
        connection, self._open = self._open, None
        if connection is not None:
            with suppress(OSError):
                connection._usock.shutdown(socket.SHUT_RDWR)

    def _guarded(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except SeekletError:
            self.close()  # what was sent is no whole statement
            raise
        except exceptions.DatabaseError as error:
            raise self._fault(error) from None
        except KeyboardInterrupt:
            self.close()
            raise
        except Exception as error:  # noqa: BLE001 - a broken network breaks the protocol in many ways
            self.close()
            cause = error.__cause__ or error
            reason = str(cause) or type(cause).__name__
            raise DatabaseError(
                "index_unavailable", f"{self.address} can't be reached ({reason:.200})"
            ) from None

    def _fault(self, error: exceptions.DatabaseError) -> DatabaseError:
        told = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
        state, message = str(told.get("C", "")), str(told.get("M", error))
        said = f"{self.address} says: {message:.300}"
        if state.startswith(_LOST):
            self.close()
            return DatabaseError("index_unavailable", said, state)
        if state.startswith(_NO_ACCESS) and not self.address.password and state.startswith("28"):
            return DatabaseError("index_refused", f"{said}: set PGPASSWORD, or mend the address", state)
        if state.startswith(_NO_ACCESS):
            return DatabaseError("index_refused", f"{said}: mend the address or the role's rights", state)
        if state.startswith(_NO_ROOM):
            if _SHARED_MEMORY in message:
                return DatabaseError(
                    "index_full",
                    f"{said}: run the same command again with --index-workers 0, or give the server more shared memory",
                    state,
                )
            return DatabaseError(
                "index_full",
                f"{said}: free some of the database's disk, then run the same command again to go on",
                state,
            )
        if state == "53200":
            return DatabaseError(
                "index_full",
                f"{said}: run the same command again with a lower --index-memory",
                state,
            )
        return DatabaseError("index_error", said, state)


def _connect(address: Address, context: ssl.SSLContext | None) -> pg8000.native.Connection:
    try:
        return pg8000.native.Connection(
            address.user,
            host=address.host,
            database=address.database,
            port=address.port,
            password=address.password or "",  # pg8000 fails where a server asks, and there is none
            unix_sock=address.socket,
            ssl_context=context or False,
            timeout=CONNECT_SECONDS,
            application_name="seeklet publish",
            startup_params={
                "options": "-c statement_timeout=0 -c synchronous_commit=on -c client_encoding=UTF8"
            },
        )
    except exceptions.InterfaceError as error:
        # What the server said is behind the error of closing the connection, which the server has closed first.
        behind: BaseException | None = error
        while behind is not None:
            if isinstance(behind, exceptions.DatabaseError):
                raise behind from None
            behind = behind.__cause__ or behind.__context__
        raise
