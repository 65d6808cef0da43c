"""A model's weights: which file holds them, its SHA-256, and whether they are whole and every number is finite."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from handler.artifact import file_sha256
from handler.errors import ArtifactError, ModelError, reason

if TYPE_CHECKING:
    from torch import Tensor

WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")
INDEX_FILES = tuple(f"{name}.index.json" for name in WEIGHT_FILES)
# transformers' own head over the first token. The hidden states that are pooled don't depend on it, and many models lack it.
HEAD = "pooler."


def find_weights(transformer: Path) -> Path:
    """Returns the file that transformers would load; raises ModelError where there is none."""
    path = next((transformer / name for name in WEIGHT_FILES if (transformer / name).is_file()), None)
    if path is None:
        if index := next((path for path in map(transformer.joinpath, INDEX_FILES) if path.exists()), None):
            raise ModelError(
                f"{index} says that the weights are in several files, which isn't supported: save the model in one "
                "(save_pretrained with a larger max_shard_size)"
            )
        raise ModelError(
            f"{transformer} has no weights ({' or '.join(WEIGHT_FILES)}): copy the whole model folder"
        )
    return path


def hash_weights(path: Path) -> str:
    """Returns the file's SHA-256 in hexadecimal digits; raises ModelError where it can't be read."""
    try:
        return file_sha256(path)
    except ArtifactError as error:
        raise ModelError(str(error)) from None


def refuse_non_finite(path: Path, shown: Path) -> None:
    """Reads the weights; raises ModelError that names the first tensor with NaN or infinity.

    It looks at stored values only. The infinities of an attention mask are made by the model's code.

    Args:
        path: a weight file.
        shown: the path that the error names.
    """
    import torch

    for name, tensor in load_weights(path, shown).items():
        if tensor.is_floating_point() and not (finite := torch.isfinite(tensor.float())).all():
            bad = int((~finite).sum())
            raise ModelError(
                f"{shown}: the tensor {name!r} holds NaN or infinity ({bad:,} of {tensor.numel():,} values): "
                "the weights are damaged; fetch them again or use another model"
            )


def refuse_missing(folder: Path, shown: Path) -> None:
    """Raises ModelError that names the first tensor that the encoder needs and its weights lack.

    transformers only warns of such a tensor, and fills it with random numbers.

    Args:
        folder: the encoder's config and weights.
        shown: the path of the weights that the error names.
    """
    from transformers import AutoModel

    _, found = AutoModel.from_pretrained(
        str(folder), output_loading_info=True, local_files_only=True, trust_remote_code=False
    )
    if missing := sorted(name for name in found["missing_keys"] if not name.startswith(HEAD)):
        raise ModelError(
            f"{shown} lacks {len(missing):,} of the encoder's tensors, the first is {missing[0]!r}: "
            "the weights are damaged or have other names; fetch them again or use another model"
        )


def load_weights(path: Path, shown: Path | None = None) -> dict[str, Tensor]:
    """Reads the tensors by name. Needs torch.

    Raises ModelError, which names `shown` or else the path, where they can't be read.
    """
    try:
        return _load(path)
    except Exception as error:  # noqa: BLE001 - the readers' errors share no base class but this one
        raise ModelError(
            f"{shown or path} can't be read as weights ({reason(error)}): fetch the model again or use another one"
        ) from None


def _load(path: Path) -> dict[str, Tensor]:
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        tensors: dict[str, Tensor] = load_file(path)
        return tensors
    import torch

    # A pickle can run code. weights_only refuses everything but tensors and plain values.
    state = torch.load(path, map_location="cpu", weights_only=True)
    if not isinstance(state, dict):
        raise TypeError(f"a {type(state).__name__}, not a table of tensors")
    return {name: value for name, value in state.items() if isinstance(value, torch.Tensor)}
