"""A Router, and its older form Asym: two models in one folder, against sentence-transformers."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sentence_oracle
from sentence_oracle import assert_alike, cosines
from tiny import write_json
from tiny_modules import DIM, as_asym, make_two

from export.build.gate import verify_artifact
from export.model.source_model import find_models
from handler.errors import ModelError


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models and their Router, in both forms. Not to be changed."""
    folder = make_two(tmp_path_factory.mktemp("two"))
    as_asym(Path(shutil.copytree(folder / "router", folder / "asym")))
    return folder


@pytest.fixture(autouse=True)
def cache(use_tiny_cache: None) -> None:
    """Every test here converts."""


@pytest.mark.parametrize("name", ["router", "asym"])
def test_a_router_is_sentence_transformers(name: str, models: Path, texts: list[str], tmp_path: Path) -> None:
    right = sentence_oracle.expected(models / name, texts)
    assert_alike(sentence_oracle.fp32(models / name, texts), right, 0.99999)
    artifact = sentence_oracle.export(models / name, texts, tmp_path / "out")
    assert_alike(sentence_oracle.answered(artifact, texts), right, 0.997)
    assert cosines(*right).max() < 0.9  # one model for both would be noticed
    manifest = artifact.manifest
    assert (manifest.dim, manifest.query_prompt, manifest.document_prompt) == (DIM, "find: ", "news ")
    other = manifest.document_model
    assert other is not None
    assert (other.model_id, other.revision, other.pooling, other.max_length) == (name, "local", "cls", 24)
    assert len({other.weights_sha256, manifest.weights_sha256}) == 2
    assert verify_artifact(tmp_path / "out", str(models / name), None, 1)["overlap"] >= 0.9


def config(name: str, **fields: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / "router_config.json"
        before = json.loads(path.read_text())
        write_json(path, {**before, name: {**before[name], **fields}})

    return change


WRONG: dict[str, tuple[Callable[[Path], Any], str]] = {
    "no route": (
        config("structure", document=None),
        "router_config.json lacks the types or the structure of its routes: copy",
    ),
    "no route for queries": (
        lambda f: (f / "router_config.json").write_text(
            (f / "router_config.json").read_text().replace('"query": [', '"question": [')
        ),
        "router_config.json has no route for the task 'query', only document, question: use a model",
    ),
    "a route to nowhere": (
        config("parameters", route_mappings={"('query', None)": "nowhere"}),
        "router_config.json has no route for the task 'query', only document, query: use a model",
    ),
    "mappings of numbers": (
        config("parameters", route_mappings={"('query', None)": 3}),
        "router_config.json has route_mappings that aren't a table of names: mend it",
    ),
    "a module without a type": (
        config("structure", query=["elsewhere"]),
        "router_config.json has no type for the module 'elsewhere': copy",
    ),
    "a module that is no name": (
        config("structure", query=[[]]),
        "router_config.json has no type for the module []: copy",
    ),
    "a module above the folder": (
        lambda f: (
            config("types", **{"../q": "sentence_transformers.models.Transformer"})(f),
            config("structure", query=["../q"])(f),
        ),
        "router_config.json has the path '../q', which leaves the model folder: use",
    ),
    "a Router within a Router": (
        config("types", query_1_Pooling="sentence_transformers.base.modules.router.Router"),
        "router_config.json has the module Router, which can't be reproduced: use",
    ),
    "a static model for queries": (
        config("types", query_0_Transformer="sentence_transformers.models.StaticEmbedding"),
        "router_config.json has the module StaticEmbedding, which can't be reproduced: use",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_router_is_refused(what: str, models: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(models / "router", tmp_path / "router"))
    break_it, sentence = WRONG[what]
    break_it(folder)
    with pytest.raises(ModelError) as refused:
        find_models(str(folder), None, None)
    assert str(refused.value).startswith(f"{folder}/{sentence}")


@pytest.mark.parametrize(
    "mappings",
    [
        {"('query', 'text')": "document", "('query', None)": "query"},
        {"('query', None)": "document", "(None, None)": "query"},
        {"(None, 'text')": "document"},
        {"(None, None)": "document", "wrong": "query"},
    ],
)
def test_mappings_are_sentence_transformers(
    mappings: dict[str, str], models: Path, texts: list[str], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(models / "router", tmp_path / "router"))
    config("parameters", route_mappings=mappings)(folder)
    right = sentence_oracle.expected(folder, texts[:3])
    assert_alike(sentence_oracle.fp32(folder, texts[:3]), right, 0.99999)
