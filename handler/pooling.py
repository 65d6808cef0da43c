"""Pooling: one text's token embeddings to one vector.

A text always runs alone and unpadded, so every row is a real token and no attention mask is needed.
The poolings are those of Reimers and Gurevych, "Sentence-BERT" (2019), section 3.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
# What a model may have after the pooling: one vector to another.
Layer = Callable[[FloatArray], FloatArray]


def mean_pool(token_embeddings: FloatArray) -> FloatArray:
    """Returns the mean over the tokens. (t, d) float32 -> (d,) float32."""
    mean: FloatArray = np.add.reduce(token_embeddings, axis=0) / np.float32(len(token_embeddings))
    return mean


def max_pool(token_embeddings: FloatArray) -> FloatArray:
    """Returns the largest value of each dimension over the tokens. (t, d) float32 -> (d,) float32."""
    largest: FloatArray = np.maximum.reduce(token_embeddings, axis=0)
    return largest


def cls_pool(token_embeddings: FloatArray) -> FloatArray:
    """Returns the first token's embedding, [CLS] in BERT. (t, d) float32 -> (d,) float32."""
    first: FloatArray = token_embeddings[0]
    return first


POOLINGS: Mapping[str, Callable[[FloatArray], FloatArray]] = MappingProxyType(
    {"mean": mean_pool, "max": max_pool, "cls": cls_pool}
)


def l2_normalize(vector: FloatArray) -> FloatArray:
    """Scales a vector to length 1; a zero vector stays zero. (d,) float32 -> (d,) float32."""
    length = np.sqrt(vector.dot(vector))
    return vector / length if length > 0 else vector
