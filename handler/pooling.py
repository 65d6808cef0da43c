"""Pooling: one text's token embeddings to one vector.

A text is always run alone and unpadded, so there is no attention mask here: every row is a real token.
Pooling as in Reimers and Gurevych, "Sentence-BERT" (2019), section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]


def mean_pool(token_embeddings: Vector) -> Vector:
    """Mean over the tokens. (t, d) float32 -> (d,) float32."""
    mean: Vector = np.add.reduce(token_embeddings, axis=0) / np.float32(len(token_embeddings))
    return mean


def max_pool(token_embeddings: Vector) -> Vector:
    """Largest value of each dimension over the tokens. (t, d) float32 -> (d,) float32."""
    largest: Vector = np.maximum.reduce(token_embeddings, axis=0)
    return largest


def cls_pool(token_embeddings: Vector) -> Vector:
    """The first token's embedding, [CLS] in BERT. (t, d) float32 -> (d,) float32."""
    first: Vector = token_embeddings[0]
    return first


POOLINGS: Mapping[str, Callable[[Vector], Vector]] = MappingProxyType(
    {"mean": mean_pool, "max": max_pool, "cls": cls_pool}
)


def l2_normalize(vector: Vector) -> Vector:
    """The vector at length 1; a zero vector stays zero. (d,) float32 -> (d,) float32."""
    length = np.sqrt(vector.dot(vector))
    return vector / length if length > 0 else vector
