"""A new folder for the converter, which holds only the files that were hashed.

transformers looks for weights in many places: a key in config.json, an index of shards, an adapter's config. It could
find other weights there than those whose hash was compared with --sha256. So it never sees the model's own folder.
"""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

from export.model.config_files import read_object
from export.model.source_model import SourceModel
from export.model.weights import find_weights, hash_weights
from handler.errors import ModelError

# The config, and the files that tokenizers of BERT's family are made from.
PATTERNS = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "vocab.json",
    "*.txt",
    "*.model",
)


def hash_configs(transformer: Path) -> str:
    """Returns the SHA-256 over the names and bytes of the files that are staged beside the weights.

    Raises:
        ModelError: one of the files can't be read.
    """
    digest = hashlib.sha256()
    for path in _configs(transformer):
        try:
            digest.update(path.name.encode("utf-8", "surrogateescape") + path.read_bytes())
        except OSError as error:
            raise ModelError(f"{path} can't be read ({error.strerror}): check its permissions") from None
    return digest.hexdigest()


def stage(model: SourceModel, folder: Path) -> None:
    """Makes `folder`, and copies the files that the conversion reads into it.

    Raises:
        ModelError: the weights are not those that were hashed, or the tokenizer's config names a file elsewhere.
    """
    _check_tokenizer(model.transformer_dir / "tokenizer_config.json")
    _copy_weights(model.transformer_dir, folder, model.weights_sha256)
    for path in _configs(model.transformer_dir):
        shutil.copyfile(path, folder / path.name)
    for place, layer in enumerate(model.dense):
        _copy_weights(layer.folder, dense_folder(folder, place), layer.weights_sha256)


def dense_folder(folder: Path, place: int) -> Path:
    """Returns the folder, within the staged one, that holds the weights of a Dense layer."""
    return folder / f"dense{place}"


def _copy_weights(source: Path, folder: Path, sha256: str) -> None:
    """Makes `folder`, and copies the weights into it; raises ModelError where they have another SHA-256."""
    folder.mkdir()
    weights = find_weights(source)
    shutil.copyfile(weights, folder / weights.name)
    found = hash_weights(folder / weights.name)
    if found != sha256:
        raise ModelError(f"{weights} has SHA-256 {found}, it had {sha256} a moment ago: export again")


def _configs(transformer: Path) -> list[Path]:
    found = {path for pattern in PATTERNS for path in transformer.glob(pattern) if path.is_file()}
    return sorted(found)


def _check_tokenizer(path: Path) -> None:
    """Raises ModelError where transformers would read tokenizer.json from the place that the config names."""
    named = read_object(path).get("tokenizer_file") if path.exists() else None
    if named is not None:
        raise ModelError(
            f"{path} says tokenizer_file {named!r}, so tokenizer.json would not be used: remove that key"
        )
