"""The verification of every export: compares the int8 model with fp32, and the stored vectors with new ones.

A sample of documents, and queries of 2 to 6 words cut from them, are embedded by both models and the same recipe. The
rows that the artifact stores for the sample are compared with vectors that int8 gives now.
How good the model itself is, benchmarks/quality.py measures.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.build.embed import GATHER_CHUNK, check_unit_length
from export.build.sample import cut_queries, sample_documents, sample_rows
from export.model.convert import convert
from export.model.fp32 import Fp32Encoder
from export.model.source_model import DEFAULT_MODEL_ID, find_model
from handler.artifact import Artifact
from handler.encoder import Encoder
from handler.errors import ModelError, VerifyError
from handler.scores import Embeddings

DOCUMENTS = 400
QUERIES = 200
TOP = 10
# How far from 1 a stored vector's length may be: rounding to int8 makes it err by some thousandths.
STORED_TOLERANCE = 0.02
FIDELITY = ("cosine_mean", "cosine_least", "overlap")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The least figures with which an artifact is written.

    cosine_mean, cosine_least  mean and least cosine of int8's and fp32's vectors of the same text
    overlap                    share of fp32's top 10 that int8's top 10 has too
    stored_least               least cosine of a stored row and the vector that int8 gives now. Rounding to int8 leaves
                               it above .9999, so no option changes this threshold
    """

    cosine_mean: float = 0.98
    cosine_least: float = 0.90
    overlap: float = 0.80
    stored_least: float = 0.99

    def check(self, figures: dict[str, Any]) -> None:
        """Raises VerifyError that names every figure below its threshold. NaN counts as below."""
        if not figures["stored_least"] >= self.stored_least:
            raise VerifyError(
                "the stored vectors aren't those of the documents: "
                f"{self._short('stored_least', figures)}: run the export again with --force"
            )
        short = [self._short(name, figures) for name in FIDELITY if not figures[name] >= getattr(self, name)]
        if short:
            raise VerifyError(
                f"the int8 model is too far from fp32: {'; '.join(short)}: "
                "lower the threshold (--min-cosine-mean, --min-cosine-least, --min-overlap), or --no-verify"
            )

    def _short(self, name: str, figures: dict[str, Any]) -> str:
        return f"{name.replace('_', ' ')} is {figures[name]}, the least allowed is {getattr(self, name)}"


def measure(
    artifact: Path,
    stored: Embeddings,
    int8: Encoder,
    fp32: Fp32Encoder,
    *,
    query_prompt: str,
    document_prompt: str,
) -> dict[str, Any]:
    """Compares int8 with fp32, and the stored rows with int8, on a sample.

    Args:
        artifact: a folder with the documents and their offsets.
        stored: its embeddings.
        int8: its encoder.
        fp32: the encoder of the model that it was made from.
        query_prompt: the words before every query.
        document_prompt: the words before every document.

    Returns:
        The figures by name. documents, queries: how many were compared. cosine_mean, cosine_least: of int8's and fp32's
        vectors. overlap: of the top 10 within the sample. stored_least: least cosine of a stored row and int8's vector.
    """
    documents = sample_documents(artifact, DOCUMENTS)
    queries = cut_queries(documents, QUERIES)
    int8_documents, fp32_documents = (encoder.encode(documents, document_prompt) for encoder in (int8, fp32))
    int8_queries, fp32_queries = (encoder.encode(queries, query_prompt) for encoder in (int8, fp32))
    cosines = np.concatenate(
        [(int8_documents * fp32_documents).sum(axis=1), (int8_queries * fp32_queries).sum(axis=1)]
    )
    ours = _nearest(int8_documents, int8_queries)
    theirs = _nearest(fp32_documents, fp32_queries)
    return {
        "documents": len(documents),
        "queries": len(queries),
        "cosine_mean": round(float(cosines.mean()), 4),
        "cosine_least": round(float(cosines.min()), 4),
        "overlap": round(_overlap(ours, theirs), 4),
        "stored_least": round(_stored_least(stored, int8_documents), 4),
    }


def _nearest(documents: NDArray[np.float32], queries: NDArray[np.float32]) -> NDArray[np.int64]:
    """Returns the TOP nearest documents of each query. (n, dim), (q, dim) -> (q, k) int64."""
    return np.argsort(-(queries @ documents.T), axis=1, kind="stable")[:, :TOP]


def _overlap(ours: NDArray[np.int64], theirs: NDArray[np.int64]) -> float:
    """Returns the mean share of rows that both have. (q, k), (q, k) int64."""
    k = ours.shape[1]
    return float(
        np.mean([len(set(a) & set(b)) / k for a, b in zip(ours.tolist(), theirs.tolist(), strict=True)])
    )


def _stored_least(stored: Embeddings, anew: NDArray[np.float32]) -> float:
    """Returns the least cosine of the sample's stored rows with new vectors, (m, dim) float32; NaN if one is NaN."""
    rows = sample_rows(stored.count, DOCUMENTS)
    values = np.concatenate([stored.values(int(row), int(row) + 1) for row in rows])
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        cosines = np.vecdot(values, anew) / (np.linalg.norm(values, axis=1) * np.linalg.norm(anew, axis=1))
    return float(cosines.min())


def check_stored(stored: Embeddings) -> None:
    """Raises VerifyError for the first stored row that isn't finite or not of length 1. All are read, not a sample."""
    for start in range(0, stored.count, GATHER_CHUNK):
        values = stored.values(start, start + GATHER_CHUNK)
        check_unit_length(values, start, STORED_TOLERANCE)
        stored.let_go()


def verify_artifact(directory: Path, model: str | None, revision: str | None, threads: int) -> dict[str, Any]:
    """Checks each file's SHA-256 and each stored vector's length, then measures.

    Args:
        directory: the artifact.
        model: the model's folder or hub id; None for the one that the manifest names.
        revision: of a hub id.
        threads: number of texts embedded at once.

    Raises:
        ArtifactError: a file is missing or damaged.
        ModelError: the model isn't the one that the artifact came from.
        VerifyError: a stored vector isn't finite or not of length 1.
    """
    artifact = Artifact.open(directory)
    artifact.check_hashes()
    manifest = artifact.manifest
    if model is None and manifest.model_id != DEFAULT_MODEL_ID:
        if manifest.revision == "local":
            raise ModelError(
                f"the artifact was made from the folder {manifest.model_id}: say where it is with --model"
            )
        model, revision = manifest.model_id, revision or manifest.revision
    source = find_model(model, revision, manifest.weights_sha256)
    encoder = Encoder.open(artifact, threads)
    stored = Embeddings.load(directory, manifest.count, manifest.dim)
    check_stored(stored)
    return measure(
        directory,
        stored,
        encoder,
        Fp32Encoder(convert(source).fp32, encoder.tokenizer, encoder.pooling, threads),
        query_prompt=manifest.query_prompt,
        document_prompt=manifest.document_prompt,
    )
