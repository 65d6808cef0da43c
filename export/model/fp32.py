"""The fp32 encoder: the unquantised graph as optimum writes it, the oracle for the int8 artifact.

It runs one text at a time, unpadded, as the handler's Encoder does, with the same tokenizer and pooling.
It is for comparisons only. It is several times slower than int8, and it knows nothing of an artifact.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from handler.pooling import POOLINGS, Layer, l2_normalize
from handler.session import open_session


class Fp32Encoder:
    """The ONNX session of the fp32 graph, with a tokenizer and a pooling."""

    def __init__(
        self,
        path: Path,
        tokenizer: Any,
        pooling: str,
        threads: int = 1,
        *,
        layers: Sequence[Layer] = (),
        dim: int | None = None,
    ) -> None:
        """Loads the graph.

        Args:
            path: fp32.onnx of a conversion.
            tokenizer: one that truncates and doesn't pad, as `load_tokenizer` returns it and an Encoder holds it.
            pooling: one of handler.pooling.POOLINGS.
            threads: number of texts that run at the same time.
            layers: the layers after the pooling.
            dim: how many of the vector's first dimensions are kept; None for as many as a token has.

        Raises:
            ArtifactError: ONNX Runtime can't load the file.
        """
        # This graph was not optimised when it was written.
        self._session = open_session(path, optimize=True)
        self._inputs = {node.name for node in self._session.get_inputs()}
        self._tokenizer = tokenizer
        self._pool = POOLINGS[pooling]
        self._threads = threads
        self._layers = layers
        self._dim: int = dim or self._session.get_outputs()[0].shape[-1]

    def encode(self, texts: Sequence[str], prompt: str = "") -> NDArray[np.float32]:
        """Returns an L2-normalised vector for each text; `prompt` goes before each. n texts -> (n, dim) float32."""
        if not texts:
            return np.empty((0, self._dim), np.float32)
        with ThreadPoolExecutor(self._threads) as executor:
            return np.stack(list(executor.map(self._encode_one, [prompt + text for text in texts])))

    def _encode_one(self, text: str) -> NDArray[np.float32]:
        input_ids = np.array([self._tokenizer.encode(text.strip()).ids], np.int64)
        feed = {
            "input_ids": input_ids,
            "attention_mask": np.ones_like(input_ids),
            "token_type_ids": np.zeros_like(input_ids),
        }
        outputs = self._session.run(
            None, {name: array for name, array in feed.items() if name in self._inputs}
        )
        vector = self._pool(outputs[0][0])
        for layer in self._layers:
            vector = layer(vector)
        return l2_normalize(vector[: self._dim])
