"""The function: settings and artifact read once, at import, and the entry for AWS Lambda.

`handler.app.handler` is Lambda's entry; `uvicorn handler.app:app` serves the same.
"""

from __future__ import annotations

import functools
import os
import sys
from typing import Any

from handler.direct import answer_event, read_body, respond
from handler.errors import RequestError, SeekletError
from handler.searcher import Searcher
from handler.settings import Settings
from handler.similar import answer, render_error

try:
    settings = Settings.from_env(os.environ)
    directory = settings.artifact_dir
    if settings.artifact_uri:
        # Imported only where it is needed: botocore takes longer than all the rest.
        from handler.fetch import fetch_artifact

        directory = fetch_artifact(settings.artifact_uri)
    searcher = Searcher.load(directory, settings.threads)
except SeekletError as error:
    # One sentence in the log instead of a traceback; Lambda reports the exit status.
    print(f"seeklet: {error}", file=sys.stderr, flush=True)
    raise SystemExit(2) from None


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """AWS Lambda's entry: an API Gateway event (payload 1.0 or 2.0) to its response."""
    response = answer_event(event, lambda body: answer(searcher, settings, body), settings.api_key)
    return response if response is not None else _answer_by_app(event, context)


def _answer_by_app(event: dict[str, Any], context: Any) -> dict[str, Any]:
    try:
        read_body(event)
    except RequestError as error:
        # Mangum would raise what the caller can't read.
        return respond(event, error.status, render_error(error))
    response: dict[str, Any] = _mangum()(event, context)
    return response


@functools.cache
def _app() -> Any:
    from handler.api import create_app

    return create_app(settings, searcher)


@functools.cache
def _mangum() -> Any:
    from mangum import Mangum

    # Mangum would run lifespan at every event (mangum #342); all is loaded by now.
    return Mangum(_app(), lifespan="off")


def __getattr__(name: str) -> Any:
    # FastAPI is imported when something asks for `app`, as uvicorn does; a plain search never waits for it.
    if name == "app":
        return _app()
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


if settings.snap_start:
    from handler.snapstart import prime_before_snapshot

    prime_before_snapshot(handler, settings)
