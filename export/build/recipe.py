"""The recipe: everything beside the model itself that decides a text's vector."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from export.build.token_counts import MOST_TOKENS
from export.model.source_model import Models, SourceModel
from export.model.transformer_configs import usable_positions
from handler.errors import ModelError, OptionError
from handler.json_types import is_unicode

# Raise it with every change of the handler's tokenizer, pooling or encoder that gives other vectors.
RECIPE_VERSION = 1


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a text becomes a vector: by the options, or else by the model's own settings."""

    pooling: str
    max_length: int  # tokens
    prompt: str
    dim: int  # the vector's first dimensions, which are kept


class Recipes(NamedTuple):
    """The recipe of queries and that of documents. Where one model embeds both, only the prompts differ."""

    query: Recipe
    document: Recipe


def choose_recipes(
    models: Models,
    *,
    pooling: str | None = None,
    max_length: int | None = None,
    dim: int | None = None,
    query_prompt: str | None = None,
    document_prompt: str | None = None,
) -> Recipes:
    """Takes a model's own value for each None. `pooling` isn't for a document model, which keeps its own.

    Raises ModelError where a model can't use an option's value, or the vectors of two models can't be compared, and
    OptionError for a prompt that isn't UTF-8.
    """
    query, document = models
    if query.full_dim != document.full_dim:
        raise ModelError(
            f"{query.model_id} gives {query.full_dim} dimensions, the document model {document.model_id} gives "
            f"{document.full_dim}: use two models that were trained for each other"
        )
    recipes = Recipes(
        _recipe(
            query, pooling, max_length, dim, query.query_prompt if query_prompt is None else query_prompt
        ),
        _recipe(
            document,
            pooling if document is query else None,
            max_length,
            dim,
            document.document_prompt if document_prompt is None else document_prompt,
        ),
    )
    if recipes.query.dim != recipes.document.dim:
        raise ModelError(
            f"{query.model_id} keeps {recipes.query.dim} dimensions, the document model {document.model_id} keeps "
            f"{recipes.document.dim}: give --dim"
        )
    return recipes


def _recipe(
    model: SourceModel, pooling: str | None, max_length: int | None, dim: int | None, prompt: str
) -> Recipe:
    recipe = Recipe(
        pooling or model.pooling,
        model.max_length if max_length is None else max_length,
        prompt,
        model.dim if dim is None else dim,
    )
    most = min(usable_positions(model.transformer_dir), MOST_TOKENS)
    if not 3 <= recipe.max_length <= most:
        raise ModelError(
            f"--max-length is {recipe.max_length}, {model.model_id} can read 3 to {most} tokens: "
            "choose one of those"
        )
    if not 1 <= recipe.dim <= model.full_dim:
        raise ModelError(
            f"--dim is {recipe.dim}, {model.model_id} gives {model.full_dim} dimensions: choose 1 to {model.full_dim}"
        )
    if recipe.prompt and not model.include_prompt:
        raise ModelError(
            f"{model.model_id} leaves the prompt out of its pooling, which can't be reproduced: "
            "use another model, or no prompt"
        )
    if not is_unicode(prompt):
        raise OptionError(f"the prompt {prompt[:40]!a} is not UTF-8: check the terminal's encoding")
    return recipe
