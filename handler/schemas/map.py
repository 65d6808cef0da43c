"""The models from which /openapi.json describes GET /map/points."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, Field

PARAMETERS: tuple[dict[str, Any], ...] = (
    {
        "name": "color",
        "in": "query",
        "description": "A column: the answer then has a code for each document.",
        "schema": {"type": "string"},
    },
    {
        "name": "indexes",
        "in": "query",
        "description": "Documents' indexes with commas between them: the answer has these documents alone.",
        "schema": {"type": "array", "items": {"type": "integer", "minimum": 0}, "minItems": 1},
        "style": "form",
        "explode": False,
        "example": [0, 1],
    },
)


class Color(BaseModel):
    """What a column says of the documents."""

    column: str
    type: Annotated[str, Field(description="Of the column's values.")]
    labels: Annotated[list[str], Field(description="What each code means.")]
    counts: Annotated[list[int], Field(description="How many documents of the corpus have each code.")]
    other: Annotated[int | None, Field(description="The code of all values that have none of their own.")]
    none: Annotated[int, Field(description="Documents without a value.")]
    codes: Annotated[str, Field(description="Base64: a byte for each document, 255 for one without a value.")]


class Points(BaseModel):
    """The places of documents on the map."""

    count: Annotated[int, Field(description="Documents in the corpus.")]
    points: Annotated[
        str, Field(description="Base64: x and y of each document, uint16, little-endian; y points up.")
    ]
    indexes: Annotated[
        str | None,
        Field(
            description="Base64: the documents' indexes, uint32, little-endian. Null: all, in the corpus's order."
        ),
    ]
    color: Color | None
