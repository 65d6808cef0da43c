"""The map: GET /map, its page, and GET /map/points, the documents' places and colours.

It computes neither: maps.py has the places and colors.py the colours.
"""

from __future__ import annotations

from base64 import b64encode

import numpy as np
from numpy.typing import NDArray

from handler.artifact import Artifact
from handler.colors import color
from handler.columns import Columns, list_columns, look_alike
from handler.errors import RequestError
from handler.events import Request
from handler.fields import invalid, parse_query
from handler.light_typing import Any
from handler.local import LocalEngine
from handler.maps import Map, sample
from handler.responses import Response, to_json
from handler.routes.kept import answer_kept
from handler.routes.pages import serve_page
from handler.service import Service
from handler.settings import Settings

# The most documents of one answer, and the most that may be named.
MOST_POINTS = 100_000
MOST_INDEXES = 1000
# The bytes of one document in an answer, at most: place, index and code in base64.
_POINT_BYTES = 12
# The bytes of all else, the labels included, at most.
_OTHER_BYTES = 20_000
_PARAMETERS = ("color", "indexes")


def get(settings: Settings, request: Request) -> Response:
    """Answers GET /map with the page."""
    return serve_page(settings, request, "map.html")


def points(service: Service, request: Request) -> Response:
    """Answers GET /map/points with the places of all documents, of a sample, or of those that are named."""
    engine = service.searcher.engine
    # The map is drawn from the artifact's files, which no other engine has.
    if not isinstance(engine, LocalEngine):
        raise RequestError(404, "no_map", "a database has no map: serve the artifact's folder to see it")
    drawn = Map.open(Artifact(engine.documents.directory, engine.manifest))
    if drawn is None:
        raise RequestError(
            404, "no_map", "the artifact has no map: run `seeklet export` again without --map none"
        )
    most = max(1, min(MOST_POINTS, (service.settings.max_response_bytes - _OTHER_BYTES) // _POINT_BYTES))
    given = _parameters(request.query)
    named = _indexes(given["indexes"], drawn.count, most) if "indexes" in given else None
    columns = _columns_with(engine.columns, given["color"]) if "color" in given else None

    def answer() -> Response:
        chosen = sample(drawn.count, most) if named is None else named
        places = drawn.points()
        return Response(
            200,
            to_json(
                {
                    "count": drawn.count,
                    "points": _base64(places if chosen is None else places[chosen]),
                    "indexes": None if chosen is None else _base64(chosen),
                    "color": None if columns is None else _color(columns, given["color"], chosen),
                }
            ),
            service.headers,
        )

    # The number of points depends on a setting, all else on the artifact and the request.
    return answer_kept(service.settings, request, f'"{service.fingerprint}-{most}"', answer)


def _parameters(query: str) -> dict[str, str]:
    given: dict[str, list[str]] = {}
    for name, value in parse_query(query):
        given.setdefault(name, []).append(value)
    for name, values in given.items():
        if name not in _PARAMETERS:
            raise invalid(
                str(ascii(name))[1:-1][:80],
                f"there is no parameter {name[:80]!a}: the parameters are {', '.join(_PARAMETERS)}",
            )
        if len(values) > 1:
            how = "send numbers with commas between them" if name == "indexes" else "give it once"
            raise invalid(name, f"{name} is given {len(values)} times: {how}")
    return {name: values[0] for name, values in given.items()}


def _indexes(text: str, count: int, most: int) -> NDArray[np.uint32]:
    """Reads documents' indexes with commas between them."""
    parts = text.split(",")
    if len(parts) > min(most, MOST_INDEXES):
        raise invalid(
            "indexes", f"indexes names {len(parts):,} documents: name at most {min(most, MOST_INDEXES):,}"
        )
    for part in parts:
        if not (part.isascii() and part.isdigit() and len(part) <= 12 and int(part) < count):
            raise invalid(
                "indexes",
                f"indexes has {part[:20]!a}: send whole numbers from 0 to {count - 1}, with commas between them",
            )
    return np.array([int(part) for part in parts], np.uint32)


def _columns_with(columns: Columns | None, name: str) -> Columns:
    """Returns the columns; raises RequestError (422) where there is none of this name."""
    if columns is None or name not in columns.types:
        types = {} if columns is None else columns.types
        raise invalid(
            "color",
            f"there is no column {name!r:.80} to colour by{look_alike(name, types)}; {list_columns(types)}",
        )
    return columns


def _color(columns: Columns, name: str, chosen: NDArray[np.uint32] | None) -> dict[str, Any]:
    """Returns the colours of all documents, or of those that are chosen."""
    coloring = color(columns.column(name), columns.types[name])
    return {
        "column": name,
        "type": columns.types[name],
        "labels": coloring.labels,
        "counts": coloring.counts,
        "other": coloring.other,
        "none": coloring.none,
        "codes": _base64(coloring.codes if chosen is None else coloring.codes[chosen]),
    }


def _base64(values: NDArray[Any]) -> str:
    """Returns the values' bytes, little-endian, in base64."""
    return b64encode(values.astype(values.dtype.newbyteorder("<"), copy=False).tobytes()).decode()
