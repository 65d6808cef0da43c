"""Fewer dimensions (--dim, and a model's truncate_dim): the first of each vector, as sentence-transformers keeps them."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import sentence_oracle
from command import run_seeklet
from sentence_oracle import assert_alike, cosines
from tiny import write_json
from tiny_modules import TORCH, add_dense

from export.build.gate import verify_artifact
from export.model.source_model import find_model
from handler.artifact import Artifact
from handler.errors import VerifyError
from handler.searcher import Searcher

pytestmark = pytest.mark.usefixtures("use_tiny_cache")
SENTENCE = "config_sentence_transformers.json"


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def test_the_option(folder: Path, texts: list[str], tmp_path: Path) -> None:
    right = sentence_oracle.expected(folder, texts, truncate_dim=20)
    assert_alike(sentence_oracle.fp32(folder, texts, dim=20), right, 0.99999)
    artifact = sentence_oracle.export(folder, texts, tmp_path / "out", dim=20)
    assert_alike(sentence_oracle.answered(artifact, texts), right, 0.997)
    assert (artifact.manifest.dim, artifact.manifest.full_dim) == (20, 32)
    assert verify_artifact(tmp_path / "out", str(folder), None, 1)["cosine_least"] >= 0.997
    hit = Searcher.load(tmp_path / "out").search(texts[3], 1, "semantic")[0]
    assert hit.index == 3
    assert hit.score == pytest.approx(1, abs=2e-3)


def test_the_models_own(folder: Path, texts: list[str], tmp_path: Path) -> None:
    write_json(folder / SENTENCE, {"truncate_dim": 12})
    right = sentence_oracle.expected(folder, texts)
    artifact = sentence_oracle.export(folder, texts, tmp_path / "out")
    assert_alike(sentence_oracle.answered(artifact, texts), right, 0.997)
    assert (artifact.manifest.dim, artifact.manifest.full_dim) == (12, 32)
    # An option comes before the model's own.
    assert sentence_oracle.export(folder, texts, tmp_path / "out", dim=32).manifest.full_dim is None


def test_after_a_dense_layer(folder: Path, texts: list[str], tmp_path: Path) -> None:
    add_dense(folder, [32, 40], f"{TORCH}.Tanh")
    right = sentence_oracle.expected(folder, texts, truncate_dim=36)
    artifact = sentence_oracle.export(folder, texts, tmp_path / "out", dim=36)
    assert_alike(sentence_oracle.answered(artifact, texts), right, 0.997)
    assert (artifact.manifest.dim, artifact.manifest.full_dim) == (36, 40)


def test_a_text_of_which_nothing_is_left_is_named(folder: Path, texts: list[str], tmp_path: Path) -> None:
    """A layer with ReLU may give only zeros in the first dimensions. To embed again wouldn't help."""
    add_dense(folder, [32, 6], f"{TORCH}.ReLU")
    expected = sentence_oracle.expected(folder, texts, truncate_dim=2).documents
    zero = int((expected == 0).all(1).argmax())
    assert not expected[zero].any()
    with pytest.raises(VerifyError) as refused:
        sentence_oracle.export(folder, texts, tmp_path / "out", dim=2)
    assert str(refused.value) == (
        f"the vector of row {zero} (counted from 0) has the length 0, not 1, so the model makes nothing of its text: "
        "keep more dimensions (--dim), or leave the text out"
    )
    assert sentence_oracle.export(folder, texts, tmp_path / "out").manifest.dim == 6


def test_other_dimensions_are_another_recipe(
    folder: Path, tiny_artifact: Path, texts: list[str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    whole = sentence_oracle.export(folder, texts, out).manifest
    assert whole.recipe_sha256 == Artifact.open(tiny_artifact).manifest.recipe_sha256
    part = sentence_oracle.export(folder, texts, out, dim=20).manifest
    assert len({whole.recipe_sha256, part.recipe_sha256}) == 2
    assert len({whole.inputs_sha256, part.inputs_sha256}) == 2
    assert sentence_oracle.export(folder, texts, out, dim=32).manifest.recipe_sha256 == whole.recipe_sha256


def test_more_than_there_are_of_the_models_own(folder: Path) -> None:
    write_json(folder / SENTENCE, {"truncate_dim": 64})
    assert find_model(str(folder), None, None).dim == 32


def test_the_bounds_tell_the_last_from_the_first(folder: Path, texts: list[str]) -> None:
    whole = sentence_oracle.expected(folder, texts).queries
    first = sentence_oracle.fp32(folder, texts, dim=16).queries
    assert cosines(first, whole[:, 16:]).max() < 0.9


def test_the_command(folder: Path, corpus_file: Path, tmp_path: Path) -> None:
    options = ["--text", "text", "--dim", "20", "--quiet", "--out", str(tmp_path / "out")]
    done = run_seeklet("export", "--corpus", corpus_file, "--model", folder, *options)
    assert done.returncode == 0, done.stderr
    shown = json.loads(run_seeklet("info", tmp_path / "out").stdout)
    assert (shown["dim"], shown["full_dim"]) == (20, 32)
