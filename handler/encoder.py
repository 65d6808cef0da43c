"""Encoder: texts to L2-normalised embeddings, by the artifact's model and recipe.

One text per run, unpadded: dynamic int8 makes a vector depend on whatever else is in its batch, so there is no
batch. Several texts run on several threads, one text each. A text's vector has the same bytes however it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from tokenizers import Tokenizer

from handler.artifact import MODEL_FILE, REMEDY, TOKENIZER_FILE, Manifest
from handler.errors import ArtifactError
from handler.pooling import POOLINGS, l2_normalize
from handler.threads import thread_pool


class Encoded(NamedTuple):
    """Embeddings, and what the tokenizer saw: token counts, and which texts were cut at max_length."""

    embeddings: NDArray[np.float32]  # (n, dim)
    tokens: NDArray[np.int64]  # (n,)
    truncated: NDArray[np.bool_]  # (n,)


class Encoder:
    """The artifact's tokenizer and ONNX session.

    >>> from seeklet import Encoder
    >>> encoder = Encoder.load("artifact")
    >>> encoder.encode(["storms in Europe", "bread"]).shape
    (2, 384)
    """

    def __init__(self, session: Any, tokenizer: Any, *, pooling: str, dim: int, threads: int = 1) -> None:
        self.dim = dim
        self.pooling = pooling
        self.threads = threads
        self.tokenizer = tokenizer
        self._session = session
        self._pool = POOLINGS[pooling]
        # Threads are for several texts; they wait in the executor, not in ONNX Runtime.
        self._executor = thread_pool(threads, "seeklet-encode")

    @classmethod
    def load(cls, directory: Path | str, manifest: Manifest | None = None, threads: int = 1) -> Encoder:
        """Reads model.onnx and tokenizer.json; raises ArtifactError where they don't fit the manifest."""
        directory = Path(directory)
        manifest = manifest or Manifest.load(directory)
        if manifest.pooling not in POOLINGS:
            raise ArtifactError(
                f"the artifact's pooling is {manifest.pooling!r}, this code has {', '.join(POOLINGS)}: {REMEDY}"
            )
        session = open_session(directory / MODEL_FILE)
        dim = session.get_outputs()[0].shape[-1]
        if dim != manifest.dim:
            raise ArtifactError(
                f"{directory / MODEL_FILE} gives {dim} dimensions, its manifest says {manifest.dim}: {REMEDY}"
            )
        tokenizer = load_tokenizer(directory / TOKENIZER_FILE, manifest.max_length)
        return cls(session, tokenizer, pooling=manifest.pooling, dim=manifest.dim, threads=threads)

    def encode(self, texts: Sequence[str], prompt: str = "") -> NDArray[np.float32]:
        """One L2-normalised vector a text. n texts -> (n, dim) float32. `prompt` goes before every text."""
        return self.encode_counted(texts, prompt).embeddings

    def encode_counted(self, texts: Sequence[str], prompt: str = "") -> Encoded:
        """As encode, with each text's number of tokens and whether it was cut."""
        if isinstance(texts, str):
            raise TypeError("encode takes a sequence of texts: wrap a single one in a list")
        out = Encoded(
            np.empty((len(texts), self.dim), np.float32),
            np.empty(len(texts), np.int64),
            np.empty(len(texts), np.bool_),
        )

        def encode_one(row: int) -> None:
            # sentence-transformers strips too, after the prompt is put before.
            encoding = self.tokenizer.encode((prompt + texts[row]).strip())
            input_ids = np.array([encoding.ids], np.int64)
            (token_embeddings,) = self._session.run(None, {"input_ids": input_ids})
            out.embeddings[row] = l2_normalize(self._pool(token_embeddings[0]))
            out.tokens[row] = input_ids.shape[1]
            out.truncated[row] = bool(encoding.overflowing)

        if self._executor is None or len(texts) == 1:
            for row in range(len(texts)):
                encode_one(row)
        else:
            for _ in self._executor.map(encode_one, range(len(texts))):
                pass
        return out


def open_session(path: Path) -> Any:
    """An ONNX Runtime session of one thread over a graph that was optimised when it was exported."""
    options = onnxruntime.SessionOptions()
    # Set, or ONNX Runtime pins threads to CPUs that Lambda doesn't give (onnxruntime #8313).
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    # The arena grows without bound on varied lengths (onnxruntime #11627).
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # noqa: BLE001 - onnxruntime's errors share no base class but this one
        reason = str(error).splitlines()[0]
        raise ArtifactError(f"{path} can't be loaded as an ONNX model ({reason}): {REMEDY}") from None


def load_tokenizer(path: Path, max_length: int) -> Any:
    """The tokenizer, cutting at max_length tokens and never padding."""
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # noqa: BLE001 - tokenizers raises bare Exception
        raise ArtifactError(f"{path} can't be loaded as a tokenizer ({error}): {REMEDY}") from None
    # Both set here whatever the file says: one that pads or cuts elsewhere would change every vector.
    tokenizer.no_padding()
    tokenizer.enable_truncation(max_length)
    return tokenizer
