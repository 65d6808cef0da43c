"""The gate: its figures against numpy's, and that it notices a model that is off."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from export.build.pipeline import BuildOptions, build
from export.build.progress import Progress
from export.build.verify import (
    DOCUMENTS,
    QUERIES,
    Thresholds,
    cut_queries,
    fp32_encode,
    measure,
    sample_documents,
    verify_artifact,
)
from export.model.convert import convert
from export.model.source_model import find_model
from handler.artifact import Artifact
from handler.encoder import Encoder
from handler.errors import ArtifactError, ModelError, VerifyError
from handler.tokenizer import load_tokenizer

pytestmark = pytest.mark.usefixtures("use_tiny_cache")

FIGURES = {"cosine_mean": 0.99, "cosine_least": 0.95, "overlap": 0.9}


def test_figures_at_the_threshold_pass() -> None:
    Thresholds(0.99, 0.95, 0.9).check(FIGURES)


@pytest.mark.parametrize(
    ("thresholds", "sentence"),
    [
        (Thresholds(0.991, 0, 0), "cosine mean is 0.99, the least allowed is 0.991: lower"),
        (Thresholds(0, 0.96, 0), "cosine least is 0.95, the least allowed is 0.96: lower"),
        (Thresholds(0, 0, 1), "overlap is 0.9, the least allowed is 1: lower"),
        (Thresholds(1, 0, 1), "cosine mean is 0.99, the least allowed is 1; overlap is 0.9, the least"),
    ],
)
def test_whatever_falls_short_is_told(thresholds: Thresholds, sentence: str) -> None:
    with pytest.raises(VerifyError) as refused:
        thresholds.check(FIGURES)
    assert str(refused.value).startswith(f"the int8 model is too far from fp32: {sentence}")


def test_queries_are_runs_of_2_to_6_words(texts: list[str]) -> None:
    queries = cut_queries(texts)
    assert queries == cut_queries(texts)
    assert len(queries) == len(texts)
    for query, text in zip(queries, texts, strict=True):
        assert query in " ".join(text.split())
        assert min(2, len(text.split())) <= len(query.split()) <= 6
    assert {len(query.split()) for query in queries} >= {2, 3, 4, 5, 6}


def test_many_documents_are_sampled(tmp_path: Path) -> None:
    lines = [
        json.dumps({"id": str(row), "text": f"text {row}", "metadata": {}}) + "\n" for row in range(5000)
    ]
    (tmp_path / "documents.jsonl").write_text("".join(lines))
    np.save(tmp_path / "documents.offsets.npy", np.cumsum([0, *map(len, lines)], dtype=np.uint64))
    sampled = sample_documents(tmp_path)
    rows = [int(text.removeprefix("text ")) for text in sampled]
    assert len(rows) == DOCUMENTS
    assert (rows[0], rows[-1]) == (0, 4999)
    assert 12 <= np.diff(rows).min() <= np.diff(rows).max() <= 13
    assert len(cut_queries(sampled)) == QUERIES


def test_fp32_is_sentence_transformers(tiny_model: Path, tiny_artifact: Path, texts: list[str]) -> None:
    from sentence_transformers import SentenceTransformer

    expected = SentenceTransformer(str(tiny_model), device="cpu").encode(
        [f"storm {text}" for text in texts], normalize_embeddings=True
    )
    converted = convert(find_model(str(tiny_model), None, None)).folder
    ours = fp32_encode(converted, Encoder.load(tiny_artifact))(texts, "storm ")
    np.testing.assert_allclose(ours, expected, atol=2e-6)


class Worn:
    """An encoder's session, its answers pushed off by `size` times their own, a text of the same length always the same way."""

    def __init__(self, session: Any, size: float) -> None:
        self.session = session
        self.size = size

    def run(self, names: Any, feed: dict[str, NDArray[np.int64]]) -> list[NDArray[np.float32]]:
        (values,) = self.session.run(names, feed)
        push = (
            np.random.default_rng(len(values[0])).standard_normal(values.shape[-1]).astype(np.float32)
            * self.size
        )
        return [values + push * np.abs(values).mean()]


@pytest.fixture
def measured(tiny_model: Path, tiny_artifact: Path) -> Callable[[float], dict[str, Any]]:
    converted = convert(find_model(str(tiny_model), None, None)).folder

    def measure_worn(size: float) -> dict[str, Any]:
        encoder = Encoder.load(tiny_artifact)
        tokenizer = load_tokenizer(
            tiny_artifact / "tokenizer.json", Artifact.open(tiny_artifact).manifest.max_length
        )
        worn = Encoder(Worn(encoder._session, size), tokenizer, pooling="mean", dim=encoder.dim)
        return measure(tiny_artifact, converted, worn, "", "")

    return measure_worn


def test_a_model_that_is_off_is_noticed(
    measured: Callable[[float], dict[str, Any]], texts: list[str]
) -> None:
    good, worse, bad = measured(0), measured(0.5), measured(3)
    assert (good["documents"], good["queries"]) == (len(texts), len(texts))
    assert good["cosine_mean"] >= 0.999
    for name in FIGURES:
        assert 1 >= good[name] > worse[name] > bad[name]
    Thresholds().check(good)
    with pytest.raises(VerifyError, match=r"cosine mean .*; cosine least .*; overlap "):
        Thresholds().check(bad)


def test_an_artifact_is_verified_as_it_was_when_it_was_made(tiny_model: Path, tiny_artifact: Path) -> None:
    figures = verify_artifact(tiny_artifact, str(tiny_model), None, threads=2)
    assert figures == Artifact.open(tiny_artifact).manifest.verify


def test_a_folders_model_must_be_named(tiny_artifact: Path) -> None:
    with pytest.raises(ModelError, match=r"from the folder tiny-bert: say where it is with --model"):
        verify_artifact(tiny_artifact, None, None, threads=1)


def test_another_model_is_refused(tiny_artifact: Path) -> None:
    from export.model.source_model import default_folder

    with pytest.raises(ModelError, match=r"has SHA-256 53aa51172d.*, expected "):
        verify_artifact(tiny_artifact, str(default_folder()), None, threads=1)


def test_no_artifact(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"has no manifest\.json"):
        verify_artifact(tmp_path, None, None, threads=1)


@pytest.mark.parametrize("pooling", ["max", "cls"])
def test_another_pooling_is_measured_by_its_own(
    tiny_model: Path, corpus_file: Path, tmp_path: Path, pooling: str
) -> None:
    options = BuildOptions(
        corpus=str(corpus_file),
        text=["text"],
        model=str(tiny_model),
        pooling=pooling,
        query_prompt="storm ",
        document_prompt="a ",
        out=tmp_path / "out",
        thresholds=Thresholds(cosine_mean=0.999),
    )
    figures = build(options, Progress(quiet=True)).manifest.verify
    assert figures is not None
    assert figures == verify_artifact(tmp_path / "out", str(tiny_model), None, threads=1)
