"""The FastAPI application over the same routes: their documentation, and their errors in the one shape.

It is imported only when it is needed: FastAPI and pydantic take longer to import than all the rest of the function
(docs/adr/0003-cold-start.md).
"""

from __future__ import annotations

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Scope, Send

from handler import __version__, schemas
from handler.docs_page import DOCS_PAGE
from handler.errors import RequestError
from handler.requests import KEY_HEADER, refuse_body, refuse_without_key
from handler.responses import Response as Answer
from handler.responses import defect, refusal
from handler.routes import health as answer_health
from handler.routes import similar as answer_similar
from handler.searcher import Searcher
from handler.settings import Settings

PATHS = "POST /similar, GET /health, GET /docs"
ERRORS = {
    400: "Not JSON",
    404: "No such path",
    405: "No such method",
    413: "Body too long",
    422: "Not a usable request, or an answer that is too long",
}


def create_app(settings: Settings, searcher: Searcher) -> FastAPI:
    """Makes the application over a loaded artifact."""
    errors = {**ERRORS, 403: "The API key is missing or wrong"} if settings.api_key else ERRORS
    app = FastAPI(
        title="seeklet",
        description="Semantic search over short texts.",
        version=__version__,
        # Relative to openapi.json, so it is right behind a stage or a base path too.
        servers=[{"url": "."}],
        docs_url=None,
        redoc_url=None,
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
            ClientDisconnect: leave,
            Exception: fail,
        },
    )

    # All endpoints are `async def`: a Lambda environment serves one event at a time, and FastAPI's thread pool
    # for `def` would cost 0.7 ms an event.
    @app.post(
        "/similar",
        summary="Finds the documents nearest to a text",
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
            # Checked while it is read: outside Lambda a body may have any length.
            refuse_body(len(body), settings.max_body_bytes)
        return to_starlette(Answer(200, answer_similar(searcher, settings, bytes(body))))

    @app.get(
        "/health",
        summary="Says whether this process can answer, and what it holds",
        response_model=schemas.Health,
    )
    async def health() -> Response:
        """Answers once the artifact is loaded; says what it holds."""
        return to_starlette(Answer(200, answer_health(searcher, settings, b"")))

    @app.get("/docs", include_in_schema=False)
    async def docs() -> Response:
        return HTMLResponse(DOCS_PAGE)

    return app


class RequireKey:
    """ASGI middleware that asks for the API key on every path, also on /docs and on unknown paths."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        """Wraps `app`."""
        self._app = app
        self._settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers 403 to a request without the key, and passes every other request on."""
        app = self._app
        if scope["type"] == "http":
            sent = [value for name, value in scope["headers"] if name.lower() == KEY_HEADER.encode()]
            try:
                refuse_without_key(b", ".join(sent), self._settings.api_key)
            except RequestError as error:
                app = to_starlette(refusal(error))
        await app(scope, receive, send)


def to_starlette(answer: Answer) -> Response:
    """Makes the framework's response of ours."""
    return Response(answer.body, answer.status, headers=dict(answer.headers))


async def refuse(_request: Request, error: Exception) -> Response:
    """Answers a request that was refused by our own code."""
    assert isinstance(error, RequestError)
    return to_starlette(refusal(error))


async def refuse_route(request: Request, error: Exception) -> Response:
    """Answers a wrong path or method, in the same shape."""
    assert isinstance(error, HTTPException)
    message = {
        404: f"there is no {request.url.path[:200]}: the paths are {PATHS}",
        405: f"{request.method} {request.url.path[:200]} is not served: the paths are {PATHS}",
    }.get(error.status_code, str(error.detail))
    code = {404: "not_found", 405: "method_not_allowed"}.get(error.status_code, "bad_request")
    response = to_starlette(refusal(RequestError(error.status_code, code, message)))
    response.headers.update(error.headers or {})
    return response


async def refuse_parameters(_request: Request, error: Exception) -> Response:
    """Answers a request whose parameters FastAPI itself refused."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part) for part in first["loc"])
    return to_starlette(refusal(RequestError(422, "invalid_request", str(first["msg"]), field)))


async def leave(_request: Request, _error: Exception) -> Response:
    """A client that went away within its request: it is no defect, and nobody hears the answer."""
    return Response(status_code=400)


async def fail(_request: Request, error: Exception) -> Response:
    """Answers 500 where our own code failed."""
    return to_starlette(defect(error))
