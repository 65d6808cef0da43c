"""Lambda's entry: `handler.app.handler`; `uvicorn handler.app:app` serves the same.

It is the only module that does work when it is imported: it reads the settings and loads the artifact.
"""

from __future__ import annotations

import gc
import os
import sys

from handler import bundled, later, light_typing
from handler.light_typing import Any

# Nothing that a start makes is garbage. To look for some of it takes a twentieth of the time.
gc.disable()
later.put_off()
if bundled.install():
    light_typing.lend(("numpy", "onnxruntime"))

from handler.errors import SeekletError  # noqa: E402 - they import numpy
from handler.function import Function  # noqa: E402
from handler.settings import Settings  # noqa: E402

try:
    handler = Function.load(Settings.from_env(os.environ), os.environ)
except SeekletError as error:
    # One sentence in the log instead of a traceback; Lambda reports the exit status.
    print(f"seeklet: {error}", file=sys.stderr, flush=True)
    raise SystemExit(2) from None

if handler.settings.snap_start:
    from handler.snapstart import prime_before_snapshot

    prime_before_snapshot(handler, handler.settings, handler.resume)


# All that is there stays. It isn't looked through again.
gc.freeze()
gc.enable()


# A name of the module: hypercorn finds no other.
async def app(scope: Any, receive: Any, send: Any) -> None:
    """The same as an ASGI application. A start on Lambda never waits for it."""
    await handler.asgi(scope, receive, send)
