"""Writes model.onnx, its weights and tokenizer.json from a conversion, and loads them as the handler does."""

from __future__ import annotations

from pathlib import Path

from export.build.recipe import Recipe
from export.model.conversion import Conversion
from handler.artifact import MODEL_FILE, TOKENIZER_FILE, WEIGHTS_FILE
from handler.encoder import Encoder
from handler.session import open_session
from handler.tokenizer import BoundedTokenizer, load_tokenizer


def write_model(conversion: Conversion, directory: Path, recipe: Recipe, dim: int, threads: int) -> Encoder:
    """Copies the model, and its tokenizer with truncation at max_length; returns the encoder over both."""
    for name, source in ((MODEL_FILE, conversion.model), (WEIGHTS_FILE, conversion.weights)):
        (directory / name).write_bytes(source.read_bytes())
    tokenizer = load_tokenizer(conversion.tokenizer, recipe.max_length)
    (directory / TOKENIZER_FILE).write_text(tokenizer.to_str(), encoding="utf-8")
    return Encoder(
        open_session(directory / MODEL_FILE),
        BoundedTokenizer(tokenizer, recipe.max_length),
        pooling=recipe.pooling,
        dim=dim,
        threads=threads,
    )
