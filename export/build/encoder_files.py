"""The files and settings that make an encoder. They can be sent to another process, which opens the same encoder."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from handler.artifact import DENSE_FILE, MODEL_FILE, TOKENIZER_FILE, WEIGHTS_FILE
from handler.dense import load_dense
from handler.encoder import Encoder
from handler.session import open_session
from handler.tokenizer import BoundedTokenizer, load_tokenizer


@dataclass(frozen=True, slots=True)
class EncoderFiles:
    """A converted model's folder, and what its files don't say."""

    folder: Path
    pooling: str
    max_length: int  # tokens
    dim: int  # the vector's first dimensions, which are kept
    activations: tuple[str, ...] = ()  # of the Dense layers
    width: int = 0  # dimensions before the first of them

    @property
    def paths(self) -> list[Path]:
        """The files that `open` reads."""
        names = [MODEL_FILE, WEIGHTS_FILE, TOKENIZER_FILE, *([DENSE_FILE] if self.activations else [])]
        return [self.folder / name for name in names]

    def moved(self, folder: Path) -> EncoderFiles:
        """Returns the same for a copy of the files in another folder."""
        return replace(self, folder=folder)

    def open(self, threads: int) -> Encoder:
        """Opens the encoder, which encodes `threads` texts at once. Raises ArtifactError where a file can't be used."""
        tokenizer = load_tokenizer(self.folder / TOKENIZER_FILE, self.max_length)
        return Encoder(
            open_session(self.folder / MODEL_FILE),
            BoundedTokenizer(tokenizer, self.max_length),
            pooling=self.pooling,
            dim=self.dim,
            layers=load_dense(self.folder / DENSE_FILE, self.activations, self.width)
            if self.activations
            else (),
            threads=threads,
        )
