"""SnapStart: answers once before Lambda takes the snapshot, so that the first restored request is a warm one.

What can't be shared between the environments that start from one snapshot isn't there: nothing random is drawn,
no connection stays open (handler/fetch.py closes its own), no time or credential is kept. So nothing is done
after a restore.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from handler.access import HEADER
from handler.errors import SeekletError
from handler.settings import Settings

logger = logging.getLogger("seeklet")

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

# A real search, then FastAPI's import and first answer.
REQUESTS = (
    ("POST", "/similar", '{"text": "europe climate change storm", "num_results": 5}'),
    ("GET", "/health", ""),
)


def prime_before_snapshot(handler: Handler, settings: Settings) -> None:
    """Has Lambda call prime before the snapshot; without its package, which Lambda's runtime has, warns."""
    try:
        from snapshot_restore_py import register_before_snapshot  # type: ignore[import-not-found]
    except ImportError:
        logger.warning("no snapshot_restore_py here, so the first request after a restore will be a cold one")
        return
    register_before_snapshot(prime, handler, settings)


def prime(handler: Handler, settings: Settings) -> None:
    """Answers one request of each kind; raises SeekletError where one fails, and the version isn't published."""
    for method, path, body in REQUESTS:
        response = handler(make_event(method, path, body, settings.api_key), None)
        if response["statusCode"] != 200:
            raise SeekletError(
                f"{method} {path} before the snapshot was answered with {response['statusCode']}, not 200: "
                "the log says why"
            )


def make_event(method: str, path: str, body: str, key: str | None) -> dict[str, Any]:
    """A request as an HTTP API sends it (payload 2.0)."""
    return {
        "version": "2.0",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/json", **({HEADER: key} if key else {})},
        "requestContext": {"http": {"method": method, "path": path, "sourceIp": "127.0.0.1"}},
        "body": body,
        "isBase64Encoded": False,
    }
