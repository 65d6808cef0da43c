"""The fp32 encoder against sentence-transformers, which runs the same weights in torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from export.model.convert import convert
from export.model.fp32 import Fp32Encoder
from export.model.source_model import find_model
from handler.errors import ArtifactError
from handler.tokenizer import load_tokenizer


@pytest.fixture(scope="module")
def converted(tiny_model: Path, tiny_cache: Path) -> Path:
    """The tiny model's conversion."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SEEKLET_CACHE", str(tiny_cache))
        return convert(find_model(str(tiny_model), None, None)).folder


def load(converted: Path, pooling: str = "mean", threads: int = 1) -> Fp32Encoder:
    return Fp32Encoder(
        converted / "fp32.onnx", load_tokenizer(converted / "tokenizer.json", 24), pooling, threads
    )


def test_vectors_are_sentence_transformers(tiny_model: Path, converted: Path, texts: list[str]) -> None:
    from sentence_transformers import SentenceTransformer

    prompt = "storm "
    expected = SentenceTransformer(str(tiny_model), device="cpu").encode(
        texts, prompt=prompt, normalize_embeddings=True
    )
    found = load(converted, threads=2).encode(texts, prompt)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=2e-6)
    # The prompt and the pooling matter, so that the line above can fail.
    for other in (load(converted).encode(texts), load(converted, "cls").encode(texts, prompt)):
        assert np.abs(other - expected).max() > 0.01


def test_threads_dont_change_a_bit(converted: Path, texts: list[str]) -> None:
    assert np.array_equal(load(converted).encode(texts), load(converted, threads=3).encode(texts))


def test_no_texts_give_no_vectors(converted: Path) -> None:
    assert load(converted).encode([]).shape == (0, 32)


def test_a_damaged_graph_is_named(converted: Path, tmp_path: Path) -> None:
    path = tmp_path / "fp32.onnx"
    path.write_bytes(b"not a graph")
    tokenizer = load_tokenizer(converted / "tokenizer.json", 24)
    with pytest.raises(ArtifactError, match=r"fp32.onnx can't be loaded as an ONNX model"):
        Fp32Encoder(path, tokenizer, "mean")
