"""The Dense modules of a sentence-transformer, which follow its pooling: their configs, and the file of their weights.

handler/dense.py applies them. They aren't part of the ONNX graph, and stay float32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.model.config_files import read_number, read_object
from export.model.weights import find_weights, hash_weights, load_weights, refuse_non_finite
from handler.dense import ACTIVATIONS, Dense, load_dense
from handler.errors import ModelError

# Where torch has its activations. The last one is the place of the names above.
ACTIVATION_PACKAGES = ("torch.nn.modules.activation", "torch.nn.modules.linear", "torch.nn")
# The value that sentence-transformers hands from module to module.
VALUE = "sentence_embedding"


@dataclass(frozen=True, slots=True)
class DenseLayer:
    """One Dense module: y = activation(weight x + bias)."""

    folder: Path
    in_features: int
    out_features: int
    bias: bool
    activation: str  # a name of handler.dense.ACTIVATIONS
    weights_sha256: str


def read_dense(folder: Path, width: int) -> DenseLayer:
    """Reads the config of the Dense module in `folder`, and hashes its weights.

    Args:
        folder: the module's folder.
        width: dimensions of the vector before it.

    Raises:
        ModelError: a part is missing, or can't be reproduced.
    """
    path = folder / "config.json"
    config = read_object(path)
    inputs = read_number(path, config, "in_features")
    if inputs != width:
        raise ModelError(
            f"{path} takes {inputs} dimensions, the module before it gives {width}: copy the model folder again"
        )
    for name in ("module_input_name", "module_output_name"):
        if config.get(name) not in (None, VALUE):
            raise ModelError(
                f"{path} says {name} {config[name]!r:.80}, which can't be reproduced: use a model that says {VALUE!r}"
            )
    return DenseLayer(
        folder,
        inputs,
        read_number(path, config, "out_features"),
        config.get("bias") is not False,
        _activation(path, config),
        hash_weights(find_weights(folder)),
    )


def open_layers(layers: Sequence[DenseLayer], path: Path) -> tuple[Dense, ...]:
    """Opens the layers in a file that write_dense wrote. Where there are no layers, no file is read."""
    if not layers:
        return ()
    return load_dense(path, [layer.activation for layer in layers], layers[0].in_features)


def _activation(path: Path, config: dict[str, Any]) -> str:
    """Returns the activation's short name. Where the config has none, sentence-transformers takes Tanh."""
    full = config.get("activation_function", "torch.nn.modules.activation.Tanh")
    package, _, name = str(full).rpartition(".")
    if package not in ACTIVATION_PACKAGES or name not in ACTIVATIONS:
        raise ModelError(
            f"{path} has the activation_function {str(full)!r:.80}, which can't be reproduced: "
            f"use a model with one of torch.nn's {', '.join(ACTIVATIONS)}"
        )
    return name


def write_dense(layers: Sequence[DenseLayer], weights: Sequence[Path], path: Path) -> None:
    """Writes dense.safetensors, float32: "0.weight" (out, in) and "0.bias" (out,) of the first layer, and so on.

    Args:
        layers: the layers in their order.
        weights: each layer's file of weights.
        path: the file to write.

    Raises:
        ModelError: a tensor is missing, has another shape than the config says, or holds NaN or infinity.
    """
    from safetensors.torch import save_file

    tensors: dict[str, Any] = {}
    for place, (layer, file) in enumerate(zip(layers, weights, strict=True)):
        shown = layer.folder / file.name
        refuse_non_finite(file, shown)
        found = load_weights(file, shown)
        shapes: dict[str, tuple[int, ...]] = {"weight": (layer.out_features, layer.in_features)}
        if layer.bias:
            shapes["bias"] = (layer.out_features,)
        for name, shape in shapes.items():
            tensor = found.get(f"linear.{name}")
            if tensor is None or tuple(tensor.shape) != shape:
                has = "no such tensor" if tensor is None else tuple(tensor.shape)
                raise ModelError(
                    f"{shown}: linear.{name} should have the shape {shape}, the file has {has}: "
                    "copy the model folder again"
                )
            tensors[f"{place}.{name}"] = tensor.float().contiguous()
    save_file(tensors, path)
