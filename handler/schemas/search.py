"""The models from which /openapi.json describes the searches and the documents: routes/search.py and documents.py."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from handler.routes.search import DEFAULT_K
from handler.schemas.similar import WHOLE, Match, Passage, drop_default

# Of a field that may be left out, but not sent as null.
_ABSENT: Any = None
Mode = Literal["hybrid", "semantic", "keyword"]
Included = Literal["text", "metadata", "embedding", "highlights", "explain"]
Text = Annotated[str, Field(min_length=1, pattern=r"\S")]


class SearchRequest(BaseModel):
    """What is searched for: one of query, queries and like."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [{"query": "europe climate change storm", "k": 5}],
            "oneOf": [{"required": ["query"]}, {"required": ["queries"]}, {"required": ["like"]}],
        },
    )

    query: Text = Field(
        default=_ABSENT, json_schema_extra=drop_default, description="A query in words; not blank."
    )
    queries: list[Text] = Field(
        default=_ABSENT,
        json_schema_extra=drop_default,
        min_length=1,
        description="Several queries, which are worked together. The answer is a list in their order.",
    )
    like: str = Field(
        default=_ABSENT,
        json_schema_extra=drop_default,
        description="The id of a document: the documents most like it are found.",
    )
    k: Annotated[int, Field(ge=1, description="How many documents to return."), WHOLE] = DEFAULT_K
    offset: Annotated[
        int, Field(ge=0, le=10**9, description="How many of the best are left out before them."), WHOLE
    ] = 0
    mode: Mode = Field(
        default=_ABSENT,
        json_schema_extra=drop_default,
        description="By meaning and words, by meaning alone, or by words alone. Without it: the first of /info's modes.",
    )
    share: float = Field(
        default=_ABSENT,
        ge=0,
        le=1,
        json_schema_extra=drop_default,
        description="The weight of the words in the mode hybrid. Without it: the artifact's.",
    )
    min_score: float = Field(
        default=_ABSENT,
        ge=-2,
        le=2,
        json_schema_extra=drop_default,
        description="Only documents of this score or a higher one.",
    )
    filter: dict[str, Any] = Field(
        default=_ABSENT,
        json_schema_extra=drop_default,
        description='Only documents whose metadata pass: {"year": {"$gte": 2019}, "section": "science"}.',
    )
    facets: list[str] = Field(
        default=_ABSENT,
        json_schema_extra=drop_default,
        description="Columns whose values are counted over all documents that match.",
    )
    include: Annotated[
        list[Included], Field(description="What a result holds beside id, index and score.")
    ] = ["text", "metadata"]
    exact: Annotated[
        bool, Field(description="Whether every document is scored, where a database searches by an index.")
    ] = False


class Explanation(BaseModel):
    """The parts of a score: (1 - share) * cosine + share * keyword in the mode hybrid."""

    cosine: float | None
    keyword: float | None
    share: float | None


class SearchResult(BaseModel):
    """One document."""

    id: str
    index: Annotated[int, Field(description="Its place in the corpus, from 0.")]
    score: Annotated[float, Field(description="Higher is better.")]
    text: Annotated[str | None, Field(description="Where include has text.")] = None
    metadata: Annotated[dict[str, Any] | None, Field(description="Where include has metadata.")] = None
    passage: Annotated[Passage | None, Field(description="Only where documents are cut into passages.")] = (
        None
    )
    highlights: Annotated[list[Match] | None, Field(description="Where include has highlights.")] = None
    explain: Annotated[Explanation | None, Field(description="Where include has explain.")] = None
    embedding: Annotated[list[float] | None, Field(description="Where include has embedding.")] = None


class FacetValue(BaseModel):
    """A value of a column, and how many of the documents that match have it."""

    value: Any
    count: int


class SearchAnswer(BaseModel):
    """The best documents, best first."""

    results: list[SearchResult]
    total: Annotated[int, Field(description="How many documents match.")]
    mode: Mode
    share: float | None
    k: int
    offset: int
    facets: Annotated[
        dict[str, list[FacetValue]] | None, Field(description="Where facets were asked for.")
    ] = None


class BatchAnswer(BaseModel):
    """An answer for each query, in their order."""

    answers: list[SearchAnswer]


class DocumentsRequest(BaseModel):
    """Which documents: by their ids, or by their places in the corpus."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={"oneOf": [{"required": ["ids"]}, {"required": ["indexes"]}]},
    )

    ids: list[str] = Field(default=_ABSENT, json_schema_extra=drop_default, min_length=1)
    indexes: list[Annotated[int, Field(ge=0, le=10**9), WHOLE]] = Field(
        default=_ABSENT, json_schema_extra=drop_default, min_length=1
    )


class Document(BaseModel):
    """One document of the corpus."""

    id: str
    index: int
    text: str
    metadata: dict[str, Any]


class Documents(BaseModel):
    """The documents in the order that was asked for; null where there is none."""

    documents: list[Document | None]
