"""What an engine does for an export: it embeds texts elsewhere than in this process, and reads corpora of many files.

Without one, an export does both itself. An engine changes no byte of the artifact: it says neither which texts are
embedded nor in which order documents come. export/ray has one.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from export.build.encoder_files import EncoderFiles
from export.build.token_counts import TokenCounts
from export.corpus.entries import Entries, Wanted


class NewText(NamedTuple):
    """A text that has no vector yet, and its key in the journal."""

    key: bytes
    text: str


class Embedded(NamedTuple):
    """n texts' vectors."""

    keys: list[bytes]
    counts: TokenCounts
    embeddings: NDArray[np.float32]  # (n, dim)


@dataclass(frozen=True, slots=True)
class Job:
    """The embedding stage of one export."""

    out: Path  # the artifact's folder; unlike any other export's that runs at the same time
    files: EncoderFiles
    prompt: str  # before every text
    recipe: str  # hex digest of everything that decides a vector


class Engine(Protocol):
    """Embeds texts elsewhere. Whoever makes it closes it."""

    def read(self, paths: Sequence[str], wanted: Wanted) -> Iterator[Entries]:
        """Yields the entries of each of a corpus's files, in order, as export.corpus.entries.open_files does.

        Raises CorpusError or EngineError where it can't.
        """
        ...

    def close(self) -> None:
        """Ends what it has started."""
        ...

    def left(self, job: Job, fresh: bool) -> Generator[Embedded, None, None]:
        """Yields what an interrupted run of the same recipe has embedded; with `fresh` it forgets that instead.

        Each part is on disk for good only when the next one is asked for, and may then be deleted here.
        """
        ...

    def embed(self, job: Job, texts: Iterable[NewText]) -> Generator[Embedded, None, None]:
        """Yields the vector of every text once, in any order and in parts of any size, as `left` does.

        Raises ModelError or EngineError where it can't.
        """
        ...
