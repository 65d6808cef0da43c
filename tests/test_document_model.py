"""Another model for the documents (--document-model), against sentence-transformers."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import sentence_oracle
from command import run_in_terminal, run_seeklet
from sentence_oracle import Vectors, assert_alike
from tiny import write_json
from tiny_modules import make_two
from unsigned import unsigned

from export.build.gate import verify_artifact
from export.build.pipeline import Summary
from export.build.recipe import choose_recipes
from export.build.summary import describe
from export.model.source_model import find_models
from handler.errors import ArtifactError, ModelError
from handler.manifest import Manifest
from handler.manifest_fields import DocumentModel

OTHER: dict[str, Any] = {
    "model_id": "large",
    "revision": "local",
    "weights_sha256": "0" * 64,
    "pooling": "cls",
    "max_length": 24,
}


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models and their Router. Not to be changed."""
    return make_two(tmp_path_factory.mktemp("two"))


@pytest.fixture(autouse=True)
def cache(use_tiny_cache: None) -> None:
    """Every test here converts."""


def two(models: Path, texts: list[str]) -> Vectors:
    """The oracle of two models: queries by the small one, documents by the large one."""
    return Vectors(
        sentence_oracle.expected(models / "small", texts).queries,
        sentence_oracle.expected(models / "large", texts).documents,
    )


def test_a_document_model(models: Path, texts: list[str], tmp_path: Path) -> None:
    small, large = str(models / "small"), str(models / "large")
    artifact = sentence_oracle.export(models / "small", texts, tmp_path / "out", document_model=large)
    assert_alike(sentence_oracle.answered(artifact, texts), two(models, texts), 0.997)
    manifest = artifact.manifest
    # Each model's own prompt.
    assert (manifest.query_prompt, manifest.document_prompt) == ("find: ", "text: ")
    assert manifest.document_model is not None
    assert (manifest.model_id, manifest.document_model.model_id) == ("small", "large")
    # The artifact has the small model alone.
    alone = sentence_oracle.export(models / "small", texts, tmp_path / "alone").manifest
    for name in ("model.onnx", "model.onnx.data", "tokenizer.json", "dense.safetensors"):
        assert manifest.files[name] == alone.files[name]
    assert verify_artifact(tmp_path / "out", small, None, 1, large)["stored_least"] == 1
    said = describe(Summary(manifest, 0, True, 0), tmp_path / "out")
    assert "\n  documents by large (local), cls pooling\n" in said
    status, shown = run_in_terminal("info", tmp_path / "out", columns=200)
    assert status == 0
    assert "embedded by large (local), cls pooling" in shown
    assert "24 tokens at most, 48 dimensions, Dense layers Identity\n" in shown
    done = run_seeklet("info", tmp_path / "out")
    assert json.loads(done.stdout)["document_model"] == manifest.document_model._asdict()


def test_documents_have_the_vectors_of_their_model_alone(
    models: Path, texts: list[str], tmp_path: Path
) -> None:
    large = str(models / "large")
    both = sentence_oracle.export(models / "small", texts, tmp_path / "both", document_model=large)
    alone = sentence_oracle.export(models / "large", texts, tmp_path / "alone")
    other = sentence_oracle.export(models / "small", texts, tmp_path / "other")
    assert both.manifest.recipe_sha256 == alone.manifest.recipe_sha256 != other.manifest.recipe_sha256
    name = "embeddings.safetensors"
    assert both.path(name).read_bytes() == alone.path(name).read_bytes()


def test_another_document_model_isnt_up_to_date(models: Path, texts: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = sentence_oracle.export(models / "large", texts, out).manifest.inputs_sha256
    router = str(models / "router")
    second = sentence_oracle.export(models / "large", texts, out, document_model=router)
    # The Router's documents are embedded by the same weights, with another prompt.
    assert second.manifest.inputs_sha256 != first
    again = sentence_oracle.export(models / "large", texts, out, document_model=router)
    assert again.manifest == second.manifest


def test_a_model_may_be_its_own_document_model(models: Path) -> None:
    large = str(models / "large")
    query, document = find_models(large, None, None, large)
    assert query is document


def test_verify_wants_the_same_document_model(models: Path, texts: list[str], tmp_path: Path) -> None:
    small, large, out = str(models / "small"), str(models / "large"), tmp_path / "out"
    sentence_oracle.export(models / "small", texts, out, document_model=large, thresholds=None)
    with pytest.raises(
        ModelError, match=r"made from the folder large: say where it is with --document-model"
    ):
        verify_artifact(out, small, None, 1)
    with pytest.raises(ModelError, match=r"other embeds documents by weights of SHA-256 .* name that model"):
        verify_artifact(out, small, None, 1, str(models / "other"))
    sentence_oracle.export(models / "large", texts, out, thresholds=None)
    with pytest.raises(ModelError, match=r"made without a document model: leave out --document-model"):
        verify_artifact(out, large, None, 1, large)


@pytest.mark.parametrize(
    ("document_model", "options", "sentence"),
    [
        ("other", {}, "small gives 48 dimensions, the document model other gives 32: use two models that"),
        ("none", {}, "there is no model folder {m}/none: give a folder"),
        (
            "large",
            {"document_revision": "x"},
            "--document-revision is for hub ids, and {m}/large is a folder",
        ),
        (None, {"document_revision": "x"}, "--document-revision is given without --document-model: name the"),
        (
            "large",
            {"max_length": 97},
            "--max-length is 97, small can read 3 to 96 tokens: choose one of those",
        ),
        (None, {"dim": 49}, "--dim is 49, small gives 48 dimensions: choose 1 to 48"),
        (None, {"dim": 0}, "--dim is 0, small gives 48 dimensions: choose 1 to 48"),
    ],
)
def test_refused_by_name(
    document_model: str | None, options: dict[str, Any], sentence: str, models: Path, tmp_path: Path
) -> None:
    other = None if document_model is None else str(models / document_model)
    with pytest.raises(ModelError) as refused:
        sentence_oracle.export(models / "small", ["storm"], tmp_path / "out", document_model=other, **options)
    assert str(refused.value).startswith(sentence.replace("{m}", str(models)))


def test_dimensions_that_only_one_model_keeps(models: Path, tmp_path: Path) -> None:
    short = Path(shutil.copytree(models / "large", tmp_path / "short"))
    write_json(short / "config_sentence_transformers.json", {"truncate_dim": 24})
    found = find_models(str(models / "small"), None, None, str(short))
    with pytest.raises(
        ModelError, match="small keeps 48 dimensions, the document model short keeps 24: give --dim"
    ):
        choose_recipes(found)
    assert [recipe.dim for recipe in choose_recipes(found, dim=24)] == [24, 24]


def test_options_of_both(models: Path) -> None:
    found = find_models(str(models / "small"), None, None, str(models / "large"))
    recipes = choose_recipes(found, pooling="max", max_length=12, dim=16)
    assert [(recipe.pooling, recipe.max_length, recipe.dim) for recipe in recipes] == [
        ("max", 12, 16),
        ("cls", 12, 16),
    ]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        ("large", "document_model.model_id is None, not of type str"),
        ({"model_id": 3}, "document_model.model_id is 3, not of type str"),
        ({**OTHER, "max_length": 0}, "document_model.max_length is 0, not 1 to 1048576"),
        ({**OTHER, "max_length": "24"}, "document_model.max_length is '24', not of type int"),
    ],
)
def test_a_damaged_manifest(value: object, sentence: str, tiny_artifact: Path) -> None:
    fields = unsigned(json.loads((tiny_artifact / "manifest.json").read_text()))
    found = Manifest.parse(json.dumps({**fields, "document_model": OTHER}).encode(), "here")
    assert found.document_model == DocumentModel(**OTHER)
    assert found.document_max_length == 24
    assert json.loads(found.to_json())["document_model"] == OTHER
    with pytest.raises(ArtifactError, match=f"^here: {re.escape(sentence)}"):
        Manifest.parse(json.dumps({**fields, "document_model": value}).encode(), "here")
