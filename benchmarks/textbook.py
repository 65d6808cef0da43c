"""The textbook handler, which ours is compared with: FastAPI, optimum's int8 model, numpy, JSON.

It isn't slow on purpose: everything is loaded once, and a text gets no padding. It has two forms. One has `def`, which
FastAPI runs in a thread pool, and ONNX Runtime's own choice of threads. The other has `async def` and one thread.
benchmarks.textbook_files makes its files from one of our artifacts. It imports nothing of ours.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from fastapi import FastAPI
from mangum import Mangum
from pydantic import BaseModel
from tokenizers import Tokenizer


class Query(BaseModel):
    """A query in words."""

    text: str
    num_results: int = 5


class Searcher:
    """The textbook's model, matrix and documents."""

    def __init__(self, folder: Path, options: onnxruntime.SessionOptions) -> None:
        """Loads model_quantized.onnx, tokenizer.json, embeddings.npy and documents.json."""
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(256)
        self.tokenizer.enable_padding()
        self.session = onnxruntime.InferenceSession(
            str(folder / "model_quantized.onnx"), options, providers=["CPUExecutionProvider"]
        )
        self.embeddings = np.load(folder / "embeddings.npy")
        self.documents = json.loads((folder / "documents.json").read_text(encoding="utf-8"))

    def embed(self, texts: list[str]) -> np.ndarray:
        """Returns mean-pooled and normalised vectors. n texts -> (n, d) float32."""
        encodings = self.tokenizer.encode_batch(texts)
        inputs = {
            "input_ids": np.array([encoding.ids for encoding in encodings], np.int64),
            "attention_mask": np.array([encoding.attention_mask for encoding in encodings], np.int64),
            "token_type_ids": np.array([encoding.type_ids for encoding in encodings], np.int64),
        }
        wanted = {tensor.name for tensor in self.session.get_inputs()}
        outputs = self.session.run(None, {name: value for name, value in inputs.items() if name in wanted})
        mask = inputs["attention_mask"][:, :, None].astype(np.float32)
        pooled = (outputs[0] * mask).sum(1) / mask.sum(1).clip(1e-9)
        normalised: np.ndarray = pooled / np.linalg.norm(pooled, axis=1, keepdims=True)
        return normalised

    def answer(self, query: Query) -> dict[str, object]:
        """Returns the documents nearest to a text."""
        scores = self.embeddings @ self.embed([query.text])[0]
        best = np.argsort(scores)[::-1][: query.num_results]
        return {
            "text": [f"Item:{self.documents[i]['text']} (index: {i} score:{scores[i]})" for i in best],
            "results": [{**self.documents[i], "index": int(i), "score": float(scores[i])} for i in best],
        }


def make_app(folder: Path) -> FastAPI:
    """Returns the application with a plain function as its endpoint."""
    searcher = Searcher(folder, onnxruntime.SessionOptions())
    app = FastAPI()

    @app.post("/similar")
    def similar(query: Query) -> dict[str, object]:
        return searcher.answer(query)

    return app


def make_async_app(folder: Path) -> FastAPI:
    """Returns the application with a coroutine as its endpoint, and a session on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    searcher = Searcher(folder, options)
    app = FastAPI()

    @app.post("/similar")
    async def similar(query: Query) -> dict[str, object]:
        return searcher.answer(query)

    return app


def make_handler(folder: Path) -> Any:
    """Returns Lambda's handler over `make_app`."""
    return Mangum(make_app(folder), lifespan="off")


def make_async_handler(folder: Path) -> Any:
    """Returns Lambda's handler over `make_async_app`."""
    return Mangum(make_async_app(folder), lifespan="off")
