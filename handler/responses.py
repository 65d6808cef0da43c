"""Responses: answers and errors as JSON. All errors have one shape. This module knows no event and no web framework."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from handler.errors import RequestError
from handler.manifest import Manifest
from handler.searcher import Hit

logger = logging.getLogger("seeklet")

JSON: Mapping[str, str] = MappingProxyType({"content-type": "application/json"})


class Response(NamedTuple):
    """A status, a body in UTF-8, and headers whose names are in lower case."""

    status: int
    body: bytes
    headers: Mapping[str, str] = JSON


def render_hits(hits: Sequence[Hit], *, parts: bool = False, matches: bool = False) -> bytes:
    """Writes the answer of POST /similar: `text` has the hits as the article's strings, `results` as objects.

    With `parts`, an object has the score's parts, and with `matches` the words that matched.
    """
    return to_json(
        {
            "text": [f"Item:{hit.text} (index: {hit.index} score:{hit.score})" for hit in hits],
            "results": [hit.fields(parts=parts, matches=matches) for hit in hits],
        }
    )


def render_health(manifest: Manifest) -> bytes:
    """Writes the answer of GET /health, which says what the loaded artifact holds."""
    return to_json(
        {
            "status": "ok",
            "documents": manifest.count,
            "model_id": manifest.model_id,
            "revision": manifest.revision,
            "dim": manifest.dim,
        }
    )


def render_error(error: RequestError) -> bytes:
    """Writes an error in the one shape of all errors."""
    return to_json({"error": {"code": error.code, "message": str(error), "field": error.field}})


def refusal(error: RequestError) -> Response:
    """Returns the response to a request that can't be answered."""
    return Response(error.status, render_error(error))


def defect(error: Exception) -> Response:
    """Returns the response where seeklet itself failed. It logs the traceback, and the caller sees nothing of it."""
    logger.error("request failed", exc_info=error)
    return refusal(RequestError(500, "internal_error", "the request could not be answered: the log says why"))


def to_json(value: Any) -> bytes:
    """Writes compact JSON in UTF-8. Raises ValueError for NaN and infinity, which JSON can't hold."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
