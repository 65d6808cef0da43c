"""Reads a sentence-transformers folder: which encoder it has and by which recipe a text becomes a vector.

It combines what modules.py, transformer_configs.py, configs.py and dense.py read. What the handler can't reproduce faithfully (another pooling,
a model's own code) is refused by name and never approximated. The weights are hashed here and not loaded.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from export.model.card import read_languages
from export.model.config_files import read_number, read_object
from export.model.configs import read_dim, read_pooling, read_prompt, read_sentence_config
from export.model.dense import DenseLayer, read_dense
from export.model.modules import Route, read_routes
from export.model.places import Place, find_place
from export.model.transformer_configs import (
    read_max_length,
    read_transformer_settings,
    refuse_adapter,
    refuse_endless_layers,
    refuse_own_code,
)
from export.model.weights import find_weights, hash_weights
from handler.errors import ModelError

# The encoders that optimum converts and whose hidden states are pooled directly.
MODEL_TYPES = ("bert", "roberta", "xlm-roberta", "camembert", "distilbert", "mpnet", "electra", "modernbert")
# The prompts that sentence-transformers' encode_query and encode_document look for, in the same order.
QUERY_PROMPTS = ("query",)
DOCUMENT_PROMPTS = ("document", "passage", "corpus")


@dataclass(frozen=True, slots=True)
class SourceModel:
    """A model to convert, and how sentence-transformers would use it. Of a model with a Router, it is one route."""

    model_id: str
    revision: str
    transformer_dir: Path
    weights_sha256: str  # of the transformer
    model_type: str
    num_attention_heads: int
    hidden_size: int  # dimensions of a token's embedding
    pooling: str
    include_prompt: bool  # whether the prompt's tokens are pooled too
    max_length: int  # tokens
    lowercase: bool  # before the tokenizer's own normaliser
    query_prompt: str
    document_prompt: str
    dense: tuple[DenseLayer, ...] = ()  # after the pooling
    truncate_dim: int | None = None  # dimensions that are kept of the text's vector; None for all
    languages: tuple[str, ...] = ()  # that the model's card names, as it names them

    @property
    def full_dim(self) -> int:
        """Dimensions of a text's vector before any are cut off."""
        return self.dense[-1].out_features if self.dense else self.hidden_size

    @property
    def dim(self) -> int:
        """Dimensions of a text's vector."""
        return min(self.truncate_dim or self.full_dim, self.full_dim)

    def to_json(self) -> str:
        """Writes the fields for another process."""
        return json.dumps(dataclasses.asdict(self), default=str)

    @classmethod
    def from_json(cls, text: str) -> SourceModel:
        """Reads what to_json wrote."""
        fields = json.loads(text)
        fields["transformer_dir"] = Path(fields["transformer_dir"])
        fields["languages"] = tuple(fields["languages"])
        fields["dense"] = tuple(DenseLayer(**{**d, "folder": Path(d["folder"])}) for d in fields["dense"])
        return cls(**fields)


class Models(NamedTuple):
    """The models that embed queries and documents. They are one object where one model embeds both."""

    query: SourceModel
    document: SourceModel


def find_model(model: str | None, revision: str | None, sha256: str | None) -> SourceModel:
    """Finds the model that embeds queries; see find_models."""
    return find_models(model, revision, sha256).query


def find_models(
    model: str | None,
    revision: str | None,
    sha256: str | None,
    document_model: str | None = None,
    document_revision: str | None = None,
) -> Models:
    """Finds a model, and the one that embeds the documents, and reads their configs.

    Args:
        model: a folder, a hub id, or None for the default model, which DEFAULT_NAME names too.
        revision: of a hub id; None for its main branch.
        sha256: the SHA-256 that the weights must have, in hex digits; None for any. The default model's is known.
        document_model: a folder or hub id; None for `model`, whose Router may have a route of its own for documents.
        document_revision: of the document model's hub id.

    Raises:
        ModelError: the model can't be found, lacks a part, isn't supported, or has weights of another SHA-256.
    """
    place = find_place(model, revision, sha256, "--revision")
    routes = read_routes(place.folder)
    query = _read_route(place, routes.query)
    if document_model is None:
        if document_revision is not None:
            raise ModelError(
                "--document-revision is given without --document-model: name the model, or leave it out"
            )
        document_route = routes.document
        document_place = place._replace(sha256=None)
    else:
        document_place = find_place(document_model, document_revision, None, "--document-revision")
        document_route = read_routes(document_place.folder).document
    if (document_place.folder, document_route) == (place.folder, routes.query):
        return Models(query, query)
    return Models(query, _read_route(document_place, document_route))


def _read_route(place: Place, route: Route) -> SourceModel:
    """Reads the configs of one route; raises ModelError that names a missing or unsupported part."""
    transformer = route.transformer
    refuse_adapter(transformer)
    path = transformer / "config.json"
    config = read_object(path)
    if (elsewhere := config.get("transformers_weights")) is not None:
        raise ModelError(
            f"{path} says transformers_weights {elsewhere!r}, so other weights would be used "
            "than those whose SHA-256 is checked: remove that key"
        )
    model_type = config.get("model_type")
    if model_type not in MODEL_TYPES:
        raise ModelError(
            f"{path} says model_type {model_type!r}: only BERT's family is supported ({', '.join(MODEL_TYPES)})"
        )
    refuse_own_code(path, config)
    refuse_endless_layers(path, config)
    hidden_size, heads = (
        read_number(path, config, *names)
        for names in (("hidden_size", "dim"), ("num_attention_heads", "n_heads"))
    )
    settings = read_transformer_settings(transformer)
    sentence_path = place.folder / "config_sentence_transformers.json"
    sentence_config = read_sentence_config(place.folder)
    similarity = sentence_config.get("similarity_fn_name")
    if not route.normalizes and similarity not in (None, "cosine"):
        raise ModelError(
            f"{sentence_path} compares by {similarity!r} without normalising: "
            "seeklet ranks by cosine only, so use a model made for cosine"
        )
    query_prompt, document_prompt = (
        read_prompt(place.folder, sentence_config, names) for names in (QUERY_PROMPTS, DOCUMENT_PROMPTS)
    )
    pooling_path = route.pooling / "config.json"
    include_prompt = read_object(pooling_path).get("include_prompt") is not False
    if not include_prompt and (query_prompt or document_prompt):
        raise ModelError(
            f"{pooling_path} leaves the prompt out of the pooling, which can't be reproduced: use another model"
        )
    dense: list[DenseLayer] = []
    for folder in route.dense:
        dense.append(read_dense(folder, dense[-1].out_features if dense else hidden_size))
    return SourceModel(
        model_id=place.model_id,
        revision=place.revision,
        transformer_dir=transformer,
        weights_sha256=_check_weights(find_weights(transformer), place.sha256),
        model_type=model_type,
        num_attention_heads=heads,
        hidden_size=hidden_size,
        pooling=read_pooling(route.pooling),
        include_prompt=include_prompt,
        max_length=read_max_length(transformer, settings),
        lowercase=bool(settings.get("do_lower_case")),
        query_prompt=query_prompt,
        document_prompt=document_prompt,
        dense=tuple(dense),
        truncate_dim=read_dim(sentence_path, sentence_config),
        languages=read_languages(place.folder),
    )


def _check_weights(path: Path, expected: str | None) -> str:
    found = hash_weights(path)
    if expected is not None and found != expected.lower():
        raise ModelError(
            f"{path} has SHA-256 {found}, expected {expected}: it is damaged or another model; fetch it again"
        )
    return found
