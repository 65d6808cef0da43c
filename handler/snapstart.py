"""SnapStart: answers once before Lambda takes the snapshot, so that the first restored request is a warm one.

Many environments start from one snapshot, so it must hold nothing that they can't share: no random number, no open
connection (handler/opening.py closes its own), no thread, no time and no credential. It holds none, so nothing is done
after a restore. Looks for a new release begin at the first event after it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from handler.errors import SeekletError
from handler.events import Request
from handler.light_typing import Any
from handler.requests import KEY_HEADER
from handler.service import WARM_QUERY
from handler.settings import Settings

logger = logging.getLogger("seeklet")

Handler = Callable[[dict[str, Any], Any], dict[str, Any]]

# A scheduled event, which makes a search.
WARMING = {"source": "aws.events"}
# A real search, one that isn't ASCII and imports the tokenizers package, the other search with what its answers may hold, then
# FastAPI's import and first answer.
REQUESTS = (
    ("POST", "/similar", f'{{"text": "{WARM_QUERY}", "num_results": 1}}'),
    ("POST", "/similar", '{"text": "Tempête", "num_results": 1}'),
    ("POST", "/search", f'{{"query": "{WARM_QUERY}", "k": 1, "include": ["text", "highlights"]}}'),
    ("GET", "/info", ""),
    ("GET", "/openapi.json", ""),
)


def prime_before_snapshot(handler: Handler, settings: Settings, resume: Callable[[], None]) -> None:
    """Asks Lambda to call `prime` before the snapshot. It logs a warning where Lambda's package for that is missing."""
    try:
        from snapshot_restore_py import register_before_snapshot  # type: ignore[import-not-found]
    except ImportError:
        logger.warning("no snapshot_restore_py here, so the first request after a restore will be slow")
        resume()
        return
    register_before_snapshot(prime, handler, settings, resume)


def prime(handler: Handler, settings: Settings, resume: Callable[[], None]) -> None:
    """Answers the requests, and then calls `resume`: what must not run before the snapshot may begin.

    Raises SeekletError where a request fails, and Lambda then publishes no version.
    """
    # FastAPI and Mangum, which this imports, belong in the snapshot too.
    from handler.gateway import make_event

    key = {} if settings.api_key is None else {KEY_HEADER: settings.api_key}
    headers = {"content-type": "application/json", **key}
    for method, path, body in REQUESTS:
        request = Request(method, path, headers, source_ip="127.0.0.1", raw_body=body)
        response = handler(make_event(request), None)
        # A 4xx is an answer too: of a function without its documentation, or whose own limits refuse it.
        if response["statusCode"] >= 500:
            raise SeekletError(
                f"{method} {path} before the snapshot was answered with {response['statusCode']}: "
                f"{response.get('body', '')[:400]} (the log says more)"
            )
    # A search in the artifact's own mode: it imports what keywords need.
    answer = handler(WARMING, None)
    if "error" in answer:
        raise SeekletError(
            f"the search before the snapshot failed ({answer['error']['code']}): the log says why"
        )
    # The next event comes after a restore.
    resume()
