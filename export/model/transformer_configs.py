"""Reads the configs of the transformer in a sentence-transformers folder, and refuses what would be run or left out unseen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from export.model.config_files import read_number, read_object
from handler.errors import ModelError

# In these models positions begin after the padding id, so the table's rows up to that id are never used.
OFFSET_POSITIONS = ("roberta", "xlm-roberta", "camembert", "mpnet")
# The largest encoders have less than a tenth of it.
MOST_LAYERS = 1000

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
