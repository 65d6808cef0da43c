"""The handler as a textbook writes it, to measure ours against: FastAPI, the optimum int8 model, numpy, JSON.

Not slowed down on purpose: everything is loaded once at import, and a text is padded to itself alone.
benchmarks/cold_start.py makes its files from one of our artifacts.
"""

import json
import os
from pathlib import Path

import numpy as np
import onnxruntime
from fastapi import FastAPI
from mangum import Mangum
from pydantic import BaseModel
from tokenizers import Tokenizer

FOLDER = Path(os.environ["ARTIFACT_DIR"])

tokenizer = Tokenizer.from_file(str(FOLDER / "tokenizer.json"))
tokenizer.enable_truncation(256)
tokenizer.enable_padding()
session = onnxruntime.InferenceSession(
    str(FOLDER / "model_quantized.onnx"), providers=["CPUExecutionProvider"]
)
embeddings = np.load(FOLDER / "embeddings.npy")
documents = json.loads((FOLDER / "documents.json").read_text(encoding="utf-8"))

app = FastAPI()


class Query(BaseModel):
    """A query in words."""

    text: str
    num_results: int = 5


def embed(texts: list[str]) -> np.ndarray:
    """Mean-pooled and normalised. n texts -> (n, d) float32."""
    encodings = tokenizer.encode_batch(texts)
    inputs = {
        "input_ids": np.array([encoding.ids for encoding in encodings], np.int64),
        "attention_mask": np.array([encoding.attention_mask for encoding in encodings], np.int64),
        "token_type_ids": np.array([encoding.type_ids for encoding in encodings], np.int64),
    }
    wanted = {tensor.name for tensor in session.get_inputs()}
    outputs = session.run(None, {name: value for name, value in inputs.items() if name in wanted})
    mask = inputs["attention_mask"][:, :, None].astype(np.float32)
    pooled = (outputs[0] * mask).sum(1) / mask.sum(1).clip(1e-9)
    normalised: np.ndarray = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
    return normalised


@app.post("/similar")
def similar(query: Query) -> dict[str, object]:
    """The documents nearest to a text."""
    scores = embeddings @ embed([query.text])[0]
    best = np.argsort(scores)[::-1][: query.num_results]
    return {
        "text": [f"Item:{documents[i]['text']} (index: {i} score:{scores[i]})" for i in best],
        "results": [{**documents[i], "index": int(i), "score": float(scores[i])} for i in best],
    }


@app.get("/health")
def health() -> dict[str, object]:
    """Whether this process can answer."""
    return {"status": "ok", "documents": len(documents)}


handler = Mangum(app, lifespan="off")
