"""The models from which /openapi.json and /docs describe what requests.py reads and responses.py writes."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from handler.requests import DEFAULT_RESULTS


class SimilarRequest(BaseModel):
    """A query in words."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"examples": [{"text": "europe climate change storm", "num_results": 5}]},
    )

    text: Annotated[str, Field(min_length=1, pattern=r"\S", description="The query, in words; not blank.")]
    num_results: Annotated[
        int,
        Field(ge=1, description="How many documents to return; a smaller corpus gives fewer."),
    ] = DEFAULT_RESULTS


class Result(BaseModel):
    """One document."""

    id: Annotated[str, Field(description="The document's id in the corpus.")]
    index: Annotated[int, Field(description="The document's row, from 0.")]
    score: Annotated[float, Field(description="Cosine of query and document, -1 to 1; higher is nearer.")]
    text: str
    metadata: dict[str, Any]


class SimilarResponse(BaseModel):
    """The documents nearest to the query, best first."""

    text: Annotated[list[str], Field(description='Each as "Item:<text> (index: <index> score:<score>)".')]
    results: list[Result]


class Health(BaseModel):
    """What this process serves."""

    status: str
    documents: Annotated[int, Field(description="Documents in the corpus.")]
    model_id: str
    revision: str
    dim: Annotated[int, Field(description="Dimensions of an embedding.")]


class ErrorDetail(BaseModel):
    """What was wrong, for programs (code, field) and for people (message)."""

    code: str
    message: str
    field: str | None


class ErrorResponse(BaseModel):
    """The one shape of every error."""

    error: ErrorDetail
