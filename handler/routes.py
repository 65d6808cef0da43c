"""The table of routes: method and path -> the function that answers. It knows neither events nor a web framework.

function.py answers from it directly; api.py wraps the same functions for FastAPI.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from handler.requests import SimilarQuery, parse_similar, refuse_mode, refuse_response
from handler.responses import render_health, render_hits
from handler.searcher import Searcher
from handler.settings import Settings

# A function from a request's body to the response's body; it raises RequestError where it can't answer.
Route = Callable[[Searcher, Settings, bytes], bytes]


def similar(searcher: Searcher, settings: Settings, body: bytes) -> bytes:
    """Answers POST /similar with the documents nearest to a text, or best in the mode that is asked for."""
    return answer_similar(searcher, settings, parse_similar(body, settings))


def answer_similar(searcher: Searcher, settings: Settings, query: SimilarQuery) -> bytes:
    """Searches, and writes the answer's bytes; raises RequestError (422) where they are too many."""
    refuse_mode(query.mode, searcher.modes)
    hits = searcher.search(query.text, query.num_results, query.mode or "semantic", query.share)
    answer = render_hits(hits, parts=query.mode is not None, matches=query.matches)
    refuse_response(answer, settings.max_response_bytes)
    return answer


def health(searcher: Searcher, _settings: Settings, _body: bytes) -> bytes:
    """Answers GET /health with what the loaded artifact holds."""
    return render_health(searcher.manifest)


ROUTES: Mapping[tuple[str, str], Route] = MappingProxyType(
    {
        ("POST", "/similar"): similar,
        ("GET", "/health"): health,
    }
)
