"""The two sides of a search, queries and documents: each one's model, converted, and its recipe.

Mostly one model embeds both, and then the two sides share their encoder. The artifact holds the query side's model.
A document model only embeds, at export.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

from export.build.encoder_files import EncoderFiles
from export.build.recipe import RECIPE_VERSION, Recipe, Recipes
from export.build.windows import tokens_around
from export.build.write_wordpieces import write_wordpieces
from export.model.conversion import Conversion
from export.model.convert import convert, versions
from export.model.dense import open_layers
from export.model.fp32 import Fp32Encoder
from export.model.source_model import Models, SourceModel
from handler.artifact import (
    DENSE_FILE,
    MODEL_FILE,
    TOKENIZER_FILE,
    WEIGHTS_FILE,
    WORDPIECES_FILE,
    Artifact,
    file_sha256,
)
from handler.encoder import Encoder
from handler.errors import OptionError
from handler.manifest_fields import DocumentModel
from handler.tokenizer import load_tokenizer

# Packages of query time whose version may change a vector.
RUNTIME = ("onnxruntime", "tokenizers", "numpy")


@dataclass(frozen=True, slots=True)
class Side:
    """A model, its conversion, its recipe, and the int8 encoder by that recipe."""

    model: SourceModel
    conversion: Conversion
    recipe: Recipe
    int8: Encoder

    @classmethod
    def convert(cls, model: SourceModel, recipe: Recipe, threads: int) -> Side:
        """Converts the model and opens its encoder."""
        conversion = convert(model)
        return cls(model, conversion, recipe, _files(model, conversion, recipe).open(threads))

    @property
    def files(self) -> EncoderFiles:
        """The int8 encoder's files and settings."""
        return _files(self.model, self.conversion, self.recipe)

    def fp32(self) -> Fp32Encoder:
        """Opens the encoder of the graph that the int8 one was made from, by the same recipe."""
        return Fp32Encoder(
            self.conversion.fp32,
            self.int8.tokenizer,
            self.recipe.pooling,
            self.int8.threads,
            layers=open_layers(self.model.dense, self.conversion.dense),
            dim=self.recipe.dim,
        )

    def check_prompt(self) -> None:
        """Raises OptionError where the prompt leaves no room for a text: every text would have the same vector."""
        around = tokens_around(self.conversion.tokenizer, self.recipe.prompt)
        if around >= self.recipe.max_length:
            raise OptionError(
                f"the prompt {self.recipe.prompt[:40]!r} has {around} tokens with the special ones, and {self.model.model_id} "
                f"reads {self.recipe.max_length} in all: shorten the prompt, or raise --max-length"
            )

    def write(self, directory: Path) -> None:
        """Copies the model into `directory`, and its tokenizer with truncation at max_length, by word pieces too if it is BERT's."""
        sources = {MODEL_FILE: self.conversion.model, WEIGHTS_FILE: self.conversion.weights}
        if self.model.dense:
            sources[DENSE_FILE] = self.conversion.dense
        for name, source in sources.items():
            (directory / name).write_bytes(source.read_bytes())
        tokenizer = self._tokenizer()
        (directory / TOKENIZER_FILE).write_text(tokenizer, encoding="utf-8")
        write_wordpieces(tokenizer, directory / WORDPIECES_FILE)

    def sha256(self) -> str:
        """Hashes everything that decides the vectors of this side."""
        parts: list[object] = [file_sha256(path) for path in (self.conversion.model, self.conversion.weights)]
        parts.append(hashlib.sha256(self._tokenizer().encode()).hexdigest())
        parts += [RECIPE_VERSION, self.recipe.pooling, self.recipe.max_length, self.recipe.prompt]
        parts += [versions()[name] for name in RUNTIME]
        # A model without these has the hash that it had before there were any.
        if self.model.dense:
            parts.append([file_sha256(self.conversion.dense), self.activations])
        if self.full_dim:
            parts.append(self.recipe.dim)
        return hashlib.sha256(json.dumps(parts, allow_nan=False).encode()).hexdigest()

    @property
    def activations(self) -> list[str] | None:
        """The activations of the Dense layers, as the manifest has them."""
        return [layer.activation for layer in self.model.dense] or None

    @property
    def full_dim(self) -> int | None:
        """The dimensions of the model's own vector, where not all of them are kept, as the manifest has them."""
        return None if self.recipe.dim == self.model.full_dim else self.model.full_dim

    def _tokenizer(self) -> str:
        tokenizer: str = load_tokenizer(self.conversion.tokenizer, self.recipe.max_length).to_str()
        return tokenizer


def _files(model: SourceModel, conversion: Conversion, recipe: Recipe) -> EncoderFiles:
    return EncoderFiles(
        conversion.folder,
        recipe.pooling,
        recipe.max_length,
        recipe.dim,
        tuple(layer.activation for layer in model.dense),
        model.dense[0].in_features if model.dense else 0,
    )


class Sides(NamedTuple):
    """Queries and documents."""

    query: Side
    document: Side

    @classmethod
    def convert(cls, models: Models, recipes: Recipes, threads: int) -> Sides:
        """Converts the model, or both; raises ModelError where one can't be converted."""
        query = Side.convert(models.query, recipes.query, threads)
        if models.document is models.query:
            document = replace(query, recipe=recipes.document)
        else:
            document = Side.convert(models.document, recipes.document, threads)
        return cls(query, document)

    @classmethod
    def of_artifact(cls, artifact: Artifact, models: Models, threads: int) -> Sides:
        """Returns the sides by the manifest's recipe. The query side's int8 encoder is the artifact's."""
        manifest = artifact.manifest
        recipe = Recipe(manifest.pooling, manifest.max_length, manifest.query_prompt, manifest.dim)
        query = Side(models.query, convert(models.query), recipe, Encoder.open(artifact, threads))
        if (other := manifest.document_model) is None:
            same = replace(query, recipe=replace(recipe, prompt=manifest.document_prompt))
            return cls(query, same)
        recipe = Recipe(other.pooling, other.max_length, manifest.document_prompt, manifest.dim)
        return cls(query, Side.convert(models.document, recipe, threads))

    def manifest_fields(self) -> dict[str, Any]:
        """Returns the manifest's fields on the model, or both, and on the recipe."""
        model, recipe = self.query.model, self.query.recipe
        return {
            "model_id": model.model_id,
            "revision": model.revision,
            "weights_sha256": model.weights_sha256,
            "pooling": recipe.pooling,
            "max_length": recipe.max_length,
            "query_prompt": recipe.prompt,
            "document_prompt": self.document.recipe.prompt,
            "normalize": True,
            "dim": recipe.dim,
            "graph": self.query.conversion.graph,
            "dense": self.query.activations,
            "full_dim": self.query.full_dim,
            "document_model": self._document_model(),
        }

    def _document_model(self) -> DocumentModel | None:
        model, recipe = self.document.model, self.document.recipe
        if model is self.query.model:
            return None
        return DocumentModel(
            model.model_id, model.revision, model.weights_sha256, recipe.pooling, recipe.max_length
        )
