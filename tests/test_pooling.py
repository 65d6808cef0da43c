"""Pooling against sentence-transformers' own module."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sentence_transformers.sentence_transformer.modules import Pooling

from handler.pooling import POOLINGS, l2_normalize


@pytest.mark.parametrize("mode", sorted(POOLINGS))
@pytest.mark.parametrize("tokens", [1, 2, 7, 256])
def test_as_sentence_transformers(mode: str, tokens: int) -> None:
    token_embeddings = np.random.default_rng(tokens).normal(size=(tokens, 384)).astype(np.float32)
    features = {
        "token_embeddings": torch.from_numpy(token_embeddings)[None],
        "attention_mask": torch.ones(1, tokens, dtype=torch.int64),
    }
    expected = Pooling(384, pooling_mode=mode)(features)["sentence_embedding"][0].numpy()
    np.testing.assert_allclose(POOLINGS[mode](token_embeddings), expected, rtol=1e-5, atol=1e-6)


def test_the_poolings_differ() -> None:
    token_embeddings: NDArray[np.float32] = np.array([[1, -4], [3, 0]], np.float32)
    assert {mode: pool(token_embeddings).tolist() for mode, pool in POOLINGS.items()} == {
        "mean": [2, -2],
        "max": [3, 0],
        "cls": [1, -4],
    }


def test_normalize() -> None:
    assert l2_normalize(np.array([3, 4], np.float32)).tolist() == pytest.approx([0.6, 0.8])


def test_a_zero_vector_stays_zero() -> None:
    assert l2_normalize(np.zeros(3, np.float32)).tolist() == [0, 0, 0]
