"""Answers that a caller may keep: with an ETag, and 304 where the caller has the answer already. It knows no route."""

from __future__ import annotations

from collections.abc import Callable

from handler.events import Request
from handler.responses import Response
from handler.settings import Settings


def answer_kept(settings: Settings, request: Request, etag: str, answer: Callable[[], Response]) -> Response:
    """Adds ETag and Cache-Control to an answer; returns 304 without asking for it where the caller has this ETag.

    Whatever refuses the request must have been checked before: a refusal is never 304 (RFC 9110, 13.2.1).
    """
    kept = {"etag": etag, "cache-control": settings.cache_control}
    tags = request.headers.get("if-none-match", "").split(",")
    # * is any answer, and a weak ETag counts as the strong one (RFC 9110, 13.1.2).
    if not {etag, "*"}.isdisjoint(tag.strip().removeprefix("W/") for tag in tags):
        return Response(304, b"", kept)
    response = answer()
    return response._replace(headers={**response.headers, **kept})
