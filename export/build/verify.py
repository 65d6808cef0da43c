"""The gate of every export: the int8 artifact against the fp32 model it came from.

A sample of documents, and queries of 2 to 6 words cut from them, go through both; the same recipe otherwise.
It says nothing of how good the model itself is: benchmarks/quality.py does.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from export.model.conversion import FP32_FILE
from export.model.convert import convert
from export.model.source_model import DEFAULT_MODEL_ID, find_model
from handler.artifact import DOCUMENTS_FILE, OFFSETS_FILE, Artifact
from handler.encoder import Encoder
from handler.errors import ModelError, VerifyError
from handler.pooling import POOLINGS, l2_normalize

DOCUMENTS = 400
QUERIES = 200
TOP = 10


@dataclass(frozen=True, slots=True)
class Thresholds:
    """What an artifact must reach to be written."""

    cosine_mean: float = 0.98
    cosine_least: float = 0.90
    overlap: float = 0.80

    def check(self, figures: dict[str, Any]) -> None:
        """Raises VerifyError with every figure that falls short."""
        short = [
            f"{name.replace('_', ' ')} is {figures[name]}, the least allowed is {getattr(self, name)}"
            for name in ("cosine_mean", "cosine_least", "overlap")
            if figures[name] < getattr(self, name)
        ]
        if short:
            raise VerifyError(
                f"the int8 model is too far from fp32: {'; '.join(short)}: "
                "lower the threshold (--min-cosine-mean, --min-cosine-least, --min-overlap), or --no-verify"
            )


def measure(
    artifact: Path, converted: Path, encoder: Encoder, query_prompt: str, document_prompt: str
) -> dict[str, Any]:
    """int8 against fp32: the cosines' mean and least, and the overlap of the top 10 within the sample."""
    documents = sample_documents(artifact)
    queries = cut_queries(documents)
    fp32 = fp32_encode(converted, encoder)
    int8_documents, fp32_documents = (
        encoder.encode(documents, document_prompt),
        fp32(documents, document_prompt),
    )
    int8_queries, fp32_queries = encoder.encode(queries, query_prompt), fp32(queries, query_prompt)
    cosines = np.concatenate(
        [(int8_documents * fp32_documents).sum(axis=1), (int8_queries * fp32_queries).sum(axis=1)]
    )
    return {
        "documents": len(documents),
        "queries": len(queries),
        "cosine_mean": round(float(cosines.mean()), 4),
        "cosine_least": round(float(cosines.min()), 4),
        "overlap": round(_overlap(int8_documents, int8_queries, fp32_documents, fp32_queries), 4),
    }


def sample_documents(artifact: Path) -> list[str]:
    """Up to DOCUMENTS texts, evenly spread over the corpus."""
    offsets = np.load(artifact / OFFSETS_FILE)
    rows = np.unique(np.linspace(0, len(offsets) - 2, DOCUMENTS).astype(np.int64))
    texts = []
    with (artifact / DOCUMENTS_FILE).open("rb") as file:
        for row in rows:
            file.seek(int(offsets[row]))
            texts.append(str(json.loads(file.readline())["text"]))
    return texts


def cut_queries(documents: Sequence[str]) -> list[str]:
    """Up to QUERIES runs of 2 to 6 words from the documents, always the same."""
    random = np.random.default_rng(0)
    queries = []
    for document in documents[:: max(1, len(documents) // QUERIES)][:QUERIES]:
        words = document.split()
        length = int(random.integers(2, 7))
        start = int(random.integers(0, max(1, len(words) - length + 1)))
        queries.append(" ".join(words[start : start + length]))
    return queries


def fp32_encode(converted: Path, encoder: Encoder) -> Callable[[Sequence[str], str], NDArray[np.float32]]:
    """An encoder by the unquantised graph: the same tokenizer and pooling, one text per run."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    session = onnxruntime.InferenceSession(
        str(converted / FP32_FILE), options, providers=["CPUExecutionProvider"]
    )
    inputs = {node.name for node in session.get_inputs()}
    pool = POOLINGS[encoder.pooling]

    def encode_one(text: str) -> NDArray[np.float32]:
        input_ids = np.array([encoder.tokenizer.encode(text.strip()).ids], np.int64)
        feed = {
            "input_ids": input_ids,
            "attention_mask": np.ones_like(input_ids),
            "token_type_ids": np.zeros_like(input_ids),
        }
        outputs = session.run(None, {name: array for name, array in feed.items() if name in inputs})
        return l2_normalize(pool(outputs[0][0]))

    def encode(texts: Sequence[str], prompt: str) -> NDArray[np.float32]:
        with ThreadPoolExecutor(encoder.threads) as executor:
            return np.stack(list(executor.map(encode_one, [prompt + text for text in texts])))

    return encode


def _overlap(
    int8_documents: NDArray[np.float32],
    int8_queries: NDArray[np.float32],
    fp32_documents: NDArray[np.float32],
    fp32_queries: NDArray[np.float32],
) -> float:
    k = min(TOP, len(int8_documents))
    ours = np.argsort(-(int8_queries @ int8_documents.T), axis=1, kind="stable")[:, :k]
    theirs = np.argsort(-(fp32_queries @ fp32_documents.T), axis=1, kind="stable")[:, :k]
    return float(
        np.mean([len(set(a) & set(b)) / k for a, b in zip(ours.tolist(), theirs.tolist(), strict=True)])
    )


def verify_artifact(directory: Path, model: str | None, revision: str | None, threads: int) -> dict[str, Any]:
    """Checks each file's SHA-256, then measures; the model is the manifest's where none is given.

    Raises ArtifactError for a damaged file, ModelError where the model isn't the one that the artifact came from.
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
    return measure(
        directory, convert(source).folder, encoder, manifest.query_prompt, manifest.document_prompt
    )
