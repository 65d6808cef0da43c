"""Encoder: texts to L2-normalised embeddings, by the artifact's model and recipe.

Each run takes one text, unpadded. There are no batches: dynamic int8 would make a vector depend on the other texts of
its batch. Several texts run on several threads, one text each. So a text's vector always has the same bytes.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from handler.artifact import DENSE_FILE, ENCODER_FILES, MODEL_FILE, TOKENIZER_FILE, WORDPIECES_FILE, Artifact
from handler.clock import Clock
from handler.errors import ArtifactError
from handler.light_typing import TYPE_CHECKING, Any
from handler.manifest import REMEDY
from handler.named import NamedTuple
from handler.pooling import POOLINGS, Layer, l2_normalize
from handler.session import open_session
from handler.threads import thread_pool
from handler.tokenizer import BoundedTokenizer, load_tokenizer, open_tokenizer_file, read_tokenizer

if TYPE_CHECKING:
    from pathlib import Path

INPUT = "input_ids"


class Encoded(NamedTuple):
    """Embeddings, the number of tokens of each text, and which texts were cut at max_length."""

    embeddings: NDArray[np.float32]  # (n, dim)
    tokens: NDArray[np.int64]  # (n,)
    truncated: NDArray[np.bool_]  # (n,)


class Encoder:
    """The artifact's tokenizer and ONNX session.

    Examples:
        >>> from seeklet import Encoder
        >>> encoder = Encoder.load("artifact")
        >>> encoder.encode(["storms in Europe", "bread"]).shape
        (2, 384)
    """

    def __init__(
        self,
        session: Any,
        tokenizer: BoundedTokenizer,
        *,
        pooling: str,
        dim: int,
        layers: Sequence[Layer] = (),
        threads: int = 1,
    ) -> None:
        """Takes what a text passes.

        Args:
            session: over model.onnx.
            tokenizer: over tokenizer.json.
            pooling: one of handler.pooling.POOLINGS.
            dim: how many of the vector's first dimensions are kept.
            layers: the layers after the pooling.
            threads: how many texts are encoded at once.
        """
        self.dim = dim
        self.pooling = pooling
        self.threads = threads
        self.tokenizer = tokenizer
        self._session = session
        self._pool = POOLINGS[pooling]
        self._layers = layers
        # Each thread encodes a text of its own. ONNX Runtime itself gets one thread.
        self._executor = thread_pool(threads, "seeklet-encode")

    @classmethod
    def load(cls, directory: Path | str, threads: int = 1) -> Encoder:
        """Loads the encoder of the artifact in `directory`; raises ArtifactError where it can't."""
        artifact = Artifact.open(directory)
        artifact.check_crc32(ENCODER_FILES)
        return cls.open(artifact, threads)

    @classmethod
    def open(cls, artifact: Artifact, threads: int = 1) -> Encoder:
        """Reads model.onnx and tokenizer.json; raises ArtifactError where they don't fit the manifest."""
        manifest, model = artifact.manifest, artifact.path(MODEL_FILE)
        if manifest.pooling not in POOLINGS:
            raise ArtifactError(
                f"the artifact's pooling is {manifest.pooling!a:.40}, this code has {', '.join(POOLINGS)}: {REMEDY}"
            )
        session = open_session(model)
        inputs, outputs = session.get_inputs(), session.get_outputs()
        takes = [f"{value.name!a:.40} {value.type} of {len(value.shape)} axes" for value in inputs]
        gives = [f"{value.type} of {len(value.shape)} axes" for value in outputs]
        if takes != [f"{INPUT!a} tensor(int64) of 2 axes"] or gives != ["tensor(float) of 3 axes"]:
            raise ArtifactError(
                f"{model} takes {', '.join(takes):.200} and gives {', '.join(gives):.200}, not "
                f"{INPUT!a} tensor(int64) of 2 axes and tensor(float) of 3: {REMEDY}"
            )
        width = outputs[0].shape[-1]
        layers: Sequence[Layer] = ()
        if manifest.dense:
            # Few models have such layers, so no other artifact pays for the import.
            from handler.dense import load_dense

            dense = load_dense(artifact.path(DENSE_FILE), manifest.dense, width)
            layers, width = dense, len(dense[-1].weight)
        full_dim = manifest.full_dim or manifest.dim
        if width != full_dim:
            raise ArtifactError(
                f"{model} gives {width!a:.40} dimensions, its manifest says {full_dim}: {REMEDY}"
            )
        if manifest.dim > full_dim:
            raise ArtifactError(
                f"the artifact's dim is {manifest.dim}, its model gives {full_dim} dimensions: {REMEDY}"
            )
        return cls(
            session,
            BoundedTokenizer(open_tokenizer(artifact), manifest.max_length),
            pooling=manifest.pooling,
            dim=manifest.dim,
            layers=layers,
            threads=threads,
        )

    def encode(
        self, texts: Sequence[str], prompt: str = "", clock: Clock | None = None
    ) -> NDArray[np.float32]:
        """Returns an L2-normalised vector for each text; `prompt` goes before each. n texts -> (n, dim) float32.

        A clock is told the stages tokenise and encode. Raises ArtifactError as `encode_counted` does.
        """
        if len(texts) != 1 or isinstance(texts, str):
            return self.encode_counted(texts, prompt, clock).embeddings
        # A query: nobody asks for its counts.
        if clock is None:
            return self.encode_ids(self._tokenise(texts[0], prompt).ids)[None]
        clock.start()
        ids = self._tokenise(texts[0], prompt).ids
        clock.lap("tokenise")
        vector = self.encode_ids(ids)
        clock.lap("encode")
        return vector[None]

    def encode_counted(self, texts: Sequence[str], prompt: str = "", clock: Clock | None = None) -> Encoded:
        """Encodes as `encode` does, and counts each text's tokens. A clock is told the stages tokenise and encode.

        Raises ArtifactError where the model gives a vector that is not finite.
        """
        if isinstance(texts, str):
            raise TypeError("encode takes a sequence of texts: wrap a single one in a list")
        out = Encoded(
            np.empty((len(texts), self.dim), np.float32),
            np.empty(len(texts), np.int64),
            np.empty(len(texts), np.bool_),
        )
        tokenised: list[Any] = []
        if clock is not None:
            clock.start()
            tokenised = [self._tokenise(text, prompt) for text in texts]
            clock.lap("tokenise")

        def encode_one(row: int) -> None:
            encoding = tokenised[row] if tokenised else self._tokenise(texts[row], prompt)
            out.embeddings[row] = self.encode_ids(encoding.ids)
            out.tokens[row] = len(encoding.ids)
            out.truncated[row] = bool(encoding.overflowing)

        if self._executor is None or len(texts) == 1:
            for row in range(len(texts)):
                encode_one(row)
        else:
            for _ in self._executor.map(encode_one, range(len(texts))):
                pass
        if clock is not None:
            clock.lap("encode")
        return out

    def _tokenise(self, text: str, prompt: str) -> Any:
        # Outer spaces say nothing, and the export has read documents without them. Older sentence-transformers strip too.
        return self.tokenizer.encode((prompt + text).strip())

    def encode_ids(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """Returns the L2-normalised vector of one text's token ids, the special ones included. -> (dim,) float32.

        The ids must be the tokenizer's, and at most max_length. Raises ArtifactError as `encode_counted` does.
        """
        (token_embeddings,) = self._session.run(None, {INPUT: np.array([ids], np.int64)})
        return self._to_vector(token_embeddings[0])

    def _to_vector(self, token_embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
        """Makes one text's vector of its token embeddings. (t, d) float32 -> (dim,) float32 of length 1."""
        vector = _finite(self._pool(token_embeddings))
        for layer in self._layers:
            vector = _finite(layer(vector))
        return l2_normalize(vector[: self.dim])


def open_tokenizer(artifact: Artifact) -> Any:
    """Opens the artifact's tokenizer, a BERT one by its word pieces. Raises ArtifactError where a file can't be used."""
    path, max_length = artifact.path(TOKENIZER_FILE), artifact.manifest.max_length
    if WORDPIECES_FILE not in artifact.manifest.files:
        return load_tokenizer(path, max_length)
    from handler.wordpieces import WordPieces

    # Opened now: another release may share this encoder when the folder is gone.
    load = functools.partial(read_tokenizer, open_tokenizer_file(path), max_length)
    return WordPieces.open(artifact.path(WORDPIECES_FILE), max_length, load)


def _finite(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """Returns the vector; raises ArtifactError where it holds NaN or infinity, which a next layer might hide."""
    if not math.isfinite(vector.dot(vector)):
        raise ArtifactError("the model gives a vector that isn't finite: its weights are damaged or unusable")
    return vector
