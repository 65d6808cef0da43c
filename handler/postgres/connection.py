"""One connection to PostgreSQL: made at the start, reused, checked after a pause, and made again where it was lost.

Every wait has a limit. A statement that only reads may be sent again on a new connection; its answer is never a mixture
of two. This module knows no table.
"""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Sequence

import pg8000.native

from handler.errors import SeekletError
from handler.light_typing import Any
from handler.postgres.address import Address
from handler.postgres.faults import DatabaseError, pooler_between, to_fault

logger = logging.getLogger("seeklet")

Row = Sequence[Any]

CONNECT_SECONDS = 3.0
# After so long without a statement the connection is checked: Lambda freezes a function between events, and a network
# forgets idle connections without a word.
IDLE_SECONDS = 30.0
# Beside the server's own limit of a statement: the time that the answer may take on its way.
_WAY_SECONDS = 1.0


class Connection:
    """A connection that mends itself. Safe to share between threads: one statement runs at a time."""

    def __init__(
        self,
        address: Address,
        *,
        statement_seconds: float,
        password: Callable[[], str] | None = None,
    ) -> None:
        """Takes the address, and the limit of one statement; 0 is none. It connects at the first statement.

        `password` makes a new one for each connection, as IAM's tokens are; else it is the address's.
        """
        self.address = address
        self._seconds = statement_seconds
        self._password = password
        self._lock = threading.RLock()
        self._open: pg8000.native.Connection | None = None
        self._statements: dict[str, Any] = {}
        self._used = 0.0
        self._settings: dict[str, str] = {}
        # Whether a statement of `read` named a table that isn't there any more.
        self.moved = False

    def __del__(self) -> None:
        # Of a release's connection nobody else keeps track.
        self.close()

    def set(self, name: str, value: str) -> None:
        """Sets a parameter of the session, in every connection that is made."""
        with self._lock:
            if self._settings.get(name) != value:
                self._settings[name] = value
                if self._open is not None:
                    self._guarded(self._apply_settings)

    def connect(self) -> None:
        """Connects, unless it is connected. Raises DatabaseError where it can't, and SettingsError for bad settings."""
        with self._lock:
            if self._open is None:
                self._open = self._guarded(self._make)
                self._guarded(self._apply_settings)
                self._used = time.monotonic()

    def read(self, sql: str, **values: Any) -> list[Row]:
        """Runs a statement that changes nothing; sends it once more on a new connection where this one was lost.

        :name in the statement is the value of that name, which is never part of the text. Raises DatabaseError, and sets
        `moved` where a table isn't there.
        """
        try:
            return self.look(sql, **values)
        except DatabaseError as fault:
            self.moved = self.moved or fault.code == "index_moved"
            raise

    def look(self, sql: str, **values: Any) -> list[Row]:
        """Does as `read`, for tables of no release: where one isn't there, the release's own may be."""
        with self._lock:
            if self._open is not None and time.monotonic() - self._used > IDLE_SECONDS:
                self._check()
            fresh = self._open is None
            try:
                return self.run(sql, **values)
            except DatabaseError as fault:
                if fresh or fault.code != "index_unavailable" or self._open is not None:
                    raise
            logger.warning("the connection to %s was lost: connecting again", self.address)
            return self.run(sql, **values)

    def run(self, sql: str, **values: Any) -> list[Row]:
        """Runs a statement once. Raises DatabaseError."""
        with self._lock:
            self.connect()
            rows = self._guarded(lambda: self._prepared(sql).run(**values))
            self._used = time.monotonic()
            return list(rows or ())

    def close(self) -> None:
        """Ends the connection. The next statement makes a new one."""
        with self._lock:
            connection, self._open = self._open, None
            self._statements.clear()
            if connection is not None:
                try:
                    connection.close()
                except Exception as error:  # noqa: BLE001 - it is lost already, and that is why it is closed
                    logger.debug("closing the connection: %s", error)

    def _check(self) -> None:
        try:
            self.run("SELECT 1")
        except DatabaseError:
            self.close()

    def _prepared(self, sql: str) -> Any:
        statement = self._statements.get(sql)
        if statement is None:
            assert self._open is not None
            if len(self._statements) >= 200:
                for old in self._statements.values():
                    old.close()
                self._statements.clear()
            statement = self._statements[sql] = self._open.prepare(sql)
        return statement

    def _make(self) -> pg8000.native.Connection:
        address = self.address
        # Without one pg8000 fails where the server asks, and nothing says why.
        password = (address.password if self._password is None else self._password()) or ""
        # The last two are what pg8000 can read, whatever the role or the database has of its own. A server tells each
        # client that the first one is on.
        options = (
            f"-c default_transaction_read_only=on -c statement_timeout={round(self._seconds * 1000)} "
            "-c idle_in_transaction_session_timeout=60s -c bytea_output=hex -c client_encoding=UTF8"
        )
        made = _open_socket(address)
        made.settimeout(CONNECT_SECONDS)
        try:
            connection = pg8000.native.Connection(
                address.user,
                address.host,
                address.database,
                address.port,
                password,
                ssl_context=address.ssl_context() or False,
                application_name="seeklet",
                startup_params={"options": options},
                sock=made,
            )
            if connection.parameter_statuses.get("default_transaction_read_only") != "on":
                raise pooler_between(address)
        except BaseException:
            made.close()
            raise
        # TLS wraps the socket, so the limit is set where pg8000 holds it.
        connection._usock.settimeout(self._seconds + _WAY_SECONDS if self._seconds else None)
        return connection

    def _apply_settings(self) -> None:
        assert self._open is not None
        for name, value in self._settings.items():
            self._open.run("SELECT set_config(:name, :value, false)", name=name, value=value)

    def _guarded(self, action: Callable[[], Any]) -> Any:
        """Does something with the connection; raises DatabaseError where it fails, and closes what can't be used again."""
        try:
            return action()
        except SeekletError:
            raise
        except Exception as error:  # noqa: BLE001 - a broken network breaks the protocol in many ways
            fault = to_fault(self.address, error)
            if not fault.state or fault.code in ("index_unavailable", "index_refused"):
                # What was read so far is no whole answer, and the rest may still come: it is never read.
                self.close()
            raise fault from None


def _open_socket(address: Address) -> socket.socket:
    if address.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.settimeout(CONNECT_SECONDS)
        try:
            made.connect(address.socket)
        except BaseException:
            made.close()
            raise
        return made
    made = socket.create_connection((address.host, address.port), CONNECT_SECONDS)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    # What was sent and isn't acknowledged in this time ends the connection (Linux).
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(CONNECT_SECONDS * 1000))
    return made
