"""The verification of every export: compares the int8 model with fp32, and the stored vectors with new ones.

A sample of documents (of passages, where the artifact has them), and queries of 2 to 6 words cut from them, are embedded by both models and the same recipe. The
rows that the artifact stores for the sample are compared with vectors that int8 gives now.
How good the model itself is, benchmarks/quality.py measures.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from export.build.embed import GATHER_CHUNK
from export.build.progress import Progress
from export.build.sample import cut_queries, sample_rows, sample_texts
from export.build.sides import Sides
from export.build.unit_length import ROUNDED_TOLERANCE, check_unit_length
from export.build.whole import check_scan, check_whole
from export.model.fp32 import Fp32Encoder
from export.model.places import DEFAULT_MODEL_ID
from export.model.source_model import find_models
from handler.artifact import Artifact
from handler.encoder import Encoder
from handler.errors import ModelError, VerifyError
from handler.scores import Embeddings

DOCUMENTS = 400
QUERIES = 200
TOP = 10
# Scores that differ by less are equal but for rounding.
_TIE = 1e-6
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

    def check(self, figures: dict[str, Any], way_out: str = "") -> None:
        """Raises VerifyError that names every figure below its threshold, and the caller's own way out. NaN counts as below."""
        if not figures["stored_least"] >= self.stored_least:
            raise VerifyError(
                "the stored vectors aren't those of the documents: "
                f"{self._short('stored_least', figures)}: run the export again with --force"
            )
        short = [self._short(name, figures) for name in FIDELITY if not figures[name] >= getattr(self, name)]
        if short:
            raise VerifyError(
                f"the int8 model is too far from fp32: {'; '.join(short)}: "
                f"lower the threshold (--min-cosine-mean, --min-cosine-least, --min-overlap){way_out}"
            )

    def _short(self, name: str, figures: dict[str, Any]) -> str:
        return f"{name.replace('_', ' ')} is {figures[name]}, the least allowed is {getattr(self, name)}"


class Compared(NamedTuple):
    """The two encoders of one side, queries or documents, and the words before each of its texts."""

    int8: Encoder
    fp32: Fp32Encoder
    prompt: str

    def encode(self, texts: Sequence[str]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Returns int8's and fp32's vectors, (n, dim) float32 each."""
        return self.int8.encode(texts, self.prompt), self.fp32.encode(texts, self.prompt)


def measure(artifact: Path, stored: Embeddings, queries: Compared, documents: Compared) -> dict[str, Any]:
    """Compares int8 with fp32, and the stored rows with int8, on a sample.

    Args:
        artifact: a folder with the documents and their offsets.
        stored: its embeddings.
        queries: the encoders of queries.
        documents: the encoders of documents.

    Returns:
        The figures by name. documents, queries: how many were compared. cosine_mean, cosine_least: of int8's and fp32's
        vectors. overlap: of the top 10 within the sample. stored_least: least cosine of a stored row and int8's vector.
    """
    sample = sample_texts(artifact, DOCUMENTS)
    cut = cut_queries(sample, QUERIES)
    int8_documents, fp32_documents = documents.encode(sample)
    int8_queries, fp32_queries = queries.encode(cut)
    cosines = np.concatenate(
        [(int8_documents * fp32_documents).sum(axis=1), (int8_queries * fp32_queries).sum(axis=1)]
    )
    return {
        "documents": len(sample),
        "queries": len(cut),
        "cosine_mean": round(float(cosines.mean()), 4),
        "cosine_least": round(float(cosines.min()), 4),
        "overlap": round(overlap(int8_queries @ int8_documents.T, fp32_queries @ fp32_documents.T), 4),
        "stored_least": round(_stored_least(stored, int8_documents), 4),
    }


def measure_sides(artifact: Path, stored: Embeddings, sides: Sides) -> dict[str, Any]:
    """Measures with the encoders of both sides, as measure does. Where one model embeds both, it is loaded once."""
    query, document = sides
    fp32 = query.fp32()
    other = fp32 if document.int8 is query.int8 else document.fp32()
    return measure(
        artifact,
        stored,
        Compared(query.int8, fp32, query.recipe.prompt),
        Compared(document.int8, other, document.recipe.prompt),
    )


def overlap(ours: NDArray[np.float32], theirs: NDArray[np.float32]) -> float:
    """Returns the mean share of our TOP best documents that are among their best too. Scores (q, n), (q, n) -> 0 to 1.

    Equal texts have equal scores but for rounding, and any of them may stand in the last places: a document of ours is
    among theirs where its score there reaches their last one.
    """
    k = min(TOP, ours.shape[1])
    best = np.argsort(-ours, axis=1, kind="stable")[:, :k]
    last = np.partition(theirs, -k, axis=1)[:, -k, None]
    return float((np.take_along_axis(theirs, best, 1) >= last - _TIE).mean())


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
        check_unit_length(values, start, ROUNDED_TOLERANCE)
        stored.let_go()


def verify_artifact(
    directory: Path,
    model: str | None,
    revision: str | None,
    threads: int,
    document_model: str | None = None,
    document_revision: str | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Checks each file's SHA-256 and content and each stored vector's length, then measures.

    Args:
        directory: the artifact.
        model: the model's folder or hub id; None for the one that the manifest names.
        revision: of a hub id.
        threads: number of texts embedded at once.
        document_model: the same of the model that embedded the documents, where it is another one.
        document_revision: of its hub id.
        progress: says what is done; None for nothing.

    Raises:
        ArtifactError: a file is missing or damaged.
        ModelError: the model isn't the one that the artifact came from.
        VerifyError: a stored vector isn't finite or not of length 1.
    """
    artifact = Artifact.open(directory)
    progress = progress or Progress(quiet=True)
    with progress.step("checking the files"):
        artifact.check_hashes()
        check_whole(artifact, threads)
    manifest = artifact.manifest
    if model is None and manifest.model_id != DEFAULT_MODEL_ID:
        model, revision = _named(manifest.model_id, manifest.revision, revision, "--model")
    other = manifest.document_model
    if other is None and document_model is not None:
        raise ModelError(f"{directory} was made without a document model: leave out --document-model")
    # A Router's model has both of them, so then there is nothing more to find.
    if other and document_model is None and other[:2] != (manifest.model_id, manifest.revision):
        document_model, document_revision = _named(
            other.model_id, other.revision, document_revision, "--document-model"
        )
    models = find_models(model, revision, manifest.weights_sha256, document_model, document_revision)
    expected = other.weights_sha256 if other else manifest.weights_sha256
    if models.document.weights_sha256 != expected:
        raise ModelError(
            f"{models.document.model_id} embeds documents by weights of SHA-256 {models.document.weights_sha256}, "
            f"the artifact's were embedded by {expected}: name that model (--document-model)"
        )
    with progress.step("converting the model"):
        sides = Sides.of_artifact(artifact, models, threads)
    stored = Embeddings.load(directory, manifest.rows, manifest.dim)
    with progress.step("verifying int8 against fp32"):
        check_stored(stored)
        check_scan(artifact, stored, threads)
        return measure_sides(directory, stored, sides)


def _named(model_id: str, revision: str, given: str | None, option: str) -> tuple[str, str]:
    """Returns the model and the revision that the manifest names; `given` is a revision that comes before its own."""
    if revision == "local":
        raise ModelError(f"the artifact was made from the folder {model_id}: say where it is with {option}")
    return model_id, given or revision
