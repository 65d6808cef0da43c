"""Responses: what is answered, as JSON, and the one shape of every error. It knows no event and no web framework."""

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


def render_hits(hits: Sequence[Hit]) -> bytes:
    """The answer of POST /similar: the article's strings in `text`, and the same as objects in `results`."""
    return to_json(
        {
            "text": [f"Item:{hit.text} (index: {hit.index} score:{hit.score})" for hit in hits],
            "results": [
                {
                    "id": hit.id,
                    "index": hit.index,
                    "score": hit.score,
                    "text": hit.text,
                    "metadata": hit.metadata,
                }
                for hit in hits
            ],
        }
    )


def render_health(manifest: Manifest) -> bytes:
    """The answer of GET /health: that the artifact is loaded, and what it holds."""
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
    """The one shape of every error."""
    return to_json({"error": {"code": error.code, "message": str(error), "field": error.field}})


def refusal(error: RequestError) -> Response:
    """The response to a request that can't be answered."""
    return Response(error.status, render_error(error))


def defect(error: Exception) -> Response:
    """The response where seeklet itself failed: the log has it whole, the caller gets no insides."""
    logger.error("request failed", exc_info=error)
    return refusal(RequestError(500, "internal_error", "the request could not be answered: the log says why"))


def to_json(value: Any) -> bytes:
    """Compact JSON in UTF-8. Raises ValueError for NaN and infinity, which JSON hasn't."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
