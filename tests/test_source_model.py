"""Models by folder, by hub id, and the default: what is found, and their weights' SHA-256."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from model_folders import (
    MODULES,
    POOLING,
    SENTENCE,
    WEIGHTS,
    change,
    in_a_folder_of_its_own,
    make_folder,
    read,
)
from tiny import write_json

from export.model.places import DEFAULT_MODEL_ID, DEFAULT_NAME, DEFAULT_WEIGHTS_SHA256, default_folder
from export.model.source_model import SourceModel, find_model
from handler.errors import ModelError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return make_folder(tmp_path / "my-model")


def test_what_is_read(folder: Path) -> None:
    assert read(folder) == SourceModel(
        model_id="my-model",
        revision="local",
        transformer_dir=folder,
        weights_sha256=hashlib.sha256(WEIGHTS).hexdigest(),
        model_type="bert",
        num_attention_heads=4,
        hidden_size=32,
        pooling="mean",
        include_prompt=True,
        max_length=100,
        lowercase=False,
        query_prompt="",
        document_prompt="",
    )


def test_the_default_is_whole() -> None:
    model = find_model(None, None, None)
    assert (model.dim, model.pooling, model.max_length, model.num_attention_heads) == (384, "mean", 256, 12)
    assert model.weights_sha256 == DEFAULT_WEIGHTS_SHA256
    assert model.transformer_dir == default_folder()


def test_the_default_by_its_name(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_model(DEFAULT_NAME, None, None) == find_model(None, None, None)
    with pytest.raises(ModelError) as refused:
        find_model(DEFAULT_NAME, "main", None)
    assert str(refused.value) == (
        "--revision is for hub ids, and all-MiniLM-L6-v2 is the default model: leave it out"
    )
    # A folder of this name is a folder.
    folder.rename(tmp_path / DEFAULT_NAME)
    assert find_model(DEFAULT_NAME, None, None).revision == "local"


def test_the_hub_has_the_default_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hub = Hub(folder, "model.safetensors")
    monkeypatch.setattr("huggingface_hub.snapshot_download", hub)
    assert find_model(DEFAULT_MODEL_ID, None, None).transformer_dir == folder
    assert {name for name, _, _ in hub.asked} == {DEFAULT_MODEL_ID}


def test_the_transformer_in_a_folder_of_its_own(folder: Path) -> None:
    in_a_folder_of_its_own(folder)
    assert read(folder).transformer_dir == folder / "0_Transformer"


def test_pytorchs_weights(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert read(folder).weights_sha256 == hashlib.sha256(WEIGHTS).hexdigest()


def test_without_normalize_by_cosine(folder: Path) -> None:
    write_json(folder / "modules.json", MODULES[:2])
    change(folder, SENTENCE, similarity_fn_name="cosine")
    assert read(folder).dim == 32


def test_no_prompt_may_be_left_out_of_the_pooling(folder: Path) -> None:
    change(folder, POOLING, include_prompt=False)
    assert not read(folder).include_prompt


def test_a_wrong_checksum_gives_both(folder: Path) -> None:
    found, asked = hashlib.sha256(WEIGHTS).hexdigest(), "A" * 64
    with pytest.raises(ModelError, match=f"has SHA-256 {found}, expected {asked}: it is damaged or another"):
        find_model(str(folder), None, asked)
    assert find_model(str(folder), None, found.upper()).weights_sha256 == found


def test_a_damaged_default_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("export.model.places.default_folder", lambda: folder)
    with pytest.raises(ModelError, match=f"expected {DEFAULT_WEIGHTS_SHA256}: it is damaged"):
        find_model(None, None, None)


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        ("{f}/config.json", "{f}/config.json is a file: give the model's folder"),
        ("{f}/nothing", "there is no model folder {f}/nothing: give a folder, or a hub id such as"),
        ("./no/such", "there is no model folder ./no/such: give a folder, or a hub id such as"),
        ("nothing", "there is no model folder nothing: give a folder, or a hub id such as"),
    ],
)
def test_no_such_model(folder: Path, model: str, sentence: str) -> None:
    with pytest.raises(ModelError) as refused:
        find_model(model.replace("{f}", str(folder)), None, None)
    assert str(refused.value).startswith(sentence.replace("{f}", str(folder)))


def test_a_revision_is_the_hubs(folder: Path) -> None:
    with pytest.raises(ModelError, match=r"--revision is for hub ids, and .*my-model is a folder"):
        find_model(str(folder), "main", None)
    with pytest.raises(ModelError, match=r"--revision is for hub ids, and no --model is given"):
        find_model(None, "main", None)


class Hub:
    """The hub's client, with one model in it: answers as huggingface_hub.snapshot_download does."""

    def __init__(self, snapshot: Path, weights: str) -> None:
        self.snapshot = snapshot
        self.weights = weights
        self.asked: list[tuple[str, str | None, list[str]]] = []

    def __call__(self, model: str, revision: str | None, allow_patterns: list[str]) -> str:
        self.asked.append((model, revision, allow_patterns))
        if self.weights in allow_patterns:
            (self.snapshot / self.weights).write_bytes(WEIGHTS)
        return str(self.snapshot)


@pytest.mark.parametrize(("weights", "downloads"), [("model.safetensors", 2), ("pytorch_model.bin", 3)])
def test_a_hub_id(folder: Path, weights: str, downloads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "model.safetensors").unlink()
    snapshot = folder.rename(folder.parent / ("c0ffee" * 7)[:40])
    hub = Hub(snapshot, weights)
    monkeypatch.setattr("huggingface_hub.snapshot_download", hub)
    model = find_model("someone/their-model", "v2", None)
    assert (model.model_id, model.revision) == ("someone/their-model", snapshot.name)
    assert [(name, revision) for name, revision, _ in hub.asked] == [
        ("someone/their-model", "v2")
    ] * downloads


def test_weights_in_another_folder_dont_stop_the_download(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hub's model has pickled weights where modules.json says, and others in a folder of an old layout."""
    (folder / "model.safetensors").unlink()
    (folder / "0_Transformer").mkdir()
    (folder / "0_Transformer" / "model.safetensors").write_bytes(b"a decoy")
    monkeypatch.setattr("huggingface_hub.snapshot_download", Hub(folder, "pytorch_model.bin"))
    assert find_model("a/model", None, None).weights_sha256 == hashlib.sha256(WEIGHTS).hexdigest()


def test_a_module_behind_a_link_is_read(folder: Path, tmp_path: Path) -> None:
    (folder / "1_Pooling").rename(tmp_path / "blob")
    (folder / "1_Pooling").symlink_to("../blob")
    assert read(folder).pooling == "mean"


def test_a_hub_id_without_a_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As HF_HUB_OFFLINE=1, which the client reads once, when it is imported.
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ModelError) as refused:
        find_model("someone/their-model", None, None)
    message = str(refused.value)
    assert message.startswith("the model someone/their-model (revision main) can't be fetched (")
    assert message.endswith("): check the name and the network, or give a local folder")
    assert "\n" not in message


def test_not_a_hub_id() -> None:
    with pytest.raises(ModelError, match=r"the model -x/\.\. \(revision main\) can't be fetched"):
        find_model("-x/..", None, None)
