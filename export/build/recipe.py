"""The recipe: everything beside the model itself that decides a text's vector."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from export.build.token_counts import MOST_TOKENS
from export.model.configs import usable_positions
from export.model.convert import versions
from export.model.source_model import SourceModel
from handler.artifact import MODEL_FILE, TOKENIZER_FILE, WEIGHTS_FILE, file_sha256
from handler.errors import ModelError

# Raise it with every change of the handler's tokenizer, pooling or encoder that gives other vectors.
RECIPE_VERSION = 1
# Packages of query time whose version may change a vector.
RUNTIME = ("onnxruntime", "tokenizers", "numpy")


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a text becomes a vector: by the options, or else by the model's own settings."""

    pooling: str
    max_length: int  # tokens
    query_prompt: str
    document_prompt: str

    @classmethod
    def choose(
        cls,
        model: SourceModel,
        *,
        pooling: str | None = None,
        max_length: int | None = None,
        query_prompt: str | None = None,
        document_prompt: str | None = None,
    ) -> Recipe:
        """Takes the model's own value for each None. Raises ModelError where the model can't use an option's value."""
        recipe = cls(
            pooling or model.pooling,
            model.max_length if max_length is None else max_length,
            model.query_prompt if query_prompt is None else query_prompt,
            model.document_prompt if document_prompt is None else document_prompt,
        )
        most = min(usable_positions(model.transformer_dir), MOST_TOKENS)
        if not 3 <= recipe.max_length <= most:
            raise ModelError(
                f"--max-length is {recipe.max_length}, {model.model_id} can read 3 to {most} tokens: "
                "choose one of those"
            )
        if (recipe.query_prompt or recipe.document_prompt) and not model.include_prompt:
            raise ModelError(
                f"{model.model_id} leaves the prompt out of its pooling, which can't be reproduced: "
                "use another model, or no prompt"
            )
        return recipe

    def sha256(self, directory: Path) -> str:
        """Hashes everything that decides a document's vector; the converted model's files are in `directory`."""
        parts: list[object] = [
            file_sha256(directory / name) for name in (MODEL_FILE, WEIGHTS_FILE, TOKENIZER_FILE)
        ]
        parts += [RECIPE_VERSION, self.pooling, self.max_length, self.document_prompt]
        parts += [versions()[name] for name in RUNTIME]
        return hashlib.sha256(json.dumps(parts, allow_nan=False).encode()).hexdigest()
