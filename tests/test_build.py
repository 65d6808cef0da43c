"""An export from end to end, on a tiny model: complete and faithful to the corpus."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from exports import DIM, Export
from safetensors.numpy import load_file
from texts import TEXTS
from tiny import MAX_LENGTH

from export.model.convert import versions
from handler.artifact import Artifact
from handler.encoder import Encoder
from handler.errors import OptionError
from handler.searcher import Searcher

pytestmark = pytest.mark.usefixtures("use_tiny_cache")


def test_the_artifact_is_complete(tiny_artifact: Path, tiny_model: Path, texts: list[str]) -> None:
    manifest = Artifact.open(tiny_artifact).manifest
    names = {path.name for path in tiny_artifact.iterdir()}
    assert names == {
        "model.onnx",
        "model.onnx.data",
        "tokenizer.json",
        "wordpieces.json",
        "embeddings.safetensors",
        "documents.jsonl",
        "documents.offsets.npy",
        "documents.tokens.npy",
        "keywords.safetensors",
        "columns.safetensors",
        "ids.safetensors",
        "map.safetensors",
        "manifest.json",
    }
    assert set(manifest.files) == names - {"manifest.json"}
    for name, entry in manifest.files.items():
        data = (tiny_artifact / name).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (entry.bytes, entry.sha256)
    weights = hashlib.sha256((tiny_model / "model.safetensors").read_bytes()).hexdigest()
    assert (manifest.model_id, manifest.revision, manifest.weights_sha256) == ("tiny-bert", "local", weights)
    assert (manifest.pooling, manifest.normalize, manifest.max_length) == ("mean", True, MAX_LENGTH)
    assert (manifest.query_prompt, manifest.document_prompt) == ("", "")
    assert (manifest.dim, manifest.dtype, manifest.count, manifest.skipped) == (DIM, "int8", len(texts), 0)
    assert set(manifest.versions) == set(versions())
    assert manifest.verify is not None
    assert manifest.verify["cosine_mean"] >= 0.99
    assert manifest.verify["documents"] == len(texts)


def test_files_are_for_everyone_to_read(tiny_artifact: Path) -> None:
    assert {path.stat().st_mode & 0o777 for path in tiny_artifact.iterdir()} == {0o644}
    assert tiny_artifact.stat().st_mode & 0o777 == 0o755


def test_embeddings_are_the_encoders_in_the_corpuss_order(
    export: Export, corpus_file: Path, tmp_path: Path, texts: list[str]
) -> None:
    export(corpus_file, tmp_path / "out", dtype="float32")
    tensors = load_file(tmp_path / "out" / "embeddings.safetensors")
    assert list(tensors) == ["embeddings"]
    encoder = Encoder.load(tmp_path / "out")
    assert tensors["embeddings"].tobytes() == encoder.encode(texts).tobytes()
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    assert tensors["embeddings"].tobytes() == alone.tobytes()


def test_documents_are_the_corpuss(tiny_artifact: Path) -> None:
    documents = Searcher.load(tiny_artifact).local.documents
    assert [(d.id, d.text, d.metadata) for d in (documents[row] for row in range(len(documents)))] == [
        (f"t{row}", text.text, {"topic": text.topic}) for row, text in enumerate(TEXTS)
    ]


def test_prompts_lengths_and_pooling_of_ones_own(export: Export, corpus_file: Path, tmp_path: Path) -> None:
    options = {"query_prompt": "q ", "document_prompt": "storm ", "max_length": 10, "pooling": "max"}
    export(corpus_file, tmp_path / "out", dtype="float32", **options)
    manifest = Artifact.open(tmp_path / "out").manifest
    assert {name: getattr(manifest, name) for name in options} == options
    stored = load_file(tmp_path / "out" / "embeddings.safetensors")["embeddings"]
    encoder = Encoder.load(tmp_path / "out")
    assert (encoder.pooling, len(encoder.tokenizer.encode("storm " * 99).ids)) == ("max", 10)
    lines = (tmp_path / "out" / "documents.jsonl").read_text(encoding="utf-8").splitlines()
    assert (
        stored.tobytes() == encoder.encode([json.loads(line)["text"] for line in lines], "storm ").tobytes()
    )


@pytest.mark.parametrize("side", ["query", "document"])
def test_a_prompt_that_leaves_no_room_is_refused(
    export: Export, corpus_file: Path, tmp_path: Path, side: str
) -> None:
    with pytest.raises(OptionError, match=r"the prompt 'storm storm .*' has 10 tokens with the special ones"):
        export(corpus_file, tmp_path / "out", max_length=10, **{f"{side}_prompt": "storm " * 8})
    export(corpus_file, tmp_path / "out", max_length=10, **{f"{side}_prompt": "storm " * 7})


@pytest.mark.parametrize(("dtype", "error"), [("float16", 2.0**-11), ("int8", 1 / 254)])
def test_smaller_embeddings(
    export: Export, long_corpus: Path, tmp_path: Path, dtype: str, error: float
) -> None:
    export(long_corpus, tmp_path / "out", dtype=dtype)
    export(long_corpus, tmp_path / "whole", dtype="float32")
    whole = load_file(tmp_path / "whole" / "embeddings.safetensors")["embeddings"]
    tensors = load_file(tmp_path / "out" / "embeddings.safetensors")
    assert tensors["embeddings"].dtype == dtype
    scales = tensors.get("scales", np.ones(1, np.float32))
    np.testing.assert_allclose(tensors["embeddings"] * scales.reshape(-1, 1), whole, atol=error)
    ours, exact = Searcher.load(tmp_path / "out"), Searcher.load(tmp_path / "whole")
    for text in ("storm over europe", "cheese", "night trains"):
        (first,), (expected,) = ours.search(text, 1), exact.search(text, 1)
        assert first.score == pytest.approx(expected.score, abs=4 * error)


def test_skipped_and_truncated_are_counted(export: Export, tmp_path: Path) -> None:
    rows = [
        "storm",
        "",
        "storm " * (MAX_LENGTH - 2),
        "storm " * (MAX_LENGTH - 1),
        "   ",
        "\u3000",
        "x " * 50_000,
    ]
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps({"text": text}) + "\n" for text in rows))
    summary = export(corpus, tmp_path / "out")
    assert (summary.manifest.count, summary.manifest.skipped, summary.manifest.truncated) == (4, 3, 2)
    tokens = np.load(tmp_path / "out" / "documents.tokens.npy")
    assert tokens.tolist() == [3, MAX_LENGTH, -MAX_LENGTH, -MAX_LENGTH]
