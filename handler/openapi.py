"""What /openapi.json says of each route of the table: summaries, requests, parameters and answers. It answers nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic import BaseModel

from handler.schemas import about, similar

PROBLEM = "application/problem+json"
_TEXTS = {
    400: "Not JSON",
    403: "The API key is missing or wrong",
    404: "Nothing has this id",
    413: "Body too long",
    422: "Not a usable request, or an answer that is too long",
    503: "Not ready",
}


class Documentation(NamedTuple):
    """What is said of one route.

    request and response are models; request is None where there is no body. parameters are OpenAPI's objects for the
    path's and the query's parameters. errors are the statuses of problems, beside the 403 where a key is set.
    """

    summary: str
    response: type[BaseModel] | None
    request: type[BaseModel] | None = None
    errors: Sequence[int] = ()
    parameters: Sequence[Mapping[str, Any]] = ()
    responses: Mapping[int, Mapping[str, Any]] = MappingProxyType({})


DOCUMENTED: Mapping[tuple[str, str], Documentation] = MappingProxyType(
    {
        ("POST", "/similar"): Documentation(
            "Finds the documents nearest to a text",
            similar.SimilarResponse,
            similar.SimilarRequest,
            (400, 413, 422),
        ),
        ("GET", "/health"): Documentation(
            "Says that this process can answer, and what it holds", about.Health
        ),
        ("GET", "/ready"): Documentation("Searches once", about.Ready, errors=(503,)),
        ("GET", "/info"): Documentation(
            "Describes the model, the corpus, its columns and the limits", about.Info
        ),
    }
)


def describe(key: tuple[str, str], has_key: bool) -> dict[str, Any]:
    """Returns the arguments for FastAPI's `add_api_route` of a route: what is said of it."""
    documentation = DOCUMENTED[key]
    errors = (*documentation.errors, 403) if has_key else documentation.errors
    extra: dict[str, Any] = {}
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
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": _TEXTS[status], "content": {PROBLEM: {"schema": schema}}}
