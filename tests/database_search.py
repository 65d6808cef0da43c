"""Artifacts published into a PostgreSQL server and searched there, for the tests marked `scale` and `--engine postgresql`.

What needs pg8000 is imported in the functions: where it isn't installed, these tests are collected and left out.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from handler.artifact import Artifact
from handler.encoder import Encoder
from handler.searcher import Searcher

if TYPE_CHECKING:
    from export.publish.publishing import Published


class Silence:
    """A progress that shows nothing."""

    def say(self, _line: str) -> None:
        """Prints nothing."""

    def counting(self, _title: str, _total: int, _unit: str) -> AbstractContextManager[Any]:
        """Counts nothing."""
        return nullcontext(self)

    def add(self, _count: int = 1) -> None:
        """Adds nothing."""


def publish_artifact(artifact: Path, uri: str, name: str = "seeklet", **options: Any) -> Published:
    """Publishes an artifact."""
    from export.publish.publishing import PublishOptions, publish
    from handler.postgres.address import parse_address

    return publish(artifact, parse_address(uri), PublishOptions(name=name, **options), Silence())


def open_searcher(artifact: Path, uri: str, name: str = "seeklet", seconds: float = 20) -> Searcher:
    """The searcher of a published artifact; the encoder is the artifact's own."""
    from handler.postgres.opening import open_corpus

    opened = Artifact.open_encoder(artifact)
    encoder = Encoder.open(opened)
    corpus = open_corpus(uri, name=name, seconds=seconds)
    return Searcher(encoder, corpus.open(opened.manifest, encoder.tokenizer.whole))
