"""What runs on the workers: one encoder in each, on one core, which embeds a shard at a time.

A worker needs neither torch nor the corpus. It checks first that it encodes as the driver does, byte by byte: other
versions of the packages, or another kind of processor, may give other vectors.
"""

from __future__ import annotations

import socket
import tempfile
import traceback
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from export.build.encoder_files import EncoderFiles
from export.build.engine import Embedded
from export.build.token_counts import TokenCounts
from export.ray.shards import Shards
from export.ray.store import Store
from handler.artifact import file_sha256
from handler.encoder import Encoder
from handler.errors import EngineError, SeekletError

PACKAGES = ("onnxruntime", "tokenizers", "numpy")
# Enough words that another kind of processor's rounding shows.
PROBES = (
    "winter storms reach western Europe",
    "How do I reset a forgotten password?",
    "0.5 x 10**7 µm of 小さな糸",
)
# A shard that this many workers took and none ended kills them itself.
MOST_TRIES = 4
# Texts that are encoded before the next ones, so that few are in memory.
BATCH = 64


@dataclass(frozen=True, slots=True)
class Instructions:
    """What a worker is told: the model, the recipe, where the shards are, and what it should give for the probes."""

    files: EncoderFiles
    hashes: dict[str, str]  # SHA-256 by file name
    contents: Any  # a reference to {name: bytes}, for machines that don't have the files
    prompt: str
    recipe: str
    store: Store
    versions: dict[str, str]
    probes: bytes  # the driver's vectors of PROBES


def instruct(files: EncoderFiles, prompt: str, recipe: str, store: Store, contents: Any) -> Instructions:
    """Makes the instructions; embeds the probes here."""
    hashes = {path.name: file_sha256(path) for path in files.paths}
    probes = files.open(1).encode(PROBES, prompt).tobytes()
    return Instructions(files, hashes, contents, prompt, recipe, store, versions(), probes)


def versions() -> dict[str, str]:
    """Returns the versions here of the packages that decide a vector."""
    return {name: version(name) for name in PACKAGES}


class ShardEncoder:
    """An actor of Ray Data: takes the names of shards, writes their vectors, and returns a line about each."""

    def __init__(self, instructions: Instructions) -> None:
        """Opens the encoder. What fails is told with the first shard, for Ray would start a failed actor again and again."""
        self._instructions = instructions
        self._shards = Shards(instructions.store, instructions.recipe)
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._error = ""
        try:
            self._encoder = self._open()
        except Exception as error:  # noqa: BLE001 - it is told to the driver
            self._error = describe(error)

    def __call__(self, batch: dict[str, Any]) -> dict[str, list[str]]:
        """Embeds the shards that a batch names."""
        names = [str(name) for name in batch["shard"]]
        return {"shard": names, "error": [self._error or self._embed(name) for name in names]}

    def _embed(self, name: str) -> str:
        """Embeds a shard; returns what is wrong with it, or ""."""
        try:
            if (tries := self._shards.tries(name)) >= MOST_TRIES:
                return (
                    f"{tries} workers ended while they embedded it, the last attempt on {socket.gethostname()}: look "
                    "whether their machines have memory enough, and how long its texts are"
                )
            texts = self._shards.read_texts(name)
            if texts is None:
                return f"{socket.gethostname()} finds no whole file of its texts: give --ray-shards a folder that every machine shares"
            self._shards.write_vectors(
                name, self._encode([new.key for new in texts], [new.text for new in texts])
            )
        except Exception as error:  # noqa: BLE001 - it is told to the driver
            return describe(error)
        return ""

    def _encode(self, keys: list[bytes], texts: list[str]) -> Embedded:
        parts = [
            self._encoder.encode_counted(texts[start : start + BATCH], self._instructions.prompt)
            for start in range(0, len(texts), BATCH)
        ]
        counts = TokenCounts(
            np.concatenate([part.tokens for part in parts]).astype(np.int16),
            np.concatenate([part.truncated for part in parts]),
        )
        return Embedded(keys, counts, np.concatenate([part.embeddings for part in parts]))

    def _open(self) -> Encoder:
        told, here = self._instructions, socket.gethostname()
        if (own := versions()) != told.versions:
            raise EngineError(
                f"{here} has {_list(own)}, the export has {_list(told.versions)}: install the same versions on every machine"
            )
        encoder = self._files().open(1)
        if encoder.encode(PROBES, told.prompt).tobytes() != told.probes:
            raise EngineError(
                f"{here} embeds to other bytes than the machine that exports, so it has another kind of processor: "
                "let machines of one kind do both"
            )
        return encoder

    def _files(self) -> EncoderFiles:
        """Returns the model's files where they are on this machine too, or else a copy."""
        told = self._instructions
        if all(path.is_file() and file_sha256(path) == told.hashes[path.name] for path in told.files.paths):
            return told.files
        import ray

        self._folder = tempfile.TemporaryDirectory(prefix="seeklet-model-")
        for name, content in ray.get(told.contents).items():
            Path(self._folder.name, name).write_bytes(content)
        return told.files.moved(Path(self._folder.name))


def _list(versions: dict[str, str]) -> str:
    return ", ".join(f"{name} {number}" for name, number in versions.items())


def describe(error: BaseException) -> str:
    """Returns our own errors' sentence, and where any other one was raised."""
    if isinstance(error, SeekletError):
        return str(error)
    return f"{''.join(traceback.format_exception(error)[-2:]).strip()} on {socket.gethostname()}"
