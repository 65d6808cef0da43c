"""What can befall a function on Lambda, on demand: run by the emulator instead of handler.app, never shipped."""

from __future__ import annotations

import os
import time
from typing import Any

from handler.app import handler as real_handler


def handler(event: dict[str, Any], context: Any) -> Any:
    """The real answer, but for an event that names a fault."""
    match event.get("fault"):
        case "crash":
            os._exit(1)
        case "timeout":
            time.sleep(60)
        case "oversized":
            return {"statusCode": 200, "body": "x" * 7_000_000}
    return real_handler(event, context)
