"""sentence-transformers as the oracle: a folder's vectors by its own code, and an export of the same folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from export.build.gate import Thresholds
from export.build.options import BuildOptions
from export.build.pipeline import build
from export.build.progress import Progress
from export.build.recipe import choose_recipes
from export.build.sides import Sides
from export.model.source_model import find_models
from handler.artifact import Artifact
from handler.encoder import Encoder
from handler.scores import Embeddings

Matrix = NDArray[np.float32]


class Vectors(NamedTuple):
    """The same texts as queries and as documents, each (n, dim) float32."""

    queries: Matrix
    documents: Matrix


def expected(folder: Path, texts: list[str], *, max_length: int | None = None, **options: Any) -> Vectors:
    """What sentence-transformers gives; the options go to SentenceTransformer."""
    from sentence_transformers import SentenceTransformer

    loaded = SentenceTransformer(str(folder), device="cpu", **options)
    if max_length is not None:
        # sentence-transformers alone would go beyond RoBERTa's last position, and fail.
        loaded.max_seq_length = max_length
    return Vectors(
        loaded.encode_query(texts, normalize_embeddings=True),
        loaded.encode_document(texts, normalize_embeddings=True),
    )


def fp32(folder: Path, texts: list[str], *, document_model: str | None = None, **options: Any) -> Vectors:
    """What the converted model gives in fp32; the options are those of choose_recipes."""
    models = find_models(str(folder), None, None, document_model)
    query, document = Sides.convert(models, choose_recipes(models, **options), threads=2)
    return Vectors(
        query.fp32().encode(texts, query.recipe.prompt),
        document.fp32().encode(texts, document.recipe.prompt),
    )


def export(folder: Path, texts: list[str], out: Path, **options: Any) -> Artifact:
    """Exports the texts with the model in `folder`; the options are those of an export."""
    corpus = out.parent / f"{out.name}.txt"
    corpus.write_text("\n".join(texts), encoding="utf-8")
    fields: dict[str, Any] = {"thresholds": Thresholds(), **options}
    build(
        BuildOptions(corpus=str(corpus), text=["text"], model=str(folder), out=out, threads=2, **fields),
        Progress(quiet=True),
    )
    return Artifact.open(out)


def answered(artifact: Artifact, texts: list[str]) -> Vectors:
    """What an artifact gives: its encoder for queries, and the vectors that it has stored of the documents."""
    manifest = artifact.manifest
    queries = Encoder.open(artifact).encode(texts, manifest.query_prompt)
    stored = Embeddings.load(artifact.directory, manifest.count, manifest.dim)
    return Vectors(queries, stored.values(0, manifest.count).astype(np.float32))


def cosines(a: Matrix, b: Matrix) -> Matrix:
    """The cosine of each row, of vectors of length 1. (n, dim), (n, dim) -> (n,)."""
    both: Matrix = (a * b).sum(axis=1)
    return both


def assert_alike(found: Vectors, right: Vectors, least: float) -> None:
    """Every query and every document has at least the cosine `least` to the oracle's."""
    for ours, theirs in zip(found, right, strict=True):
        assert ours.shape == theirs.shape
        assert cosines(ours, theirs).min() >= least
