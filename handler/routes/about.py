"""What is served, and whether it works: GET /health, GET /ready, GET /info and GET /indexes."""

from __future__ import annotations

from handler import __version__
from handler.errors import RequestError
from handler.events import Request
from handler.light_typing import Any
from handler.responses import Response, to_json
from handler.service import WARM_QUERY, Service


def health(service: Service, _request: Request) -> Response:
    """Answers GET /health, without work: the artifact is loaded, and this is what it holds."""
    manifest = service.searcher.manifest
    return Response(
        200,
        to_json(
            {
                "status": "ok",
                "documents": manifest.count,
                "model_id": manifest.model_id,
                "revision": manifest.revision,
                "dim": manifest.dim,
                "release": service.release and service.release.id,
            }
        ),
    )


def ready(service: Service, _request: Request) -> Response:
    """Answers GET /ready: one search, which must find a document."""
    # By meaning, which every artifact has, and which needs no words' stems.
    hits = service.searcher.search(WARM_QUERY, 1, "semantic")
    if len(hits) != 1:
        raise RequestError(503, "not_ready", "a search finds nothing: the log may say why")
    return Response(200, to_json({"status": "ready", "documents": service.searcher.manifest.count}))


def info(service: Service, _request: Request) -> Response:
    """Answers GET /info: the model, the corpus and its columns, the artifact's figures, and the limits."""
    return Response(200, to_json(describe(service)))


def indexes(service: Service, _request: Request) -> Response:
    """Answers GET /indexes: which indexes there are; none in a function over one artifact."""
    return Response(200, to_json({"indexes": service.indexes()}))


def describe(service: Service) -> dict[str, Any]:
    """Returns the fields of GET /info."""
    manifest, searcher, settings = service.searcher.manifest, service.searcher, service.settings
    keywords = manifest.keywords
    return {
        "version": __version__,
        "format_version": manifest.format_version,
        "model_id": manifest.model_id,
        "revision": manifest.revision,
        "pooling": manifest.pooling,
        "normalize": manifest.normalize,
        "max_length": manifest.max_length,
        "dim": manifest.dim,
        "dtype": manifest.dtype,
        "documents": manifest.count,
        "rows": manifest.rows,
        "passages": manifest.passages,
        "modes": searcher.modes,
        "share": keywords and keywords["share"],
        "language": keywords and keywords.get("language"),
        "columns": searcher.engine.describe_columns(),
        "engine": searcher.engine.describe(),
        "map": manifest.map,
        "verify": manifest.verify,
        "release": service.release and service.release.describe(),
        "limits": {
            "max_results": settings.max_results,
            "max_text_length": settings.max_text_length,
            "max_batch": settings.max_batch,
            "max_body_bytes": settings.max_body_bytes,
            "max_response_bytes": settings.max_response_bytes,
        },
        "mcp": settings.mcp,
    }
