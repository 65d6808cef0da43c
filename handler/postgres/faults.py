"""What goes wrong with a database, told apart by what a caller can do: wait, mend the settings, or look at the log.

SQLSTATE classes and codes are PostgreSQL's: https://www.postgresql.org/docs/current/errcodes-appendix.html
"""

from __future__ import annotations

from collections.abc import Callable

from pg8000 import exceptions

from handler.errors import UnavailableError
from handler.postgres.address import Address

_CODES = {
    "57014": "index_timeout",  # a statement that took too long
    "42P01": "index_moved",  # a table or schema that isn't there: the release was dropped
    "3F000": "index_moved",
    "42501": "index_refused",
    "3D000": "index_refused",
}
_CLASSES = {"08": "index_unavailable", "57": "index_unavailable", "28": "index_refused", "53": "index_full"}
# A parameter of the start that the other side doesn't know. A server knows all that are sent; a pooler may not.
_UNKNOWN_PARAMETER = "unsupported startup parameter"
# What to do: from the code, the SQLSTATE and the server's message to the end of the sentence.
Hint = Callable[[str, str, str], str]


class DatabaseError(UnavailableError):
    """Raised when the database can't answer. `code` is a short name for programs, `state` the SQLSTATE or empty."""

    def __init__(self, code: str, message: str, state: str = "") -> None:
        super().__init__(code, message)
        self.state = state


def searcher_hint(code: str, _state: str, _message: str) -> str:
    """Returns what a person who runs the function can do."""
    return ": mend INDEX_URI or the role's rights" if code == "index_refused" else ""


def to_fault(address: Address, error: Exception, hint: Hint = searcher_hint) -> DatabaseError:
    """Returns what an error of the client or of the network means. Its `state` is empty where the server said nothing."""
    said = server_says(error)
    if said is not None:
        state, message = said
        if message.startswith(_UNKNOWN_PARAMETER):
            return pooler_between(address, message, state)
        code = _CODES.get(state) or _CLASSES.get(state[:2], "index_error")
        return DatabaseError(code, f"{address} says: {message:.200}{hint(code, state, message)}", state)
    if isinstance(error, TimeoutError):
        return DatabaseError(
            "index_timeout", f"{address} doesn't answer in time: look at its load and the network"
        )
    cause = error.__cause__ or error
    reason = str(cause) or type(cause).__name__
    return DatabaseError("index_unavailable", f"{address} can't be reached ({reason:.200})")


def pooler_between(address: Address, why: str = "none of ours arrived", state: str = "") -> DatabaseError:
    """Returns the refusal of a pooler, which may give each statement another session of the server."""
    return DatabaseError(
        "index_refused",
        f"{address} is a pooler that passes on no settings of a session ({why:.200}): give the server's own address",
        state,
    )


def server_says(error: BaseException) -> tuple[str, str] | None:
    """Returns the SQLSTATE and the message of an error of the server; None where it said nothing.

    Where the server closes the connection at once, its error is behind the client's.
    """
    behind: BaseException | None = error
    while behind is not None:
        if isinstance(behind, exceptions.DatabaseError):
            told = behind.args[0] if behind.args and isinstance(behind.args[0], dict) else {}
            return str(told.get("C", "")), str(told.get("M", behind))
        behind = behind.__cause__ or behind.__context__
    return None
