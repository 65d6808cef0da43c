"""What an answer is worth, and what memory a process has, for all proofs that send events."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def judge(answer: Any) -> tuple[str, str | None]:
    """Returns an answer's status, and what is wrong with it; None where Lambda can pass it on and it is no 500."""
    text = json.dumps(answer, allow_nan=False)
    text.encode()
    if not isinstance(answer, dict):
        return "no object", f"the answer is {type(answer).__name__}"
    if "statusCode" in answer:
        status = answer["statusCode"]
        fits = isinstance(answer["body"], str) and all(
            isinstance(value, str) for value in (answer.get("headers") or {}).values()
        )
        if not fits:
            return str(status), "a body or a header isn't text"
        return str(status), f"status {status}" if status >= 500 else None
    # Errors of POST /search are problems (RFC 9457), those of POST /similar and of unknown events have an object of their own.
    error = answer if "type" in answer and "status" in answer else answer.get("error")
    if error is None:
        return "direct, answered", None
    code = error.get("code")
    return "direct, refused", "internal_error" if code in (None, "internal_error") else None


def resident_bytes() -> int:
    """Returns the process's resident memory that no file has: mapped pages of the artifact come and go."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("RssAnon:")[2].split()[0]) * 1024
