"""The encoder against sentence-transformers in fp32, and against itself in every order."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
from damage import without_wordpieces
from sentence_transformers import SentenceTransformer

from export.model.places import default_folder
from handler.artifact import Artifact
from handler.encoder import Encoder
from handler.errors import ArtifactError


@pytest.fixture(scope="module")
def encoder(artifact: Path) -> Encoder:
    return Encoder.load(artifact)


def many_lengths(texts: list[str]) -> list[str]:
    """120 texts of 1 to 600 words, cut from the corpus run together."""
    chooser = random.Random(7)
    words = " ".join(texts).split()
    lengths = [chooser.randint(1, 12) for _ in range(60)] + [chooser.randint(1, 600) for _ in range(60)]
    made = []
    for length in lengths:
        chooser.shuffle(words)
        made.append(" ".join((words * 2)[:length]))
    return made


def test_faithful_to_sentence_transformers(encoder: Encoder, texts: list[str]) -> None:
    queries = many_lengths(texts) + texts
    expected = SentenceTransformer(str(default_folder()), device="cpu").encode(
        queries, normalize_embeddings=True
    )
    cosines = (encoder.encode(queries) * expected).sum(axis=1)
    # .9990 here. ONNX Runtime's own quantize_dynamic, without what export/graph/ does, gives .991.
    assert cosines.mean() >= 0.998
    assert cosines.min() >= 0.96


def test_the_same_bytes_alone_in_a_batch_in_any_order_and_on_threads(
    artifact: Path, encoder: Encoder, texts: list[str]
) -> None:
    queries = many_lengths(texts)[::3] + texts[:20]
    together = encoder.encode(queries)
    alone = np.concatenate([encoder.encode([query]) for query in queries])
    backwards = encoder.encode(queries[::-1])[::-1]
    threaded = Encoder.load(artifact, threads=3).encode(queries)
    for other in (alone, backwards, threaded):
        assert other.tobytes() == together.tobytes()


def test_shape_dtype_and_length(encoder: Encoder) -> None:
    embeddings = encoder.encode(["storm", "a much longer text about something else"])
    assert embeddings.shape == (2, encoder.dim)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-6)
    assert encoder.encode([]).shape == (0, encoder.dim)


def test_a_prompt_goes_before_the_text(encoder: Encoder) -> None:
    assert encoder.encode(["storm"], "query: ").tobytes() == encoder.encode(["query: storm"]).tobytes()
    assert encoder.encode(["storm"], "query: ").tobytes() != encoder.encode(["storm"]).tobytes()


def test_a_long_text_is_cut_and_counted(encoder: Encoder, artifact: Path) -> None:
    max_length = Artifact.open(artifact).manifest.max_length
    encoded = encoder.encode_counted(["storm " * 5000, "storm " * (max_length - 2), "storm"])
    assert encoded.tokens.tolist() == [max_length, max_length, 3]
    assert encoded.truncated.tolist() == [True, False, False]
    assert encoded.embeddings[0].tobytes() == encoded.embeddings[1].tobytes()


def test_a_single_text_must_be_in_a_list(encoder: Encoder) -> None:
    with pytest.raises(TypeError, match="wrap a single one in a list"):
        encoder.encode("storm")


@pytest.mark.parametrize("name", ["model.onnx", "tokenizer.json"])
def test_a_damaged_file_is_named(own_artifact: Path, name: str) -> None:
    without_wordpieces(own_artifact)
    path = own_artifact / name
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(ArtifactError, match=rf"{name} can't be loaded .*run `seeklet export` again"):
        Encoder.load(own_artifact)
