"""The table of routes: method and path -> the function that answers. It knows neither events nor a web framework.

Each route's module is imported when it is asked for first, so that a start waits for one route only. A function gets
the service (a page gets the settings alone) and the request, and returns the response; it raises RequestError where it can't answer.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from handler.errors import RequestError
from handler.events import Request
from handler.light_typing import Any
from handler.named import NamedTuple
from handler.responses import Response

# It gets the index's service, but one of OPEN_PATHS the settings.
Route = Callable[[Any, Request], Response]

# A path's part in braces is a parameter. The module is of this package.
ROUTES: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        ("POST", "/similar"): "similar:post",
        ("POST", "/search"): "search:post",
        ("GET", "/search"): "search:get",
        ("GET", "/documents/{document_id}"): "documents:get",
        ("POST", "/documents"): "documents:post",
        ("POST", "/embed"): "embed:post",
        ("POST", "/v1/embeddings"): "openai_embeddings:post",
        ("GET", "/v1/models"): "openai_embeddings:models",
        ("GET", "/v1/models/{id}"): "openai_embeddings:model",
        ("POST", "/v1/vector_stores/{id}/search"): "vector_stores:post",
        ("POST", "/mcp"): "mcp:post",
        ("GET", "/health"): "about:health",
        ("GET", "/ready"): "about:ready",
        ("GET", "/info"): "about:info",
        ("GET", "/indexes"): "about:indexes",
        ("GET", "/"): "pages:get",
        ("GET", "/map"): "map:get",
        ("GET", "/map/points"): "map:points",
    }
)
# What these paths answer needs FastAPI. They are a route of their own in api.py.
FRAMEWORK_PATHS = ("/docs", "/openapi.json")
# A route of its own in asgi.py, and on Lambda none.
METRICS_PATH = "/metrics"
# Paths that need no key: they hold nothing of the corpus.
OPEN_PATHS = frozenset({("GET", "/"), ("GET", "/map")})


OTHERS = "GET /openapi.json has every path, such as POST /search and POST /similar"


class Found(NamedTuple):
    """The place of a path in the table, and the values of its parameters."""

    name: str
    parameters: Mapping[str, str]


def find_route(method: str, path: str) -> Found:
    """Finds the route of a path that is decoded; raises RequestError (404 or 405) where there is none."""
    name = ROUTES.get((method, path))
    # A path that is spelled like a template has a parameter that is spelled so.
    if name is not None and "{" not in path:
        return Found(name, {})
    allowed = {}
    for (allowed_method, template), name in ROUTES.items():
        parameters = match_path(template, path)
        if parameters is not None:
            if allowed_method == method:
                return Found(name, parameters)
            allowed[allowed_method] = name
    if path in FRAMEWORK_PATHS:
        allowed["GET"] = path
    if not allowed:
        raise RequestError(404, "not_found", f"there is no {path[:200]}: {OTHERS}")
    raise wrong_method(method, path, sorted(allowed))


def wrong_method(method: str, path: str, allowed: Sequence[str]) -> RequestError:
    """Returns the error (405) of a path that has other methods alone. HEAD is answered wherever GET is."""
    if "GET" in allowed:
        allowed = sorted([*allowed, "HEAD"])
    error = RequestError(405, "method_not_allowed", f"{method[:20]} {path[:200]} is not served: {OTHERS}")
    error.headers = {"allow": ", ".join(allowed)}
    return error


def match_path(template: str, path: str) -> Mapping[str, str] | None:
    """Returns the parameter's value where a path has the form of a template, else None. A template has one at most.

    The value may hold a slash where it ends the path: an id may have one.
    """
    if "{" not in template:
        return {} if template == path else None
    before, _, rest = template.partition("{")
    name, _, after = rest.partition("}")
    if not (path.startswith(before) and path.endswith(after)) or len(path) <= len(before) + len(after):
        return None
    value = path[len(before) : len(path) - len(after)]
    if after and "/" in value:
        return None
    return {name: value}


def load_route(name: str) -> Route:
    """Imports a route's module, at its first request, and returns its function."""
    route = _loaded.get(name)
    if route is None:
        module, _, function = name.partition(":")
        route = _loaded[name] = getattr(importlib.import_module(f"{__name__}.{module}"), function)
    return route


_loaded: dict[str, Route] = {}
