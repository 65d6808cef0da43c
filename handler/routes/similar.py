"""POST /similar: the documents nearest to a text, in the form of the article's service. The first route, and it stays."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from handler.clock import Clock
from handler.events import Request
from handler.fields import (
    check_choice,
    check_flag,
    check_number,
    check_object,
    check_text,
    check_whole,
    invalid,
    parse_json,
)
from handler.hits import Hit
from handler.light_typing import Any
from handler.manifest import MODES
from handler.named import NamedTuple
from handler.requests import refuse_body
from handler.responses import Response, to_json
from handler.service import Service
from handler.settings import Settings

DEFAULT_RESULTS = 5
FIELDS = ("text", "num_results", "mode", "share", "matches")
EXAMPLE = '{"text": "...", "num_results": 5}'


class SimilarQuery(NamedTuple):
    """A request that can be answered.

    Without a mode the answer is by cosine alone, and doesn't say the scores' parts. Without a share the artifact's own
    is used. With matches, the answer says which words matched, and where.
    """

    text: str
    num_results: int
    mode: str | None = None
    share: float | None = None
    matches: bool = False


def post(service: Service, request: Request) -> Response:
    """Answers with the documents nearest to a text, or best in the mode that is asked for."""
    body = request.body()
    query = parse_similar(body, service.settings)
    return Response(200, answer(service, query, request.clock), service.headers, "num_results")


def answer(service: Service, query: SimilarQuery, clock: Clock | None = None) -> bytes:
    """Searches, and writes the answer's bytes."""
    searcher = service.searcher
    refuse_mode(query.mode, searcher.modes)
    hits = searcher.search(query.text, query.num_results, query.mode or "semantic", query.share, clock=clock)
    return render_hits(hits, parts=query.mode is not None, matches=query.matches)


def render_hits(hits: Sequence[Hit], *, parts: bool = False, matches: bool = False) -> bytes:
    """Writes the answer: `text` has the hits as the article's strings, `results` as objects.

    With `parts`, an object has the score's parts, and with `matches` the words that matched.
    """
    return to_json(
        {
            "text": [f"Item:{hit.text} (index: {hit.index} score:{hit.score})" for hit in hits],
            "results": [hit.fields(parts=parts, matches=matches) for hit in hits],
        }
    )


def parse_similar(body: bytes, settings: Settings) -> SimilarQuery:
    """Reads a body; raises RequestError (400, 413 or 422) that names the field."""
    refuse_body(len(body), settings.max_body_bytes)
    return check_similar(parse_json(body, EXAMPLE), settings)


def check_similar(request: object, settings: Settings) -> SimilarQuery:
    """Checks a parsed request; raises RequestError (422) that names the field."""
    fields = check_object(request, FIELDS, "text and num_results")
    if "text" not in fields:
        raise invalid("text", "the field text is missing: put the query there")
    text = check_text("text", fields["text"], settings.max_text_length)
    default = min(DEFAULT_RESULTS, settings.max_results)
    num_results = check_whole("num_results", fields.get("num_results", default), 1, settings.max_results)
    mode = check_choice("mode", fields["mode"], MODES) if "mode" in fields else None
    return SimilarQuery(text, num_results, mode, _check_share(fields, mode), _check_matches(fields, mode))


def _check_share(fields: Mapping[str, Any], mode: str | None) -> float | None:
    if "share" not in fields:
        return None
    share = check_number("share", fields["share"], 0, 1)
    if mode != "hybrid":
        raise invalid("share", 'share is the weight of the keywords in the mode "hybrid": send that mode too')
    return share


def _check_matches(fields: Mapping[str, Any], mode: str | None) -> bool:
    matches = check_flag("matches", fields.get("matches", False))
    if matches and mode is None:
        raise invalid("matches", "matches are part of the answer in a mode: send a mode too")
    return matches


def refuse_mode(mode: str | None, modes: Sequence[str]) -> None:
    """Raises RequestError (422) where the artifact can't be searched in this mode; modes are those that it can."""
    if mode is not None and mode not in modes:
        raise invalid("mode", f"the artifact has no keywords, so mode is one of: {', '.join(modes)}")
