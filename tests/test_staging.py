"""Decoys: a model folder from which transformers would load other weights than those that were hashed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from tiny import write_json

from export.model.convert import convert
from export.model.fp32 import Fp32Encoder
from export.model.source_model import SourceModel, find_model
from export.model.staging import stage
from handler.errors import ModelError
from handler.tokenizer import load_tokenizer


@pytest.fixture
def folder(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model of this test's own, and a cache of its own."""
    monkeypatch.setenv("SEEKLET_CACHE", str(tmp_path / "cache"))
    return Path(shutil.copytree(tiny_model, tmp_path / "model"))


def read(folder: Path) -> SourceModel:
    return find_model(str(folder), None, None)


def save_decoy(folder: Path, name: str) -> None:
    """Other weights of the same shapes."""
    weights = load_file(folder / "model.safetensors")
    (folder / name).parent.mkdir(exist_ok=True)
    save_file({key: -value for key, value in weights.items()}, folder / name, {"format": "pt"})


def change_config(folder: Path, **fields: str) -> None:
    config = json.loads((folder / "config.json").read_text())
    write_json(folder / "config.json", {**config, **fields})


def add_shards(folder: Path) -> None:
    """Pickled weights, which are hashed, beside an index of shards, which transformers prefers."""
    save_decoy(folder, "model-00001-of-00001.safetensors")
    weights = load_file(folder / "model.safetensors")
    names = dict.fromkeys(weights, "model-00001-of-00001.safetensors")
    write_json(folder / "model.safetensors.index.json", {"metadata": {"total_size": 1}, "weight_map": names})
    torch.save(
        {name: torch.from_numpy(value) for name, value in weights.items()}, folder / "pytorch_model.bin"
    )
    (folder / "model.safetensors").unlink()


def add_folder(folder: Path) -> None:
    save_decoy(folder, "0_Transformer/model.safetensors")
    shutil.copy(folder / "config.json", folder / "0_Transformer")


def embed(folder: Path, texts: list[str]) -> NDArray[np.float32]:
    made = convert(read(folder))
    return Fp32Encoder(made.fp32, load_tokenizer(made.tokenizer, 24), "mean").encode(texts)


@pytest.mark.parametrize("add_decoy", [add_shards, add_folder])
def test_the_hashed_weights_are_converted(
    folder: Path, tiny_model: Path, texts: list[str], add_decoy: Callable[[Path], None]
) -> None:
    from sentence_transformers import SentenceTransformer

    expected = SentenceTransformer(str(tiny_model), device="cpu").encode(texts, normalize_embeddings=True)
    add_decoy(folder)
    np.testing.assert_allclose(embed(folder, texts), expected, atol=2e-6)


@pytest.mark.parametrize("name", ["other.safetensors", "0_Transformer/model.safetensors"])
def test_a_config_that_names_other_weights_is_refused(folder: Path, name: str) -> None:
    save_decoy(folder, name)
    change_config(folder, transformers_weights=name)
    with pytest.raises(ModelError) as refused:
        read(folder)
    assert str(refused.value).startswith(f"{folder}/config.json says transformers_weights '{name}', so other")


def test_weights_that_change_after_they_were_hashed_are_refused(folder: Path) -> None:
    model = read(folder)
    save_decoy(folder, "decoy.safetensors")
    (folder / "decoy.safetensors").rename(folder / "model.safetensors")
    with pytest.raises(
        ModelError, match=rf"{folder}/model.safetensors has SHA-256 \w+, it had {model.weights_sha256}"
    ):
        convert(model)
    assert list((folder.parent / "cache").iterdir()) == []


def test_a_tokenizer_elsewhere_is_refused(folder: Path, tmp_path: Path) -> None:
    config = json.loads((folder / "tokenizer_config.json").read_text())
    write_json(folder / "tokenizer_config.json", {**config, "tokenizer_file": None})
    stage(read(folder), tmp_path / "one")
    write_json(folder / "tokenizer_config.json", {**config, "tokenizer_file": "/elsewhere/tokenizer.json"})
    with pytest.raises(
        ModelError, match=r"tokenizer_config\.json says tokenizer_file '/elsewhere/tokenizer.json'"
    ):
        stage(read(folder), tmp_path / "two")


def test_links_are_followed(folder: Path, tmp_path: Path) -> None:
    """The hub's cache: a snapshot of symbolic links to files elsewhere."""
    snapshot = tmp_path / "snapshot"
    snapshot.mkdir()
    for path in folder.iterdir():
        (snapshot / path.name).symlink_to(path)
    stage(read(snapshot), tmp_path / "staged")
    for path in (tmp_path / "staged").iterdir():
        assert not path.is_symlink()
        assert path.read_bytes() == (folder / path.name).read_bytes()
