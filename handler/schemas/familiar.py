"""The models from which /openapi.json describes the routes in other APIs' shapes: routes/embed.py, openai_*, mcp.py."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, RootModel

from handler.schemas.about import Problem
from handler.schemas.similar import WHOLE, drop_default

_ABSENT: Any = None
_NOT_EMPTY = Field(min_length=1)
Text = Annotated[str, Field(min_length=1, pattern=r"\S")]


def _absent(description: str, **limits: Any) -> Any:
    """A field that may be left out, but not sent as null."""
    return Field(default=_ABSENT, json_schema_extra=drop_default, description=description, **limits)


class EmbedRequest(BaseModel):
    """Texts to embed, as text-embeddings-inference takes them."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"inputs": "storms in Europe"}]}
    )

    inputs: Annotated[str, _NOT_EMPTY] | Annotated[list[Annotated[str, _NOT_EMPTY]], _NOT_EMPTY]
    normalize: Annotated[Literal[True] | None, Field(description="The vectors are always of length 1.")] = (
        True
    )
    truncate: Annotated[
        bool | None,
        Field(description="Whether a text that is longer than the model reads is cut, or refused."),
    ] = False
    truncation_direction: Literal["Right"] | None = "Right"
    prompt_name: Annotated[
        Literal["query", "document"] | None,
        Field(description="The model's prompt that goes before each text."),
    ] = None
    dimensions: Annotated[
        Annotated[int, Field(ge=1), WHOLE] | None,
        Field(description="How many of a vector's first numbers are kept."),
    ] = None


class EmbedProblem(Problem):
    """An error, where clients of text-embeddings-inference look for it too."""

    error: Annotated[str, Field(description="The same as detail.")]
    error_type: Literal["Validation", "Backend"]


class OpenAIError(BaseModel):
    """An error in OpenAI's shape."""

    message: Annotated[str, Field(description="The same as detail.")]
    type: Literal["invalid_request_error", "server_error"]
    param: Annotated[str | None, Field(description="The same as field.")]
    code: str


class OpenAIProblem(Problem):
    """An error, where OpenAI's clients look for it too."""

    error: OpenAIError


class RpcError(BaseModel):
    """An error in JSON-RPC's shape."""

    code: Literal[-32000]
    message: Annotated[str, Field(description="The same as detail.")]


class RpcProblem(Problem):
    """An error, where clients of the Model Context Protocol look for it too."""

    jsonrpc: Literal["2.0"]
    id: None
    error: RpcError


class EmbeddingsRequest(BaseModel):
    """Texts, or lists of this model's token ids, as OpenAI's API takes them."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"input": "storms in Europe", "model": "any"}]}
    )

    input: (
        Annotated[str, _NOT_EMPTY]
        | Annotated[list[Annotated[str, _NOT_EMPTY]], _NOT_EMPTY]
        | Annotated[list[Annotated[int, Field(ge=0), WHOLE]], _NOT_EMPTY]
        | Annotated[list[Annotated[list[Annotated[int, Field(ge=0), WHOLE]], _NOT_EMPTY]], _NOT_EMPTY]
    )
    model: Annotated[str | None, Field(description="Any name: the artifact's model answers.")] = None
    encoding_format: Annotated[
        Literal["float", "base64"] | None, Field(description="Numbers, or base64 of little-endian float32.")
    ] = "float"
    dimensions: Annotated[
        Annotated[int, Field(ge=1), WHOLE] | None,
        Field(description="How many of a vector's first numbers are kept."),
    ] = None
    user: Annotated[str | None, Field(description="Not looked at.")] = None


class Embedding(BaseModel):
    """One vector."""

    object: Literal["embedding"]
    index: int
    embedding: list[float] | str


class Usage(BaseModel):
    """How many tokens the model read."""

    prompt_tokens: int
    total_tokens: int


class Embeddings(BaseModel):
    """A vector for each text, in their order."""

    object: Literal["list"]
    data: list[Embedding]
    model: str
    usage: Usage


class Model(BaseModel):
    """The artifact's model."""

    id: str
    object: Literal["model"]
    created: int
    owned_by: str


class Models(BaseModel):
    """The one model that there is."""

    object: Literal["list"]
    data: list[Model]


class HybridWeights(BaseModel):
    """The weights of meaning and words. With two of 0 the artifact's own share is used."""

    model_config = ConfigDict(extra="forbid")

    embedding_weight: Annotated[float, Field(ge=0, le=1e6)]
    text_weight: Annotated[float, Field(ge=0, le=1e6)]


class RankingOptions(BaseModel):
    """How documents are ranked."""

    model_config = ConfigDict(extra="forbid")

    ranker: Literal["none", "auto", "default-2024-11-15"] = _absent("Changes nothing: the ranking is exact.")
    score_threshold: Annotated[float | None, Field(ge=0, le=1, description="The least score.")] = None
    hybrid_search: HybridWeights | None = None


class StoreSearchRequest(BaseModel):
    """A search as OpenAI's vector stores take it."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"query": "storms in Europe"}]})

    query: Text | Annotated[list[Text], _NOT_EMPTY]
    filters: Annotated[
        dict[str, Any] | None,
        Field(
            description='{"type": "eq", "key": "year", "value": 2020}, or {"type": "and", "filters": [..]}'
        ),
    ] = None
    max_num_results: Annotated[int, Field(ge=1, le=50), WHOLE] = _absent("How many documents.")
    ranking_options: RankingOptions | None = None
    rewrite_query: bool = _absent("Not looked at: no query is rewritten.")


class Content(BaseModel):
    """A part of a document's text."""

    type: Literal["text"]
    text: str


class StoreResult(BaseModel):
    """One document."""

    file_id: Annotated[str, Field(description="The document's id.")]
    filename: str
    score: float
    attributes: Annotated[
        dict[str, Any], Field(description="Its metadata that are strings, numbers or booleans.")
    ]
    content: list[Content]


class StoreAnswer(BaseModel):
    """The best documents, best first."""

    object: Literal["vector_store.search_results.page"]
    search_query: list[str]
    data: list[StoreResult]
    has_more: bool
    next_page: str | None


class RpcMessage(BaseModel):
    """A JSON-RPC 2.0 message of the Model Context Protocol."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"jsonrpc": "2.0", "id": 1, "method": "tools/list"}]}
    )

    jsonrpc: Literal["2.0"]
    id: str | int | float = _absent("Without it the message is a notification, and nothing is answered.")
    method: str
    params: dict[str, Any] = _absent("What the method takes.")


class RpcMessages(RootModel[RpcMessage | Annotated[list[RpcMessage], Field(min_length=1)]]):
    """A message; with the version 2025-03-26 of the protocol, or without a version, also a list of them."""


class RpcAnswer(BaseModel):
    """The answer to a message: a result or an error."""

    jsonrpc: Literal["2.0"]
    id: str | int | float | None
    result: dict[str, Any] | None = None
    error: dict[str, Any] | None = None
