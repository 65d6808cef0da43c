"""Corpora for exports with the tiny model, and what a folder holds after one."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from command import ROOT
from numpy.typing import NDArray
from safetensors.numpy import load_file
from texts import TEXTS

from export.build.pipeline import Summary
from export.build.progress import EmbeddingBar, Progress

Export = Callable[..., Summary]

DIM = 32
LONG = 2100  # texts
KILLED_AFTER = 3  # chunks

# An export that dies: every chunk is put on disk at once, so that what it leaves is known.
DYING = """
import sys
from pathlib import Path
sys.path.insert(0, "tests")
from exports import Dying
from export.build.options import BuildOptions
from export.build.pipeline import build
corpus, out, model = sys.argv[1:]
options = BuildOptions(corpus=corpus, text=["text"], model=model, out=Path(out), thresholds=None)
build(options, Dying(quiet=True), sync_seconds=0)
"""


def made_up(count: int, seed: int = 0) -> list[str]:
    """Different texts of 2 to 9 of the corpus's words."""
    chooser = random.Random(seed)
    words = " ".join(text.text for text in TEXTS).split()
    made: dict[str, None] = {}
    while len(made) < count:
        made[" ".join(chooser.choices(words, k=chooser.randint(2, 9)))] = None
    return list(made)


def write_texts(path: Path, texts: Sequence[str]) -> Path:
    """Writes a text a line."""
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path


def files(folder: Path) -> dict[str, str]:
    """Every file's content, as a hash, so that a difference is shown in a line."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:8] for path in sorted(folder.iterdir())}


def stored_values(folder: Path) -> NDArray[np.float32]:
    """The values of every stored row, whatever type they are stored in. -> (rows, dim)."""
    tensors = load_file(folder / "embeddings.safetensors")
    values: NDArray[np.float32] = tensors["embeddings"].astype(np.float32)
    return values if "scales" not in tensors else values * tensors["scales"][:, None]


def flip_bit(path: Path, place: int) -> None:
    """Damages one byte of a file, whose size stays as it is."""
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)


def arguments(corpus: Path | str, out: Path, model: Path) -> list[str]:
    """The options of an export that isn't verified."""
    return [
        "--corpus",
        str(corpus),
        "--text",
        "text",
        "--model",
        str(model),
        "--out",
        str(out),
        "--no-verify",
    ]


@contextmanager
def conversions_in(cache: str | None) -> Iterator[None]:
    """Uses this cache of conversions, whatever the test that asks for an artifact first has set; None is the user's."""
    with pytest.MonkeyPatch.context() as patch:
        if cache is None:
            patch.delenv("SEEKLET_CACHE", raising=False)
        else:
            patch.setenv("SEEKLET_CACHE", cache)
        yield


def export_by(python: str, corpus: Path, out: Path, cache: str | None) -> None:
    """Exports the corpus of most tests by another Python, which has torch."""
    columns = ("--text", "text", "--id", "id", "--metadata", "topic")
    with conversions_in(cache):
        done = subprocess.run(
            [python, "-m", "seeklet", "export", "--corpus", str(corpus), *columns, "--out", str(out)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stderr


class Dying(Progress):
    """A progress under which the process dies, as of kill -9, after some chunks of embedding."""

    @contextmanager
    def embedding(self, count: int) -> Iterator[EmbeddingBar]:
        """Gives a bar that kills."""
        with super().embedding(count) as bar:
            yield _DyingBar(bar)


class _DyingBar(EmbeddingBar):
    def __init__(self, bar: EmbeddingBar) -> None:
        self._whole = bar
        self._chunks = 0

    def tokens(self, count: int) -> None:
        self._whole.tokens(count)

    def update(self, rows: int, known: int = 0) -> None:
        self._chunks += 1
        if self._chunks == KILLED_AFTER:
            os.kill(os.getpid(), signal.SIGKILL)
        self._whole.update(rows, known)
