"""The models from which /openapi.json describes GET /health, /ready and /info, and the errors of all new routes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field


class Health(BaseModel):
    """What this process serves."""

    status: str
    documents: Annotated[int, Field(description="Documents in the corpus.")]
    model_id: str
    revision: str
    dim: Annotated[int, Field(description="Dimensions of an embedding.")]
    release: Annotated[str | None, Field(description="The release's id, where a pointer names it.")]


class Ready(BaseModel):
    """A search has just worked."""

    status: Literal["ready"]
    documents: int


class Index(BaseModel):
    """One of several indexes of the function."""

    name: Annotated[str, Field(description="The first part of its paths: /{name}/search.")]
    default: Annotated[bool, Field(description="Whether paths without a name are answered from it.")]
    loaded: bool
    documents: Annotated[int | None, Field(description="Null while it isn't loaded.")]
    release: str | None


class Indexes(BaseModel):
    """The indexes of INDEXES; none in a function over one artifact."""

    indexes: list[Index]


class Problem(BaseModel):
    """An error, as RFC 9457 has it."""

    type: Literal["about:blank"]
    title: Annotated[str, Field(description="The status in words.")]
    status: int
    detail: Annotated[str, Field(description="What was wrong, and what to do: a sentence for people.")]
    code: Annotated[str, Field(description="What was wrong: a stable name for programs.")]
    field: Annotated[str | None, Field(description="The field at fault, or null.")]


class Limits(BaseModel):
    """What one request may hold, and its answer."""

    max_results: int
    max_text_length: Annotated[int, Field(description="Characters.")]
    max_batch: Annotated[int, Field(description="Queries or texts of one request.")]
    max_body_bytes: int
    max_response_bytes: int


class Refused(BaseModel):
    """A release that could not be used. The log says why."""

    id: Annotated[str | None, Field(description="Null where the pointer itself could not be read.")]
    at: str


class Release(BaseModel):
    """The release that is served."""

    id: Annotated[str, Field(description="The first 16 hex digits of its manifest's SHA-256.")]
    loaded: Annotated[str, Field(description="When this process loaded it, UTC.")]
    refused: Annotated[Refused | None, Field(description="The last release that was refused.")]


class Info(BaseModel):
    """The model, the corpus, the artifact and the limits."""

    version: str
    format_version: int
    model_id: str
    revision: str
    pooling: str
    normalize: bool
    max_length: Annotated[int, Field(description="Tokens after which a query is cut.")]
    dim: int
    dtype: str
    documents: int
    rows: Annotated[int, Field(description="Stored embeddings: passages, or else documents.")]
    passages: dict[str, int] | None
    modes: Annotated[list[Literal["hybrid", "semantic", "keyword"]], Field(description="The default first.")]
    share: Annotated[float | None, Field(description="The keywords' share of a hybrid score.")]
    language: str | None
    engine: Annotated[
        dict[str, Any], Field(description="What searches: its name, and how much of the nearest it finds.")
    ]
    columns: Annotated[list[dict[str, Any]], Field(description="What filters and facets may name.")]
    map: dict[str, Any] | None
    verify: Annotated[dict[str, Any] | None, Field(description="Figures of the int8 model against fp32.")]
    release: Annotated[Release | None, Field(description="What is served, where a pointer names it.")]
    limits: Limits
    mcp: bool
