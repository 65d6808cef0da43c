"""Until they are on main: Fp32Encoder, cut_queries and Function. To be deleted with the merge."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from handler.pooling import POOLINGS, l2_normalize


class Fp32Encoder:
    def __init__(self, path: Path, tokenizer: Any, pooling: str, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.enable_cpu_mem_arena = False
        self._session = onnxruntime.InferenceSession(str(path), options)
        self._inputs = {node.name for node in self._session.get_inputs()}
        self._tokenizer, self._pool, self._threads = tokenizer, POOLINGS[pooling], threads

    def encode(self, texts: Sequence[str], prompt: str = "") -> NDArray[np.float32]:
        with ThreadPoolExecutor(self._threads) as executor:
            return np.stack(list(executor.map(self._one, [prompt + text for text in texts])))

    def _one(self, text: str) -> NDArray[np.float32]:
        ids = np.array([self._tokenizer.encode(text.strip()).ids], np.int64)
        feed = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        out = self._session.run(None, {name: value for name, value in feed.items() if name in self._inputs})
        return l2_normalize(self._pool(out[0][0]))


def cut_queries(documents: Sequence[str], count: int, seed: int = 0) -> list[str]:
    random = np.random.default_rng(seed)
    queries = []
    for _ in range(count):
        words = documents[int(random.integers(0, len(documents)))].split()
        length = int(random.integers(2, 7))
        start = int(random.integers(0, max(1, len(words) - length + 1)))
        queries.append(" ".join(words[start : start + length]))
    return queries


class Function:
    def __init__(self, settings: Any, searcher: Any) -> None:
        self.settings, self.searcher = settings, searcher

    def __call__(self, event: dict[str, Any], context: Any) -> dict[str, Any]:
        from handler.direct import answer_event
        from handler.similar import answer

        response = answer_event(
            event, lambda body: answer(self.searcher, self.settings, body), self.settings.api_key
        )
        assert response is not None
        return response
