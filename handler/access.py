"""The API key, where one is set: every request without it is refused, whatever it asks for.

Knows no web framework: handler/direct.py and handler/api.py each say what a request sent. Other ways to let
callers in (IAM, JWT) are API Gateway's, before the function is asked.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from handler.errors import RequestError

HEADER = "x-api-key"


def refuse_without_key(sent: bytes, key: str | None) -> None:
    """Raises RequestError (403) where a key is set and `sent`, the header's bytes, is not it."""
    if key is None:
        return
    # Here and not above: hmac brings hashlib and OpenSSL, which a function without a key need not load.
    from hmac import compare_digest

    if not compare_digest(sent, key.encode()):
        raise RequestError(
            403, "forbidden", f"the API key is missing or wrong: send it in the header {HEADER}"
        )


def sent_key(event: Mapping[str, Any]) -> bytes:
    """The header's bytes in an API Gateway event, empty without it; as Mangum reads it.

    Payload 2.0 has names in lower case, payload 1.0 as the client wrote them, and every value of a name in
    multiValueHeaders, which overrule headers.
    """
    values = [value for name, value in (event.get("headers") or {}).items() if name.lower() == HEADER]
    if event.get("version") != "2.0":
        many = event.get("multiValueHeaders") or {}
        values += [", ".join(value) for name, value in many.items() if name.lower() == HEADER]
    return values[-1].encode(errors="replace") if values and isinstance(values[-1], str) else b""
