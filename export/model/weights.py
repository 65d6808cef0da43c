"""A model's weights: which file holds them, its SHA-256, and whether every number in it is finite."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from handler.errors import ModelError

if TYPE_CHECKING:
    from torch import Tensor

WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")


def find_weights(transformer: Path) -> Path:
    """Returns the file that transformers would load; raises ModelError where there is none."""
    path = next((transformer / name for name in WEIGHT_FILES if (transformer / name).is_file()), None)
    if path is None:
        raise ModelError(
            f"{transformer} has no weights ({' or '.join(WEIGHT_FILES)}): copy the whole model folder"
        )
    return path


def hash_weights(path: Path) -> str:
    """Returns the file's SHA-256 in hexadecimal digits; raises ModelError where it can't be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"{path} can't be read ({error.strerror}): check its permissions") from None


def refuse_non_finite(path: Path, shown: Path) -> None:
    """Reads the weights and raises ModelError with the first tensor that holds NaN or infinity.

    Only what the file stores counts. The infinities of an attention mask are made by the model's code.

    Args:
        path: a weight file.
        shown: what the error calls it.
    """
    import torch

    for name, tensor in _load(path).items():
        if tensor.is_floating_point() and not (finite := torch.isfinite(tensor.float())).all():
            bad = int((~finite).sum())
            raise ModelError(
                f"{shown}: the tensor {name!r} holds NaN or infinity ({bad:,} of {tensor.numel():,} values): "
                "the weights are damaged; fetch them again or use another model"
            )


def _load(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        tensors: dict[str, Tensor] = load_file(path)
        return tensors
    import torch

    # weights_only: a pickle can run code, and this refuses all that is not a tensor.
    state = torch.load(path, map_location="cpu", weights_only=True)
    return {name: value for name, value in state.items() if isinstance(value, torch.Tensor)}
