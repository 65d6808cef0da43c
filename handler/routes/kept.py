"""Answers that a caller may keep: with an ETag, and 304 where the caller has the answer already. It knows no route."""

from __future__ import annotations

from collections.abc import Callable

from handler.events import Request
from handler.responses import Response
from handler.service import Service


def answer_kept(service: Service, request: Request, etag: str, answer: Callable[[], Response]) -> Response:
    """Adds ETag and Cache-Control to an answer; returns 304 without asking for it where the caller has this ETag."""
    kept = {"etag": etag, "cache-control": service.settings.cache_control}
    tags = request.headers.get("if-none-match", "").split(",")
    # * is any answer, and a weak ETag counts as the strong one (RFC 9110, 13.1.2).
    if not {etag, "*"}.isdisjoint(tag.strip().removeprefix("W/") for tag in tags):
        return Response(304, b"", kept)
    response = answer()
    return Response(response.status, response.body, {**response.headers, **kept})
