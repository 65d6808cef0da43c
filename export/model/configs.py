"""Reads the configs of a sentence-transformers folder. Each function answers one question.

sentence-transformers has written these files since 0.2, in several layouts, and all of them are read. Each function
returns what sentence-transformers itself would use. Where the handler couldn't do the same, it raises a ModelError that
names the file and the value.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from export.model.config_files import read_number, read_object
from handler.errors import ModelError

POOLING_FLAGS = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_cls_token": "cls",
}


def read_pooling(folder: Path) -> str:
    """Returns how the config in `folder` pools tokens to a text: mean, max or cls."""
    path = folder / "config.json"
    config = read_object(path)
    # sentence-transformers 5.3 and later write one mode or a list of modes; older ones write a flag for each.
    named = config.get("pooling_mode")
    if named is not None:
        modes = named if isinstance(named, list) else [named]
    else:
        modes = [
            POOLING_FLAGS.get(key, key)
            for key, on in config.items()
            if key.startswith("pooling_mode_") and on
        ]
    if len(modes) != 1 or modes[0] not in POOLING_FLAGS.values():
        raise ModelError(
            f"{path} pools by {' + '.join(map(str, modes)) or 'nothing'}, which can't be reproduced: "
            "use a model that pools by mean, max or cls"
        )
    return str(modes[0])


def read_sentence_config(folder: Path) -> dict[str, Any]:
    """Reads config_sentence_transformers.json (prompts, similarity). An older model has none, and gives {}."""
    path = folder / "config_sentence_transformers.json"
    return read_object(path) if path.exists() else {}


def read_prompt(folder: Path, config: dict[str, Any], names: tuple[str, ...]) -> str:
    """Returns the model's prompt of the first of `names` that it has, or else its default prompt, or else ""."""
    prompts = config.get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(text, str | None) for text in prompts.values()):
        raise ModelError(
            f"{folder / 'config_sentence_transformers.json'}: prompts is not a table of texts: mend it"
        )
    default = str(config.get("default_prompt_name"))
    return next((prompts[name] or "" for name in (*names, default) if name in prompts), "")


def read_dim(path: Path, config: dict[str, Any]) -> int | None:
    """Returns the dimensions that sentence-transformers keeps of each vector (truncate_dim); None for all.

    Args:
        path: config_sentence_transformers.json, for errors.
        config: its content.

    Raises:
        ModelError: truncate_dim is not a whole number above 0.
    """
    return None if config.get("truncate_dim") is None else read_number(path, config, "truncate_dim")
