"""The FastAPI application over the same table of routes, for the documentation of all routes.

It is imported only when it is needed: FastAPI and pydantic take longer to import than all the rest of the function
(docs/adr/0003-cold-start.md). router.py answers, so an answer has the same bytes as one without FastAPI.
"""

from __future__ import annotations

import copy

from fastapi import FastAPI, Response
from starlette.exceptions import HTTPException
from starlette.requests import Request as WebRequest

from handler import __version__, openapi
from handler.asgi import read_body, read_head, refuse
from handler.docs_page import DOCS_PAGE
from handler.errors import RequestError
from handler.events import Request
from handler.openapi_limits import complete
from handler.responses import Response as Answer
from handler.responses import to_json
from handler.router import Router
from handler.routes import ROUTES

HTML = {"content-type": "text/html; charset=utf-8"}


def create_app(router: Router) -> FastAPI:
    """Makes the application over a router."""
    settings = router.source.settings

    # `async def`: a Lambda environment serves one event at a time, and FastAPI's thread pool for `def` would cost
    # 0.7 ms an event.
    async def respond(request: WebRequest) -> Response:
        return to_web(router.respond(await read(request, settings.max_body_bytes)))

    async def respond_to_other(request: WebRequest, _error: Exception) -> Response:
        """Answers a path or a method that the framework doesn't know: the router says what is wrong."""
        return await respond(request)

    async def respond_to_unread(request: WebRequest, error: Exception) -> Response:
        """Answers a request whose body is too long to be read."""
        assert isinstance(error, RequestError)
        return to_web(refuse(router, read_head(request.scope), error))

    app = FastAPI(
        title="seeklet",
        description="Search by meaning and by words over short texts.",
        version=__version__,
        # Relative to openapi.json, so it is right behind a stage or a base path too.
        servers=[{"url": "."}],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        exception_handlers={
            HTTPException: respond_to_other,
            RequestError: respond_to_unread,
        },
    )
    for method, path in ROUTES:
        said = openapi.describe((method, path), settings.api_key is not None)
        app.add_api_route(path, respond, methods=[method], **said)

    async def docs(request: WebRequest) -> Response:
        asked = await read(request, settings.max_body_bytes)
        return to_web(router.respond(asked, lambda _: Answer(200, DOCS_PAGE.encode(), HTML)))

    def describe(_request: Request) -> Answer:
        # A copy: FastAPI keeps its document, and the next artifact has other columns.
        return Answer(200, to_json(complete(copy.deepcopy(app.openapi()), router.source.current())))

    async def schema(request: WebRequest) -> Response:
        return to_web(router.respond(await read(request, settings.max_body_bytes), describe))

    app.add_api_route("/docs", docs, methods=["GET"], include_in_schema=False)
    app.add_api_route("/openapi.json", schema, methods=["GET"], include_in_schema=False)
    return app


async def read(request: WebRequest, max_body_bytes: int) -> Request:
    """Reads the framework's request; raises RequestError (413) where its body is too long."""
    # Where the client went away, nobody hears the answer.
    body = await read_body(request.receive, max_body_bytes) or b""
    return read_head(request.scope)._replace(raw_body=body)


def to_web(answer: Answer) -> Response:
    """Makes the framework's response of ours."""
    return Response(answer.body, answer.status, headers=dict(answer.headers))
