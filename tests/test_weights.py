"""Weights that hold NaN or infinity, or aren't all there: refused with the tensor's name, before anything is made of them."""

from __future__ import annotations

import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from export.model.convert import convert
from export.model.source_model import find_model
from export.model.weights import load_weights, refuse_missing, refuse_non_finite
from handler.errors import ModelError

TENSOR = "encoder.layer.1.output.dense.weight"


def test_a_model_with_nan_is_not_converted(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEKLET_CACHE", str(tmp_path / "cache"))
    folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    weights = load_file(folder / "model.safetensors")
    weights[TENSOR][3, 5] = np.nan
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError) as refused:
        convert(find_model(str(folder), None, None))
    assert str(refused.value) == (
        f"{folder}/model.safetensors: the tensor '{TENSOR}' holds NaN or infinity (1 of 2,048 values): "
        "the weights are damaged; fetch them again or use another model"
    )
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize(
    ("change", "lacks"),
    [
        (lambda name: None if name == TENSOR else name, f"lacks 1 of the encoder's tensors, the first is '{TENSOR}'"),
        # As sentence-transformers' own state_dict has them.
        (lambda name: f"0.auto_model.{name}", "lacks 37 of the encoder's tensors, the first is 'embeddings.LayerNorm.bias'"),
    ],
    ids=["one is missing", "other names"],
)  # fmt: skip
def test_a_model_that_lacks_weights_is_not_converted(
    tiny_model: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[str], str | None],
    lacks: str,
) -> None:
    """transformers would only warn, and fill them with random numbers: int8 and fp32 would agree on these."""
    monkeypatch.setenv("SEEKLET_CACHE", str(tmp_path / "cache"))
    folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    weights = load_file(folder / "model.safetensors")
    kept = {new: tensor for name, tensor in weights.items() if (new := change(name)) is not None}
    save_file(kept, folder / "model.safetensors", {"format": "pt"})
    with pytest.raises(ModelError) as refused:
        convert(find_model(str(folder), None, None))
    assert str(refused.value).startswith(f"{folder}/model.safetensors {lacks}: the weights are damaged")
    assert list((tmp_path / "cache").iterdir()) == []


@pytest.mark.parametrize("prefix", ["", "bert."])
def test_a_model_may_lack_the_head_and_name_its_encoder(
    tiny_model: Path, tmp_path: Path, prefix: str
) -> None:
    folder = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    weights = load_file(folder / "model.safetensors")
    kept = {prefix + name: tensor for name, tensor in weights.items() if not name.startswith("pooler.")}
    assert len(kept) == len(weights) - 2
    save_file(kept, folder / "model.safetensors", {"format": "pt"})
    refuse_missing(folder, folder)


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_every_kind_of_weights(tmp_path: Path, name: str, dtype: torch.dtype, value: float) -> None:
    path = tmp_path / name
    tensors = {"ids": torch.arange(4), "good": torch.ones(3, dtype=dtype), "bad": torch.ones(3, dtype=dtype)}
    save(tensors, path)
    refuse_non_finite(path, path)
    tensors["bad"][1] = value
    save(tensors, path)
    with pytest.raises(ModelError, match=r"/shown: the tensor 'bad' holds NaN or infinity \(1 of 3 values\)"):
        refuse_non_finite(path, Path("/shown"))


def save(tensors: dict[str, torch.Tensor], path: Path) -> None:
    if path.suffix == ".bin":
        torch.save(tensors, path)
    else:
        save_file(tensors, path)


def test_a_number_beyond_float32_is_infinite_when_it_is_used(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"wide": torch.tensor([1e300], dtype=torch.float64)}, path)
    with pytest.raises(ModelError, match="the tensor 'wide' holds"):
        refuse_non_finite(path, path)


class Touch:
    """Unpickled, it makes a file."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._trace,)


def test_a_pickle_of_weights_runs_nothing(tmp_path: Path) -> None:
    trace, weights = tmp_path / "trace", tmp_path / "pytorch_model.bin"
    weights.write_bytes(pickle.dumps({"weight": Touch(trace)}, protocol=2))
    with pytest.raises(ModelError, match="Weights only load failed"):
        load_weights(weights)
    assert not trace.exists()
    # It would have.
    pickle.loads(weights.read_bytes())
    assert trace.exists()
