"""Dense layers: in numpy against torch, and in an artifact against sentence-transformers."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sentence_oracle
from command import ROOT
from exports import conversions_in
from safetensors.numpy import load_file, save_file
from sentence_oracle import assert_alike, cosines
from tiny import make_model, write_json
from tiny_modules import IDENTITY, TORCH, add_dense
from unsigned import unsigned

from export.build.gate import verify_artifact
from export.model.source_model import SourceModel, find_model
from handler.artifact import Artifact
from handler.dense import ACTIVATIONS, Dense, load_dense
from handler.encoder import Encoder
from handler.errors import ArtifactError, ModelError
from handler.manifest import Manifest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.usefixtures("use_tiny_cache")

# Widths from the pooled vector on, activation, whether it has a bias, whether its weights are pickled.
MODELS: dict[str, tuple[list[int], str, bool, bool]] = {
    "wider, without bias, pickled": ([32, 64], IDENTITY, False, True),
    "two layers": ([32, 48, 24], f"{TORCH}.Tanh", True, False),
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_layer_is_torchs(name: str) -> None:
    random = np.random.default_rng(3)
    weight, bias, x = (random.standard_normal(shape, np.float32) for shape in ((64, 48), (64,), (48,)))
    linear = torch.nn.Linear(48, 64)
    linear.load_state_dict({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)})
    with torch.no_grad():
        expected = getattr(torch.nn, name)()(linear(torch.from_numpy(x))).numpy()
    found = Dense(weight, bias, ACTIVATIONS[name])(x)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=3e-6)


@pytest.mark.parametrize("name", MODELS)
def test_as_sentence_transformers(name: str, texts: list[str], tmp_path: Path) -> None:
    widths, activation, bias, pickled = MODELS[name]
    folder = add_dense(make_model(tmp_path / "model"), widths, activation, bias=bias, pickled=pickled)
    right = sentence_oracle.expected(folder, texts)
    assert_alike(sentence_oracle.fp32(folder, texts), right, 0.99999)
    artifact = sentence_oracle.export(folder, texts, tmp_path / "out")
    assert_alike(sentence_oracle.answered(artifact, texts), right, 0.997)
    assert artifact.manifest.dim == widths[-1]
    assert artifact.manifest.dense == [activation.rpartition(".")[2]] * (len(widths) - 1)
    assert verify_artifact(tmp_path / "out", str(folder), None, 1)["cosine_least"] >= 0.997


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, tiny_cache: Path, texts: list[str]) -> Path:
    """A folder with a model that has a Dense layer, and its artifact. Not to be changed."""
    folder = tmp_path_factory.mktemp("dense")
    add_dense(make_model(folder / "model"), [32, 48])
    with conversions_in(str(tiny_cache)):
        sentence_oracle.export(folder / "model", texts, folder / "out")
    return folder


def test_the_bounds_tell_another_layer(made: Path, texts: list[str], tmp_path: Path) -> None:
    right = sentence_oracle.expected(made / "model", texts)
    for name, options in (("tanh", {"activation": f"{TORCH}.Tanh"}), ("weights", {"seed": 1})):
        other = add_dense(make_model(tmp_path / name), [32, 48], **options)
        found = sentence_oracle.fp32(other, texts)
        assert cosines(found.queries, right.queries).min() < 0.997


def test_other_layers_give_other_recipes(made: Path, texts: list[str], tmp_path: Path) -> None:
    recipes = {Artifact.open(made / "out").manifest.recipe_sha256}
    for name, options in (("tanh", {"activation": f"{TORCH}.Tanh"}), ("weights", {"seed": 1})):
        other = add_dense(make_model(tmp_path / name), [32, 48], **options)
        recipes.add(sentence_oracle.export(other, texts, tmp_path / "out").manifest.recipe_sha256)
    assert len(recipes) == 3


def test_a_plain_artifact_has_no_layers(tiny_artifact: Path) -> None:
    manifest = Artifact.open(tiny_artifact).manifest
    assert (manifest.dense, manifest.full_dim, manifest.document_model) == (None, None, None)
    assert "dense.safetensors" not in manifest.files


@pytest.mark.parametrize("layers", [True, False])
def test_only_a_model_with_layers_pays_for_them(layers: bool, made: Path, tiny_artifact: Path) -> None:
    code = "import sys; from handler.searcher import Searcher; Searcher.load(sys.argv[1]); print('handler.dense' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code, made / "out" if layers else tiny_artifact],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == f"{layers}\n"


def weights_of(folder: Path, **tensors: Any) -> None:
    path = folder / "2_Dense" / "model.safetensors"
    values = {**load_file(path), **tensors}
    save_file({name.replace("_", "."): value for name, value in values.items() if value is not None}, path)


def config_of(folder: Path, **fields: Any) -> None:
    path = folder / "2_Dense" / "config.json"
    write_json(path, {**json.loads(path.read_text()), **fields})


REFUSED: dict[str, tuple[Any, str]] = {
    "an activation of its own": (
        lambda f: config_of(f, activation_function="own.Swish"),
        "2_Dense/config.json has the activation_function 'own.Swish', which can't be reproduced: use a model with one",
    ),
    "another class of torch": (
        lambda f: config_of(f, activation_function=f"{TORCH}.PReLU"),
        "2_Dense/config.json has the activation_function 'torch.nn.modules.activation.PReLU', which can't",
    ),
    "another width": (
        lambda f: config_of(f, in_features=31),
        "2_Dense/config.json takes 31 dimensions, the module before it gives 32: copy",
    ),
    "another value": (
        lambda f: config_of(f, module_input_name="token_embeddings"),
        "2_Dense/config.json says module_input_name 'token_embeddings', which can't be reproduced: use a model",
    ),
    "no width": (lambda f: config_of(f, out_features=None), "2_Dense/config.json lacks out_features: copy"),
    "no weights": (
        lambda f: (f / "2_Dense" / "model.safetensors").unlink(),
        "2_Dense has no weights (model.safetensors or pytorch_model.bin): copy the whole model folder",
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_by_name(what: str, made: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made / "model", tmp_path / "model"))
    assert read(folder).dim == 48
    break_it, sentence = REFUSED[what]
    break_it(folder)
    with pytest.raises(ModelError) as refused:
        read(folder)
    assert str(refused.value).startswith(f"{folder}/{sentence}")


@pytest.mark.parametrize(
    ("tensors", "sentence"),
    [
        (
            {"linear_weight": np.ones((48, 31), np.float32)},
            "linear.weight should have the shape (48, 32), the",
        ),
        ({"linear.bias": None}, "linear.bias should have the shape (48,), the file has no such tensor: copy"),
        (
            {"linear.bias": np.full(48, np.inf, np.float32)},
            "the tensor 'linear.bias' holds NaN or infinity (48",
        ),
    ],
)
def test_wrong_weights(tensors: dict[str, Any], sentence: str, made: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(made / "model", tmp_path / "model"))
    weights_of(folder, **tensors)
    with pytest.raises(ModelError) as refused:
        sentence_oracle.fp32(folder, ["storm"])
    assert sentence in str(refused.value)


def read(folder: Path) -> SourceModel:
    return find_model(str(folder), None, None)


@pytest.mark.parametrize(
    ("tensors", "activations", "sentence"),
    [
        ({}, ["Softmax"], "the artifact's activation is 'Softmax', this code has Identity, Tanh,"),
        ({}, ["Tanh", "Tanh"], "the weight of layer 1 is none, not float32 (any, 48)"),
        (
            {"0.weight": np.ones((48, 31), np.float32)},
            ["Tanh"],
            "the weight of layer 0 is float32 (48, 31), not",
        ),
        ({"0.weight": np.ones((48, 32), np.int8)}, ["Tanh"], "the weight of layer 0 is int8 (48, 32), not"),
        (
            {"0.bias": np.ones(47, np.float32)},
            ["Tanh"],
            "the bias of layer 0 is float32 (47,), not float32 (48,)",
        ),
    ],
)
def test_a_damaged_file_is_refused(
    tensors: dict[str, Any], activations: list[str], sentence: str, made: Path, tmp_path: Path
) -> None:
    path = tmp_path / "dense.safetensors"
    save_file({**load_file(made / "out" / path.name), **tensors}, path)
    with pytest.raises(ArtifactError) as refused:
        load_dense(path, activations, 32)
    assert sentence in str(refused.value)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"dense": ["Tanh", 3]}, "dense is ['Tanh', 3], not of type list[str]"),
        ({"dense": None}, "model.onnx gives 32 dimensions, its manifest says 48"),
        ({"dim": 32}, "gives 48 dimensions, its manifest says 32"),
        ({"full_dim": 64}, "gives 48 dimensions, its manifest says 64"),
        ({"dim": 64, "full_dim": 48}, "the artifact's dim is 64, its model gives 48 dimensions"),
        ({"files": {}}, "manifest.json lists no model.onnx"),
    ],
)
def test_a_manifest_that_disagrees(fields: dict[str, Any], sentence: str, made: Path, tmp_path: Path) -> None:
    out = Path(shutil.copytree(made / "out", tmp_path / "out"))
    manifest = json.loads((out / "manifest.json").read_text())
    write_json(out / "manifest.json", unsigned({**manifest, **fields}))
    with pytest.raises(ArtifactError) as refused:
        Encoder.load(out)
    assert sentence in str(refused.value)


def test_the_file_is_needed(made: Path) -> None:
    manifest = json.loads((made / "out" / "manifest.json").read_text())
    del manifest["files"]["dense.safetensors"]
    with pytest.raises(ArtifactError, match=r"lists no dense\.safetensors"):
        parse(unsigned(manifest))


def parse(fields: dict[str, Any]) -> Manifest:
    from handler.artifact import parse_manifest

    return parse_manifest(json.dumps(fields).encode(), "manifest.json")
