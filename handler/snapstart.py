"""SnapStart: answers once before Lambda takes the snapshot, so that the first restored request is a warm one.

What can't be shared between the environments that start from one snapshot isn't there: nothing random is drawn,
no connection stays open (handler/fetch.py closes its own), no time or credential is kept. So nothing is done
after a restore.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from handler.errors import SeekletError
from handler.events import Request
from handler.requests import KEY_HEADER
from handler.settings import Settings

logger = logging.getLogger("seeklet")

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

# A real search, then FastAPI's import and first answer.
REQUESTS = (
    ("POST", "/similar", '{"text": "europe climate change storm", "num_results": 5}'),
    ("GET", "/openapi.json", ""),
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
    # FastAPI and Mangum, which this imports, belong in the snapshot too.
    from handler.gateway import make_event

    key = {KEY_HEADER: settings.api_key} if settings.api_key else {}
    headers = {"content-type": "application/json", **key}
    for method, path, body in REQUESTS:
        request = Request(method, path, headers, source_ip="127.0.0.1", raw_body=body)
        response = handler(make_event(request), None)
        if response["statusCode"] != 200:
            raise SeekletError(
                f"{method} {path} before the snapshot was answered with {response['statusCode']}, not 200: "
                "the log says why"
            )
