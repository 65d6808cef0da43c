"""Lambda's entry: `handler.app.handler`; `uvicorn handler.app:app` serves the same.

It is the only module that does work when it is imported: it reads the settings and loads the artifact.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from handler.errors import SeekletError
from handler.function import Function
from handler.settings import Settings

try:
    handler = Function.load(Settings.from_env(os.environ), os.environ)
except SeekletError as error:
    # One sentence in the log instead of a traceback; Lambda reports the exit status.
    print(f"seeklet: {error}", file=sys.stderr, flush=True)
    raise SystemExit(2) from None

if handler.settings.snap_start:
    from handler.snapstart import prime_before_snapshot

    prime_before_snapshot(handler, handler.settings, handler.resume)


def __getattr__(name: str) -> Any:
    # uvicorn asks for `app`. A start on Lambda never waits for it.
    if name == "app":
        return handler.asgi
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
