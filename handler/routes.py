"""The table of routes: method and path -> what answers. Knows neither events nor a web framework.

function.py answers from it directly; api.py wraps the same functions for FastAPI.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from handler.requests import SimilarQuery, parse_similar, refuse_response
from handler.responses import render_health, render_hits
from handler.searcher import Searcher
from handler.settings import Settings

# From a request's body to the response's; raises RequestError where it can't be answered.
Route = Callable[[Searcher, Settings, bytes], bytes]


def similar(searcher: Searcher, settings: Settings, body: bytes) -> bytes:
    """POST /similar: the documents nearest to a text."""
    return answer_similar(searcher, settings, parse_similar(body, settings))


def answer_similar(searcher: Searcher, settings: Settings, query: SimilarQuery) -> bytes:
    """A query that was checked, to the answer's bytes; raises RequestError (422) where they are too many."""
    answer = render_hits(searcher.search(query.text, query.num_results))
    refuse_response(answer, settings.max_response_bytes)
    return answer


def health(searcher: Searcher, _settings: Settings, _body: bytes) -> bytes:
    """GET /health: whether this process can answer, and with what."""
    return render_health(searcher.manifest)


ROUTES: Mapping[tuple[str, str], Route] = MappingProxyType(
    {
        ("POST", "/similar"): similar,
        ("GET", "/health"): health,
    }
)
