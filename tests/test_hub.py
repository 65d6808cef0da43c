"""What is fetched from the hub: the configs and the weights that the modules need, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from huggingface_hub.utils import filter_repo_objects
from model_folders import WEIGHTS, make_folder
from tiny import write_json
from tiny_modules import add_dense

from export.model.source_model import find_models

DECOYS = ("other/model.safetensors", "onnx/model.onnx", "openvino/openvino_model.bin", "tf_model.h5", "a.py")


class Hub:
    """The hub's client, with one model in it. It fetches by the patterns, as huggingface_hub.snapshot_download does."""

    def __init__(self, model: Path, snapshot: Path) -> None:
        self.model = model
        self.snapshot = snapshot

    def __call__(self, model: str, revision: str | None, allow_patterns: list[str]) -> str:
        assert (model, revision) == ("someone/their-model", None)
        names = [path.relative_to(self.model).as_posix() for path in self.model.rglob("*") if path.is_file()]
        for name in filter_repo_objects(names, allow_patterns=allow_patterns):
            (self.snapshot / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.model / name, self.snapshot / name)
        return str(self.snapshot)

    def fetched(self) -> set[str]:
        """The files that aren't configs."""
        paths = (path for path in self.snapshot.rglob("*") if path.is_file() and path.suffix != ".json")
        return {path.relative_to(self.snapshot).as_posix() for path in paths}


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    folder = make_folder(tmp_path / "model")
    for name in DECOYS:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"a decoy")
    made = Hub(folder, tmp_path / "snapshot")
    monkeypatch.setattr("huggingface_hub.snapshot_download", made)
    return made


def test_a_plain_model(hub: Hub) -> None:
    (hub.model / "pytorch_model.bin").write_bytes(b"the same, pickled")
    find_models("someone/their-model", None, None)
    assert hub.fetched() == {"model.safetensors"}


def test_layers_of_either_kind(hub: Hub) -> None:
    add_dense(hub.model, [32, 48, 64])
    (hub.model / "3_Dense" / "model.safetensors").rename(hub.model / "3_Dense" / "pytorch_model.bin")
    found = find_models("someone/their-model", None, None).query
    assert hub.fetched() == {
        "model.safetensors",
        "2_Dense/model.safetensors",
        "3_Dense/pytorch_model.bin",
    }
    assert [layer.out_features for layer in found.dense] == [48, 64]


def test_both_routes_of_a_router(hub: Hub) -> None:
    routes = {}
    for task in ("query", "document"):
        for place, kind in enumerate(("Transformer", "Pooling")):
            routes[f"{task}_{place}_{kind}"] = f"sentence_transformers.models.{kind}"
        folder = hub.model / f"{task}_0_Transformer"
        folder.mkdir()
        for name in ("config.json", "sentence_bert_config.json", "model.safetensors"):
            shutil.copy(hub.model / name, folder)
        shutil.copytree(hub.model / "1_Pooling", hub.model / f"{task}_1_Pooling")
    (hub.model / "document_0_Transformer" / "model.safetensors").write_bytes(WEIGHTS * 2)
    structure = {task: [name for name in routes if name.startswith(task)] for task in ("query", "document")}
    write_json(hub.model / "router_config.json", {"types": routes, "structure": structure, "parameters": {}})
    write_json(hub.model / "modules.json", [{"path": "", "type": "sentence_transformers.models.Router"}])
    query, document = find_models("someone/their-model", None, None)
    assert hub.fetched() == {
        "query_0_Transformer/model.safetensors",
        "document_0_Transformer/model.safetensors",
    }
    assert query.transformer_dir == hub.snapshot / "query_0_Transformer"
    assert query.weights_sha256 != document.weights_sha256
    assert query.model_id == document.model_id == "someone/their-model"
