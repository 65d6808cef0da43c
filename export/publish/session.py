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

from export.publish.binary import HEADER, TRAILER
from handler.errors import SeekletError
from handler.postgres.address import Address
from handler.postgres.faults import DatabaseError, pooler_between, to_fault

Row = Sequence[Any]

CONNECT_SECONDS = 10.0
# A server that says nothing for so long doesn't work on what it was asked. Statements that take longer are watched.
QUIET_SECONDS = 60.0
WATCH_SECONDS = 0.5

# SQLSTATE codes, see handler/postgres/faults.py.
_NO_MEMORY = "53200"
_NO_ROOM = ("53100", _NO_MEMORY)
_SHARED_MEMORY = "shared memory"
_READ_ONLY = "25006"
_NOT_THERE = "42704"
BUSY = ("55P03", "40P01")  # a lock isn't free, or a deadlock


class Session:
    """One connection. Every failure is a DatabaseError; after "index_unavailable" the session is closed."""

    def __init__(self, address: Address) -> None:
        """Connects; raises DatabaseError where it can't, and SettingsError for a certificate that can't be read."""
        self.address = address
        context = address.ssl_context()
        self._open: pg8000.native.Connection | None = None
        self._open = self._guarded(lambda: _connect(address, context))
        if self.run("SELECT current_setting('seeklet.arrived', true)")[0][0] != "yes":
            self.close()
            raise pooler_between(address)
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
        except KeyboardInterrupt:
            self.close()
            raise
        except Exception as error:  # noqa: BLE001 - a broken network breaks the protocol in many ways
            fault = to_fault(self.address, error, self._hint)
            if not fault.state:
                # The server said nothing, so nobody knows what it did.
                fault = DatabaseError("index_unavailable", str(fault))
            if fault.code == "index_unavailable":
                self.close()
            raise fault from None

    def _hint(self, code: str, state: str, message: str) -> str:
        """Returns what a person who publishes can do."""
        if code == "index_refused":
            if state.startswith("28") and not self.address.password:
                return ": set PGPASSWORD, or mend the address"
            return ": mend the address or the role's rights"
        if state == _READ_ONLY:
            return ": give the address of the server that takes writes, not of a replica"
        if state == _NOT_THERE and message.startswith("role "):
            return ": create it, or mend --reader"
        if code != "index_full" or state not in _NO_ROOM:
            return ""
        if state == _NO_MEMORY:
            return ": run the same command again with a lower --index-memory"
        if _SHARED_MEMORY in message:
            return (
                ": run the same command again with --index-workers 0, or give the server more shared memory"
            )
        return ": free some of the database's disk, then run the same command again to go on"


# What this needs, whatever the role or the database has of its own; pg8000 reads bytes in hex alone. The first one is our
# own, and tells whether the others have arrived.
_SETTINGS = (
    "-c seeklet.arrived=yes -c default_transaction_read_only=off -c statement_timeout=0 -c synchronous_commit=on "
    "-c client_encoding=UTF8 -c bytea_output=hex"
)


def _connect(address: Address, context: ssl.SSLContext | None) -> pg8000.native.Connection:
    connection = pg8000.native.Connection(
        address.user,
        host=address.host,
        database=address.database,
        port=address.port,
        password=address.password or "",  # pg8000 fails where a server asks, and there is none
        unix_sock=address.socket,
        ssl_context=context or False,
        timeout=CONNECT_SECONDS,
        application_name="seeklet publish",
        startup_params={"options": _SETTINGS},
    )
    # An index takes as long as it takes. Older servers lack some of these limits.
    connection.run(
        "SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN "
        "('statement_timeout', 'transaction_timeout', 'idle_in_transaction_session_timeout', 'idle_session_timeout')"
    )
    return connection
