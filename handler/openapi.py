"""What /openapi.json says of each route of the table: summaries, requests, parameters and answers. It answers nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pydantic import BaseModel

from handler.manifest import MODES
from handler.named import NamedTuple
from handler.requests import KEY_HEADER
from handler.routes import OPEN_PATHS
from handler.routes.search import INCLUDED
from handler.schemas import about, familiar, search, similar
from handler.schemas import map as map_schemas

PROBLEM = "application/problem+json"
_TEXTS = {
    400: "Not JSON",
    403: "The API key is missing or wrong",
    404: "Nothing has this id",
    413: "Body too long",
    422: "Not a usable request, or an answer that is too long",
    500: "seeklet itself failed",
    503: "Overloaded, not ready, or the index can't answer: try again after the seconds of retry-after",
}
# Every route may answer them.
ANYWHERE = (500, 503)


class Documentation(NamedTuple):
    """What is said of one route.

    request and response are models; request is None where there is no body. parameters are OpenAPI's objects for the
    path's and the query's parameters. errors are the statuses of problems, beside ANYWHERE, and the 403 where a key is set.
    """

    summary: str
    response: type[BaseModel] | None
    request: type[BaseModel] | None = None
    errors: Sequence[int] = ()
    parameters: Sequence[Mapping[str, Any]] = ()
    responses: Mapping[int, Mapping[str, Any]] = MappingProxyType({})


def _parameter(name: str, schema: Mapping[str, Any], description: str) -> Mapping[str, Any]:
    return {"name": name, "in": "query", "schema": schema, "description": description}


def _in_path(name: str, description: str, **schema: Any) -> Mapping[str, Any]:
    schema = {"type": "string", "minLength": 1, **schema}
    return {"name": name, "in": "path", "required": True, "schema": schema, "description": description}


def _names(name: str, items: Mapping[str, Any], description: str) -> Mapping[str, Any]:
    """Documents a parameter that holds names with commas between them."""
    schema = {"type": "array", "items": items}
    return {**_parameter(name, schema, description), "style": "form", "explode": False}


SEARCH_PARAMETERS = (
    {**_parameter("q", {"type": "string", "minLength": 1, "pattern": r"\S"}, "The query."), "required": True},
    _parameter("k", {"type": "integer", "minimum": 1}, "How many documents."),
    _parameter(
        "offset",
        {"type": "integer", "minimum": 0, "maximum": 10**9},
        "How many of the best are left out before them.",
    ),
    _parameter("mode", {"enum": list(MODES)}, "By meaning and words, by meaning, or by words."),
    _parameter("share", {"type": "number", "minimum": 0, "maximum": 1}, "The weight of the words."),
    _parameter("min_score", {"type": "number", "minimum": -2, "maximum": 2}, "The least score."),
    {
        "name": "filter",
        "in": "query",
        "description": "Which documents may be found, as JSON.",
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Filter"}}},
    },
    _names("facets", {"type": "string"}, "Columns whose values are counted."),
    _names("include", {"enum": list(INCLUDED)}, "What a result holds beside id, index and score."),
    _parameter("exact", {"type": "boolean"}, "Whether every document is scored, where an index searches."),
)
DOCUMENT_ID = _in_path("document_id", "The document's id; slashes may stand as they are.")
MODEL_ID = _in_path("id", "The model's id, as the list has it; slashes may stand as they are.")
DOCUMENT_LINK = {
    "operationRef": "#/paths/~1documents~1{document_id}/get",
    "parameters": {"document_id": "$response.body#/documents/0/id"},
}
STORE_ID = _in_path("id", "Any: a function has one store.", pattern="^[^/]+$")
_PAGE: Mapping[int, Mapping[str, Any]] = {
    200: {"description": "The page", "content": {"text/html": {}}},
    304: {"description": "The browser has the page already"},
}

DOCUMENTED: Mapping[tuple[str, str], Documentation] = MappingProxyType(
    {
        ("POST", "/similar"): Documentation(
            "Finds the documents nearest to a text",
            similar.SimilarResponse,
            similar.SimilarRequest,
            (400, 413, 422),
        ),
        ("POST", "/search"): Documentation(
            "Searches, with filters, facets and paging",
            None,
            search.SearchRequest,
            (400, 404, 413, 422),
            responses={
                200: {"model": search.SearchAnswer | search.BatchAnswer, "description": "The best documents"}
            },
        ),
        ("GET", "/search"): Documentation(
            "Searches by a link, which caches keep",
            search.SearchAnswer,
            errors=(404, 422),
            parameters=SEARCH_PARAMETERS,
            responses={
                304: {"description": "The caller has this answer already"},
                400: {
                    "description": "The address is longer than the server reads: uvicorn's own answer",
                    "content": {"text/plain": {"schema": {"type": "string"}}},
                },
            },
        ),
        ("GET", "/documents/{document_id}"): Documentation(
            "Returns a document", search.Document, errors=(404, 422), parameters=[DOCUMENT_ID]
        ),
        ("POST", "/documents"): Documentation(
            "Returns several documents",
            search.Documents,
            search.DocumentsRequest,
            (400, 413, 422),
            responses={200: {"links": {"document": DOCUMENT_LINK}}},
        ),
        ("POST", "/embed"): Documentation(
            "Embeds texts, as text-embeddings-inference does",
            None,
            familiar.EmbedRequest,
            (400, 413, 422),
            responses={200: {"model": list[list[float]], "description": "A vector for each text"}},
        ),
        ("POST", "/v1/embeddings"): Documentation(
            "Embeds texts or tokens, as OpenAI's API does",
            familiar.Embeddings,
            familiar.EmbeddingsRequest,
            (400, 413, 422),
        ),
        ("GET", "/v1/models"): Documentation("Names the one model", familiar.Models),
        ("GET", "/v1/models/{id}"): Documentation(
            "Describes the one model", familiar.Model, errors=(404,), parameters=[MODEL_ID]
        ),
        ("POST", "/v1/vector_stores/{id}/search"): Documentation(
            "Searches, as OpenAI's vector stores do",
            familiar.StoreAnswer,
            familiar.StoreSearchRequest,
            (400, 413, 422),
            parameters=[STORE_ID],
        ),
        ("POST", "/mcp"): Documentation(
            "Answers an agent: the Model Context Protocol",
            None,
            familiar.RpcMessages,
            (403, 404, 413, 422),
            responses={
                200: {
                    "model": familiar.RpcAnswer | list[familiar.RpcAnswer],
                    "description": "An answer, or a list of them to a list of messages",
                },
                202: {"description": "A notification was taken"},
                400: {
                    "description": "No message, or a version that isn't known",
                    "content": {
                        "application/json": {
                            "schema": {
                                "anyOf": [
                                    {"$ref": "#/components/schemas/RpcAnswer"},
                                    {"type": "array", "items": {"$ref": "#/components/schemas/RpcAnswer"}},
                                    {"$ref": "#/components/schemas/RpcProblem"},
                                ]
                            }
                        }
                    },
                },
            },
        ),
        ("GET", "/health"): Documentation(
            "Says that this process can answer, and what it holds", about.Health
        ),
        ("GET", "/ready"): Documentation("Searches once", about.Ready),
        ("GET", "/info"): Documentation(
            "Describes the model, the corpus, its columns and the limits", about.Info
        ),
        ("GET", "/indexes"): Documentation(
            "Lists the function's indexes, whose routes are below /{name}/", about.Indexes
        ),
        ("GET", "/"): Documentation("Searches as one types, in a browser", None, responses=_PAGE),
        ("GET", "/map"): Documentation("Shows the corpus as a picture, in a browser", None, responses=_PAGE),
        ("GET", "/map/points"): Documentation(
            "Returns the documents' places on the map, and their colours by a column",
            map_schemas.Points,
            errors=(404, 422),
            parameters=map_schemas.PARAMETERS,
            responses={304: {"description": "The caller has this answer already"}},
        ),
    }
)


def describe(key: tuple[str, str], has_key: bool) -> dict[str, Any]:
    """Returns the arguments for FastAPI's `add_api_route` of a route: what is said of it."""
    documentation = DOCUMENTED[key]
    needs_key = has_key and key not in OPEN_PATHS
    errors = {*documentation.errors, *ANYWHERE, *((403,) if needs_key else ())}
    extra: dict[str, Any] = {"security": [{KEY_HEADER: []}]} if needs_key else {}
    if documentation.request is not None:
        schema = documentation.request.model_json_schema(ref_template="#/components/schemas/{model}")
        extra["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if documentation.parameters:
        extra["parameters"] = list(documentation.parameters)
    return {
        "summary": documentation.summary,
        "response_model": documentation.response,
        "responses": {
            **{status: _error(key[1], status) for status in sorted(errors)},
            **documentation.responses,
        },
        "openapi_extra": extra,
    }


def _error(path: str, status: int) -> dict[str, Any]:
    if path == "/similar":
        return {"model": similar.ErrorResponse, "description": _TEXTS[status]}
    name = "EmbedProblem" if path == "/embed" else "OpenAIProblem" if path.startswith("/v1/") else "Problem"
    kind = PROBLEM
    if path == "/mcp":
        name, kind = "RpcProblem", "application/json"
    schema = {"$ref": f"#/components/schemas/{name}"}
    return {"description": _TEXTS[status], "content": {kind: {"schema": schema}}}
