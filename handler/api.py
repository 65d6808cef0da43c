"""The FastAPI application: routes, their documentation, and one error -> status table.

Imported late: FastAPI and pydantic take longer to import than all the rest of the function (docs/adr/0003-cold-start.md).
"""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from handler import __version__, schemas
from handler.access import HEADER, refuse_without_key
from handler.errors import RequestError
from handler.searcher import Searcher
from handler.settings import Settings
from handler.similar import answer, refuse_body, render_defect, render_error, to_json

PATHS = "POST /similar, GET /health, GET /docs"
ERRORS = {
    400: "Not JSON",
    404: "No such path",
    405: "No such method",
    413: "Body too long",
    422: "Not a usable request",
}


def create_app(settings: Settings, searcher: Searcher) -> FastAPI:
    """The application over a loaded artifact."""
    errors = {**ERRORS, 403: "Without the API key"} if settings.api_key else ERRORS
    app = FastAPI(
        title="seeklet",
        description="Semantic search over short texts.",
        version=__version__,
        redirect_slashes=False,
        responses={
            status: {"model": schemas.ErrorResponse, "description": text}
            for status, text in sorted(errors.items())
        },
        middleware=[Middleware(RequireKey, settings=settings)] if settings.api_key else None,
        exception_handlers={
            RequestError: refuse,
            HTTPException: refuse_route,
            RequestValidationError: refuse_parameters,
            Exception: fail,
        },
    )

    # `async def` throughout: a Lambda environment serves one event at a time, and FastAPI's thread pool for
    # `def` costs 0.7 ms an event.
    @app.post(
        "/similar",
        summary="The documents nearest to a text",
        response_model=schemas.SimilarResponse,
        openapi_extra={
            "requestBody": {
                "required": True,
                "content": {"application/json": {"schema": schemas.SimilarRequest.model_json_schema()}},
            }
        },
    )
    async def similar(request: Request) -> Response:
        """Embeds the text and finds the nearest documents by cosine, exactly."""
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            # Not read to its end: outside Lambda a body has no limit of its own.
            refuse_body(len(body), settings.max_body_bytes)
        return json_response(answer(searcher, settings, bytes(body)))

    @app.get(
        "/health", summary="Whether this process can answer, and with what", response_model=schemas.Health
    )
    async def health() -> Response:
        """Answers once the artifact is loaded; says what it holds."""
        manifest = searcher.manifest
        return json_response(
            to_json(
                {
                    "status": "ok",
                    "documents": manifest.count,
                    "model_id": manifest.model_id,
                    "revision": manifest.revision,
                    "dim": manifest.dim,
                }
            )
        )

    return app


class RequireKey:
    """ASGI middleware around every path, the documentation and those that aren't there too."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 403 to a request without the key; all others go on."""
        app = self._app
        if scope["type"] == "http":
            sent = [value for name, value in scope["headers"] if name.lower() == HEADER.encode()]
            try:
                refuse_without_key(b", ".join(sent), self._settings.api_key)
            except RequestError as error:
                app = json_response(render_error(error), error.status)
        await app(scope, receive, send)


def json_response(body: bytes, status: int = 200) -> Response:
    """A response of ready JSON bytes."""
    return Response(body, status, media_type="application/json")


async def refuse(request: Request, error: Exception) -> Response:
    """A request that can't be answered."""
    assert isinstance(error, RequestError)
    return json_response(render_error(error), error.status)


async def refuse_route(request: Request, error: Exception) -> Response:
    """A wrong path or method, in the same shape."""
    assert isinstance(error, HTTPException)
    message = {
        404: f"there is no {request.url.path[:200]}: the paths are {PATHS}",
        405: f"{request.method} {request.url.path[:200]} is not served: the paths are {PATHS}",
    }.get(error.status_code, str(error.detail))
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "bad_request")
    response = json_response(render_error(RequestError(error.status_code, code, message)), error.status_code)
    response.headers.update(error.headers or {})
    return response


async def refuse_parameters(request: Request, error: Exception) -> Response:
    """A parameter that FastAPI itself refused."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    return json_response(render_error(RequestError(422, "invalid_request", str(first["msg"]), field)), 422)


async def fail(request: Request, error: Exception) -> Response:
    """A defect of ours."""
    return json_response(render_defect(error), 500)
