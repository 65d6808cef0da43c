"""The searcher against a full sort over the stored embeddings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from handler.searcher import Hit, Searcher


@pytest.fixture(scope="module")
def searcher(artifact: Path) -> Searcher:
    return Searcher.load(artifact)


@pytest.mark.parametrize("k", [1, 5, 1000])
@pytest.mark.parametrize("query", ["europe climate change storm", "football", "a recipe with cheese"])
def test_as_a_full_sort(searcher: Searcher, artifact: Path, texts: list[str], query: str, k: int) -> None:
    embeddings = load_file(artifact / "embeddings.safetensors")["embeddings"]
    scores = embeddings.astype(np.float64) @ searcher.encoder.encode([query])[0].astype(np.float64)
    order = np.argsort(-scores, kind="stable")[:k].tolist()
    hits = searcher.search(query, k)
    assert [hit.index for hit in hits] == order
    assert [hit.text for hit in hits] == [texts[index] for index in order]
    np.testing.assert_allclose([hit.score for hit in hits], scores[order], atol=1e-6)


def test_a_document_finds_itself(searcher: Searcher, texts: list[str]) -> None:
    for index, text in enumerate(texts):
        assert searcher.search(text, 1)[0].index == index


def test_a_hit_is_whole(searcher: Searcher, texts: list[str]) -> None:
    (hit,) = searcher.search(texts[3], 1)
    assert isinstance(hit, Hit)
    assert (hit.id, hit.index, hit.text) == ("t3", 3, texts[3])
    assert set(hit.metadata) == {"topic"}
    assert hit.score == pytest.approx(1, abs=1e-5)


def test_a_score_has_no_more_digits_than_a_float32(searcher: Searcher) -> None:
    scores = [hit.score for hit in searcher.search("a storm over the sea", 20)]
    assert {type(score) for score in scores} == {float}
    assert [str(score) for score in scores] == [str(np.float32(score)) for score in scores]


def test_stored_vectors_are_what_the_encoder_gives(
    searcher: Searcher, artifact: Path, texts: list[str]
) -> None:
    stored = load_file(artifact / "embeddings.safetensors")["embeddings"]
    assert stored.tobytes() == searcher.encoder.encode(texts).tobytes()
