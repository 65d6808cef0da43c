"""Dense layers: the Dense modules that a sentence-transformer has after its pooling. Few models have one.

It is imported only where the manifest names such layers. The activations are those that sentence-transformers stores by
the names of torch's classes, with torch's defaults.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from handler.errors import ArtifactError
from handler.manifest import REMEDY
from handler.safetensors import read_safetensors

FloatArray = NDArray[np.float32]
Activation = Callable[[FloatArray], FloatArray]


def identity(x: FloatArray) -> FloatArray:
    """Returns x itself."""
    return x


def tanh(x: FloatArray) -> FloatArray:
    """Returns the hyperbolic tangent."""
    out: FloatArray = np.tanh(x)
    return out


def relu(x: FloatArray) -> FloatArray:
    """Returns max(x, 0)."""
    out: FloatArray = np.maximum(x, np.float32(0))
    return out


def sigmoid(x: FloatArray) -> FloatArray:
    """Returns 1 / (1 + exp(-x)), without overflow."""
    out: FloatArray = np.float32(0.5) + np.float32(0.5) * np.tanh(np.float32(0.5) * x)
    return out


def silu(x: FloatArray) -> FloatArray:
    """Returns x / (1 + exp(-x))."""
    return x * sigmoid(x)


def gelu(x: FloatArray) -> FloatArray:
    """Returns x times the normal distribution's share below x (Hendrycks and Gimpel, 2016). It is not the tanh form."""
    # numpy has no erf.
    erf = np.array([math.erf(value) for value in (x * math.sqrt(0.5)).tolist()], np.float32)
    return np.float32(0.5) * x * (1 + erf)


ACTIVATIONS: Mapping[str, Activation] = MappingProxyType(
    {"Identity": identity, "Tanh": tanh, "ReLU": relu, "GELU": gelu, "Sigmoid": sigmoid, "SiLU": silu}
)


class Dense:
    """One layer: activation(weight x + bias)."""

    def __init__(self, weight: FloatArray, bias: FloatArray | None, activation: Activation) -> None:
        """Takes a weight (out, in), a bias (out,) or none, and the activation."""
        self.weight = weight
        self.bias = bias
        self.activation = activation

    def __call__(self, vector: FloatArray) -> FloatArray:
        """Applies the layer. (in,) float32 -> (out,) float32."""
        # A product of matrix and vector could be split over threads, and then its last bits would depend on their number.
        out: FloatArray = np.vecdot(self.weight, vector)
        return self.activation(out if self.bias is None else out + self.bias)


def load_dense(path: Path, activations: Sequence[str], width: int) -> tuple[Dense, ...]:
    """Maps the layers of dense.safetensors: tensors "0.weight" (out, in) and, where there is one, "0.bias" (out,).

    Args:
        path: the file.
        activations: each layer's name of ACTIVATIONS, in the layers' order.
        width: dimensions of the pooled vector.

    Raises:
        ArtifactError: an activation is unknown, or a tensor is missing or of another shape.
    """
    tensors = read_safetensors(path)
    layers = []
    for place, name in enumerate(activations):
        if name not in ACTIVATIONS:
            raise ArtifactError(
                f"the artifact's activation is {name!a:.40}, this code has {', '.join(ACTIVATIONS)}: {REMEDY}"
            )
        weight, bias = tensors.get(f"{place}.weight"), tensors.get(f"{place}.bias")
        if weight is None or weight.dtype != np.float32 or weight.ndim != 2 or weight.shape[1] != width:
            found = "none" if weight is None else f"{weight.dtype} {weight.shape}"
            raise ArtifactError(
                f"{path}: the weight of layer {place} is {found}, not float32 (any, {width}): {REMEDY}"
            )
        width = len(weight)
        if bias is not None and (bias.dtype != np.float32 or bias.shape != (width,)):
            raise ArtifactError(
                f"{path}: the bias of layer {place} is {bias.dtype} {bias.shape}, not float32 ({width},): {REMEDY}"
            )
        layers.append(Dense(weight, bias, ACTIVATIONS[name]))
    return tuple(layers)
