"""What is refused before a route sees it, or after it has answered: the key, and what is too long."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from handler.errors import RequestError
from handler.variables import ApiKey

KEY_HEADER = "x-api-key"
# One byte of the body becomes at most this many: Lambda's runtime may write a character as \uXXXX in its JSON.
_MOST_GROWTH = 6


def check_key(sent: bytes, keys: Sequence[ApiKey]) -> str:
    """Returns the name of the key that `sent`, the header's bytes, is; "" where there are no keys.

    Raises RequestError (403) where there are some and `sent` is none of them.
    """
    if not keys:
        return ""
    # Imported here: hmac loads hashlib and OpenSSL, which a function without a key doesn't need.
    from hmac import compare_digest

    found = ""
    for name, key in keys:
        # All are compared, so that the time doesn't tell which one was sent.
        if compare_digest(sent, key.encode()):
            found = name
    if not found:
        raise RequestError(
            403, "forbidden", f"the API key is missing or wrong: send it in the header {KEY_HEADER}"
        )
    return found


def refuse_body(length: int, max_body_bytes: int) -> None:
    """Raises RequestError (413) where a body of `length` bytes is too long."""
    if length > max_body_bytes:
        raise RequestError(
            413,
            "body_too_long",
            f"the body has more than {max_body_bytes:,} bytes, which is the limit: send a shorter text",
        )


def refuse_response(body: bytes, max_response_bytes: int, field: str | None = "num_results") -> None:
    """Raises RequestError (422) where a response's body is too long to be sent.

    `field` is what to ask for less of; None where the answer can't be had in parts.

    Lambda's limit is on the JSON that holds the body as a string, so the length of the escaped body counts.
    """
    if len(body) * _MOST_GROWTH <= max_response_bytes:
        return
    length = len(json.dumps(body.decode()))
    if length > max_response_bytes:
        raise _too_long(f"{length:,} bytes, at most {max_response_bytes:,} can be sent", field)


def write_list(items: Iterable[bytes], max_response_bytes: int, field: str | None) -> bytes:
    """Writes a list as JSON, of items that are JSON already; `field` is what to ask for less of.

    Raises RequestError (422) before the next item is made, where those before it are too long to be sent: a batch of
    answers would take ten times the memory of the longest one that can be.
    """
    written, length = [], 0
    for item in items:
        written.append(item)
        length += len(item)
        if length > max_response_bytes:
            raise _too_long(f"more than {max_response_bytes:,} bytes, which can't be sent", field)
    return b"[" + b",".join(written) + b"]"


def _too_long(found: str, field: str | None) -> RequestError:
    remedy = f"ask for fewer {field}"
    if field is None:
        remedy = "it can't be had in parts; under uvicorn, MAX_RESPONSE_BYTES may be raised"
    return RequestError(422, "response_too_long", f"the answer has {found}: {remedy}", field)
