"""The configs of a sentence-transformers folder, one question each.

Old layouts and new: sentence-transformers has written these files since 0.2. Each answer is what it would use
itself, or a ModelError that names file and value where the handler couldn't do the same.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from handler.errors import ModelError

# Their positions begin after the padding id, so that many of the table's rows can't be used.
OFFSET_POSITIONS = ("roberta", "xlm-roberta", "camembert", "mpnet")

POOLING_FLAGS = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_cls_token": "cls",
}
TRANSFORMER_CONFIGS = (
    "sentence_bert_config.json",
    "sentence_roberta_config.json",
    "sentence_distilbert_config.json",
    "sentence_camembert_config.json",
    "sentence_xlm-roberta_config.json",
)


def usable_positions(transformer_dir: Path) -> int:
    """The most tokens that the encoder has positions for."""
    path = transformer_dir / "config.json"
    config = read_object(path)
    positions = read_number(path, config, "max_position_embeddings")
    if config.get("model_type") in OFFSET_POSITIONS:
        # 1 is transformers' default for these; MPNet's code knows no other.
        padding = 1 if config["model_type"] == "mpnet" else config.get("pad_token_id", 1)
        positions -= int(padding or 0) + 1
    return positions


def read_max_length(transformer: Path, config: dict[str, Any], settings: dict[str, Any]) -> int:
    """The length that sentence-transformers cuts a text at, in tokens."""
    positions = usable_positions(transformer)
    length = settings.get("max_seq_length")
    if length is None:
        # As sentence-transformers: the tokenizer's limit, where it has a real one.
        tokenizer = transformer / "tokenizer_config.json"
        length = (
            read_object(tokenizer).get("model_max_length", positions) if tokenizer.exists() else positions
        )
    # Two of a text's tokens are the special ones.
    if not isinstance(length, int | float) or not length >= 3:
        raise ModelError(
            f"{transformer}: max_seq_length is {length!r}, not a number of tokens from 3 on: mend the config"
        )
    return int(min(length, positions))


def read_pooling(folder: Path) -> str:
    """The way from tokens to text, as the config in `folder` says: mean, max or cls."""
    path = folder / "config.json"
    config = read_object(path)
    # As sentence-transformers 5.3 and later write it, one or several; before, a flag each.
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


def read_transformer_settings(transformer: Path) -> dict[str, Any]:
    """sentence_bert_config.json, by whatever name it has."""
    path = next((transformer / name for name in TRANSFORMER_CONFIGS if (transformer / name).exists()), None)
    if path is None:
        raise ModelError(f"{transformer} lacks {TRANSFORMER_CONFIGS[0]}: copy the whole model folder")
    settings = read_object(path)
    # Since sentence-transformers 5.3 a model may pool something else than its hidden states.
    text = (settings.get("modality_config") or {}).get("text") or {}
    for name, value, usual in (
        ("transformer_task", settings.get("transformer_task"), "feature-extraction"),
        ("method_output_name", text.get("method_output_name"), "last_hidden_state"),
    ):
        if value not in (None, usual):
            raise ModelError(
                f"{path} says {name} {value!r}, which can't be reproduced: use a model that says {usual!r}"
            )
    return settings


def read_sentence_config(folder: Path) -> dict[str, Any]:
    """config_sentence_transformers.json: prompts and similarity; older models have none."""
    path = folder / "config_sentence_transformers.json"
    return read_object(path) if path.exists() else {}


def read_prompt(folder: Path, config: dict[str, Any], names: tuple[str, ...]) -> str:
    """The first of the prompts `names` that the model has, or else its default, or else ""."""
    prompts = config.get("prompts") or {}
    if not isinstance(prompts, dict) or not all(isinstance(text, str | None) for text in prompts.values()):
        raise ModelError(
            f"{folder / 'config_sentence_transformers.json'}: prompts is not a table of texts: mend it"
        )
    default = str(config.get("default_prompt_name"))
    return next((prompts[name] or "" for name in (*names, default) if name in prompts), "")


def read_json(path: Path) -> Any:
    """Any JSON value."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ModelError(f"the model lacks {path}: copy the whole model folder") from None
    except OSError as error:
        raise ModelError(f"{path} can't be read ({error.strerror}): check its permissions") from None
    except ValueError as error:
        raise ModelError(f"{path} is not JSON ({error}): copy the model folder again") from None


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object."""
    value = read_json(path)
    if not isinstance(value, dict):
        raise ModelError(f"{path} is not a JSON object: copy the model folder again")
    return value


def read_number(path: Path, config: dict[str, Any], *names: str) -> int:
    """The first of `names` that is there: a size, above 0."""
    for name in names:
        value = config.get(name)
        if isinstance(value, int) and value > 0:
            return value
    raise ModelError(f"{path} lacks {names[0]}: copy the model folder again")
