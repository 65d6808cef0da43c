"""What the routes that embed share: checks of their texts, vectors of another length or width, and vectors as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from handler.fields import check_list, check_unicode, invalid
from handler.hits import shortest
from handler.json_types import json_type
from handler.pooling import l2_normalize

if TYPE_CHECKING:
    from handler.settings import Settings


def check_texts(name: str, value: object, settings: Settings) -> list[str]:
    """Returns a text, or a list of texts, as a list; raises RequestError (422) that names the one at fault."""
    if isinstance(value, str):
        return [_check_text(name, value, settings)]
    texts = check_list(name, value, settings.max_batch, "texts")
    return [_check_text(f"{name}[{i}]", text, settings) for i, text in enumerate(texts)]


def _check_text(name: str, value: object, settings: Settings) -> str:
    if not isinstance(value, str):
        raise invalid(name, f"{name} is {json_type(value)}, not a string")
    if not value:
        raise invalid(name, f"{name} is empty: send a text")
    if len(value) > settings.max_text_length:
        raise invalid(
            name, f"{name} has {len(value):,} characters: send at most {settings.max_text_length:,}"
        )
    return check_unicode(name, value)


def cut(vectors: NDArray[np.float32], dimensions: int | None) -> NDArray[np.float32]:
    """Keeps the first dimensions of each vector, and makes them of length 1 again. (n, dim) -> (n, dimensions)."""
    if dimensions is None or dimensions == vectors.shape[1]:
        return vectors
    kept: NDArray[np.float32] = np.stack([l2_normalize(vector[:dimensions]) for vector in vectors])
    return kept


def to_lists(vectors: NDArray[np.float32]) -> Sequence[list[float]]:
    """Returns each vector as a list of numbers in their shortest form."""
    return [[shortest(value) for value in vector] for vector in vectors]
