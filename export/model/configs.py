"""Reads the configs of a sentence-transformers folder. Each function answers one question.

sentence-transformers has written these files since 0.2, in several layouts, and all of them are read. Each function
returns what sentence-transformers itself would use. Where the handler couldn't do the same, it raises a ModelError that
names the file and the value.
"""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import Any

from handler.errors import ModelError

# In these models positions begin after the padding id, so the table's rows up to that id are never used.
OFFSET_POSITIONS = ("roberta", "xlm-roberta", "camembert", "mpnet")
# The largest encoders have less than a tenth of it.
MOST_LAYERS = 1000

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

# Where sentence_bert_config.json may have options for transformers' loaders and for each call of the tokenizer, and the
# options that change no text's vector here.
OPTION_TABLES = (
    *("model_kwargs", "model_args", "config_kwargs", "config_args"),
    *("processor_kwargs", "tokenizer_args", "processing_kwargs"),
)
HARMLESS = {
    "trust_remote_code",
    "torch_dtype",
    "dtype",
    "attn_implementation",
    "add_pooling_layer",
    "padding_side",
}


def module_folder(folder: Path, module: dict[str, Any], usual: str, config: Path | None = None) -> Path:
    """Returns the folder of one module of modules.json, or of a Router.

    The path is checked as it is written. Symbolic links are followed: the hub's cache consists of them.

    Args:
        folder: the folder that the path begins at.
        module: an entry of modules.json.
        usual: the path that counts where the entry has none.
        config: the file that names the path, for errors; None for modules.json.

    Raises:
        ModelError: the path is not a string, or leaves the folder.
    """
    config = config or folder / "modules.json"
    path = module.get("path", usual)
    if not isinstance(path, str):
        raise ModelError(f"{config} has the path {path!r}, which is not a text: mend it")
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise ModelError(
            f"{config} has the path {path!r}, which leaves the model folder: "
            "use a model whose modules are in its own folder"
        )
    return folder / path


def read_dim(path: Path, config: dict[str, Any]) -> int | None:
    """Returns the dimensions that sentence-transformers keeps of each vector (truncate_dim); None for all.

    Args:
        path: config_sentence_transformers.json, for errors.
        config: its content.

    Raises:
        ModelError: truncate_dim is not a whole number above 0.
    """
    return None if config.get("truncate_dim") is None else read_number(path, config, "truncate_dim")


def refuse_own_code(path: Path, config: dict[str, Any]) -> None:
    """Raises ModelError where the model's config asks for Python code of its own (trust_remote_code)."""
    if (code := config.get("auto_map")) is not None:
        names = code.values() if isinstance(code, dict) else [code]
        raise ModelError(
            f"{path} asks for the model's own code ({next(map(str, names), 'auto_map'):.80}), which is never run: "
            "use a model that transformers has built in"
        )


def refuse_adapter(transformer: Path) -> None:
    """Raises ModelError where the weights are an adapter's (LoRA), or an adapter would change the folder's own."""
    if (path := transformer / "adapter_config.json").exists():
        raise ModelError(
            f"{path} is the config of an adapter, whose weights aren't added: merge it into its base model (peft's "
            "merge_and_unload), and save that without this file"
        )


def refuse_endless_layers(path: Path, config: dict[str, Any]) -> None:
    """Raises ModelError where a config asks for more layers than any encoder has: transformers would make each of them."""
    layers = config.get("num_hidden_layers", config.get("n_layers"))
    if isinstance(layers, int) and layers > MOST_LAYERS:
        raise ModelError(f"{path} has {layers} layers, more than {MOST_LAYERS}: copy the model folder again")


def usable_positions(transformer_dir: Path) -> int:
    """Returns the largest number of tokens for which the encoder has positions."""
    path = transformer_dir / "config.json"
    config = read_object(path)
    positions = read_number(path, config, "max_position_embeddings")
    if config.get("model_type") in OFFSET_POSITIONS:
        # 1 is transformers' default for these models. MPNet's code always uses 1.
        padding = 1 if config["model_type"] == "mpnet" else config.get("pad_token_id", 1) or 0
        if not isinstance(padding, int):
            raise ModelError(f"{path}: pad_token_id is {padding!a:.40}, not a whole number: mend the config")
        positions -= padding + 1
    return positions


def read_max_length(transformer: Path, settings: dict[str, Any]) -> int:
    """Returns the length, in tokens, at which sentence-transformers cuts a text."""
    positions = usable_positions(transformer)
    length = settings.get("max_seq_length")
    if length is None:
        # sentence-transformers then takes the tokenizer's limit. min() below drops one that means "no limit".
        tokenizer = transformer / "tokenizer_config.json"
        length = (
            read_object(tokenizer).get("model_max_length", positions) if tokenizer.exists() else positions
        )
    # Two tokens are special ones, so 3 is the least for a text of one token.
    if not isinstance(length, int | float) or not length >= 3:
        raise ModelError(
            f"{transformer}: max_seq_length is {length!r}, not a number of tokens from 3 on: mend the config"
        )
    return int(min(length, positions))


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


def read_transformer_settings(transformer: Path) -> dict[str, Any]:
    """Reads sentence_bert_config.json, or the file of another name that an older model has."""
    path = next((transformer / name for name in TRANSFORMER_CONFIGS if (transformer / name).exists()), None)
    if path is None:
        raise ModelError(f"{transformer} lacks {TRANSFORMER_CONFIGS[0]}: copy the whole model folder")
    settings = read_object(path)
    # Since sentence-transformers 5.3 a model may pool something other than its hidden states.
    modalities = settings.get("modality_config") or {}
    text = (modalities.get("text") or {}) if isinstance(modalities, dict) else None
    if not isinstance(text, dict):
        raise ModelError(f"{path} has a modality_config that isn't a table of tables: mend it")
    for name, value, usual in (
        ("transformer_task", settings.get("transformer_task"), "feature-extraction"),
        ("method_output_name", text.get("method_output_name"), "last_hidden_state"),
    ):
        if value not in (None, usual):
            raise ModelError(
                f"{path} says {name} {value!r}, which can't be reproduced: use a model that says {usual!r}"
            )
    for name in (*OPTION_TABLES, "tokenizer_name_or_path"):
        if changes := _changes(settings.get(name)):
            raise ModelError(
                f"{path} says {name} {changes!r:.80}, which can't be reproduced: use a model without it"
            )
    return settings


def _changes(options: object) -> object:
    """Returns those options of a table that may change a vector; what is no table, such as None, as it is."""
    if not isinstance(options, dict):
        return options
    return {name: value for name, value in options.items() if name not in HARMLESS and value != {}}


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


def read_json(path: Path) -> Any:
    """Reads any JSON value."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise ModelError(f"the model lacks {path}: copy the whole model folder") from None
    except OSError as error:
        raise ModelError(f"{path} can't be read ({error.strerror}): check its permissions") from None
    except RecursionError:
        raise ModelError(f"{path} is nested too deeply: copy the model folder again") from None
    except ValueError as error:
        raise ModelError(f"{path} is not JSON ({error}): copy the model folder again") from None


def read_object(path: Path) -> dict[str, Any]:
    """Reads a JSON object."""
    value = read_json(path)
    if not isinstance(value, dict):
        raise ModelError(f"{path} is not a JSON object: copy the model folder again")
    return value


def read_number(path: Path, config: dict[str, Any], *names: str) -> int:
    """Returns the first of `names` that the config has as a whole number above 0."""
    for name in names:
        value = config.get(name)
        if isinstance(value, int) and value > 0:
            return value
    raise ModelError(f"{path} lacks {names[0]}: copy the model folder again")
