"""The models from which /openapi.json describes POST /similar: routes/similar.py reads and writes it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from handler.routes.similar import DEFAULT_RESULTS

# Of a field that may be left out, but not sent as null.
_ABSENT: Any = None


def to_whole(value: Any) -> Any:
    """Returns 5 for 5.0, which JSON Schema takes for an integer too."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


# After the limits: pydantic leaves those out of the schema that come after it.
WHOLE = BeforeValidator(to_whole)


def drop_default(schema: dict[str, Any]) -> None:
    """Leaves the default out: it is no value that a request may send."""
    schema.pop("default", None)


class SimilarRequest(BaseModel):
    """A query in words."""

    model_config = ConfigDict(
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [{"text": "europe climate change storm", "num_results": 5}],
            "allOf": [
                {
                    "if": {"required": ["share"]},
                    "then": {"required": ["mode"], "properties": {"mode": {"const": "hybrid"}}},
                },
                {
                    "if": {"required": ["matches"], "properties": {"matches": {"const": True}}},
                    "then": {"required": ["mode"]},
                },
            ],
        },
    )

    text: Annotated[str, Field(min_length=1, pattern=r"\S", description="The query, in words; not blank.")]
    num_results: Annotated[
        int,
        Field(ge=1, description="How many documents to return; a smaller corpus gives fewer."),
        WHOLE,
    ] = DEFAULT_RESULTS
    mode: Literal["hybrid", "semantic", "keyword"] = Field(
        default=_ABSENT,
        json_schema_extra=drop_default,
        description='By meaning and words ("hybrid"), meaning alone ("semantic"), or words alone ("keyword"). '
        "Without it: meaning alone, and results without cosine and keyword.",
    )
    share: float = Field(
        default=_ABSENT,
        ge=0,
        le=1,
        json_schema_extra=drop_default,
        description='The weight of the words in the mode "hybrid", which must be sent too. Without it: the artifact\'s.',
    )

    matches: Annotated[
        bool,
        Field(description="Whether the results say which words matched, and where. A mode must be sent too."),
    ] = False

    @model_validator(mode="after")
    def _fields_of_a_mode(self) -> Self:
        if "share" in self.model_fields_set and self.mode != "hybrid":
            raise ValueError("share is for the mode hybrid")
        if self.matches and self.mode is None:
            raise ValueError("matches are part of the answer in a mode")
        return self


class Match(BaseModel):
    """A word of a document that stands for a term of the query."""

    term: Annotated[str, Field(description="The query's word for it.")]
    start: Annotated[int, Field(description="Where it begins in the document's text, in code points.")]
    end: int


class Passage(BaseModel):
    """A part of a document's text."""

    start: Annotated[int, Field(description="Where it begins, in code points from 0.")]
    end: Annotated[int, Field(description="Where it ends: the first code point after it.")]


class Result(BaseModel):
    """One document."""

    id: Annotated[str, Field(description="The document's id in the corpus.")]
    index: Annotated[int, Field(description="The document's place in the corpus, from 0.")]
    score: Annotated[
        float,
        Field(
            description="Higher is better. Cosine of query and document, -1 to 1; in the mode hybrid "
            "(1 - share) * cosine + share * keyword; in the mode keyword the keyword part."
        ),
    ]
    text: str
    metadata: dict[str, Any]
    passage: Annotated[
        Passage | None,
        Field(description="The part that the score is of; only where documents are cut into passages."),
    ] = None
    cosine: Annotated[float | None, Field(description="Only where a mode was asked for.")] = None
    keyword: Annotated[
        float | None, Field(description="The keyword part, 0 to 1; only where a mode was asked for.")
    ] = None
    matches: Annotated[list[Match], Field(description="Only where matches were asked for.")] = []


class SimilarResponse(BaseModel):
    """The documents nearest to the query, best first."""

    text: Annotated[list[str], Field(description='Each as "Item:<text> (index: <index> score:<score>)".')]
    results: list[Result]


class ErrorDetail(BaseModel):
    """What was wrong, for programs (code, field) and for people (message)."""

    code: str
    message: str
    field: str | None


class ErrorResponse(BaseModel):
    """The shape of POST /similar's errors."""

    error: ErrorDetail
