"""Writes the textbook handler's files from one of our artifacts: optimum's int8 graph, a matrix, one JSON."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np

from benchmarks.artifacts import float32_rows
from benchmarks.onnx_peers import optimum_int8
from handler.artifact import DOCUMENTS_FILE, TOKENIZER_FILE


def write_textbook_files(artifact: Path, out: Path) -> None:
    """Writes model_quantized.onnx, tokenizer.json, embeddings.npy and documents.json into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(optimum_int8(), out / "model_quantized.onnx")
    shutil.copyfile(artifact / TOKENIZER_FILE, out / "tokenizer.json")
    np.save(out / "embeddings.npy", float32_rows(artifact))
    lines = (artifact / DOCUMENTS_FILE).read_bytes().splitlines()
    (out / "documents.json").write_text(json.dumps([json.loads(line) for line in lines]))
