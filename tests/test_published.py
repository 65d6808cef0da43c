"""A corpus in a database that moves on: what is logged, and what GET /info tells, where a new release can't be taken.

Real databases are in tests/test_postgres_search.py and tests/test_postgres_faults.py.
"""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from handler.artifact import Artifact
from handler.errors import ArtifactError, UnavailableError
from handler.schemas.about import Release
from handler.searcher import Searcher
from handler.settings import Settings

if TYPE_CHECKING:
    from handler.published import PublishedSource

# It imports the database's client.
pytestmark = pytest.mark.scale

AWAY = UnavailableError("index_unavailable", "the database db.example.org can't be reached")
OTHER_MODEL = ArtifactError("the release is of another model")


class Corpus:
    """A corpus whose current release, and what opening it raises, the test says."""

    def __init__(self, searcher: Searcher) -> None:
        self.connection = SimpleNamespace(moved=False, close=lambda: None)
        self.release = "a"
        self.looks: list[Exception] = []
        self.opens: list[Exception] = []
        self._engine = searcher.engine

    def current(self) -> str:
        if self.looks:
            raise self.looks.pop()
        return self.release

    def open(self, *_: Any) -> Any:
        if self.opens:
            raise self.opens.pop()
        return SimpleNamespace(release=self.release, manifest=self._engine.manifest)


@pytest.fixture
def corpus(tiny_artifact: Path) -> Corpus:
    return Corpus(Searcher.load(tiny_artifact))


@pytest.fixture
def source(corpus: Corpus, tiny_artifact: Path, monkeypatch: pytest.MonkeyPatch) -> PublishedSource:
    from handler.published import PublishedSource

    # Each event looks.
    ticks = iter(range(0, 10**9, 1000))
    monkeypatch.setattr("handler.published.time.monotonic", lambda: next(ticks))
    artifact = Artifact.open(tiny_artifact)
    encoder = Searcher.load(tiny_artifact).encoder
    made = PublishedSource(Settings.from_env({}), corpus, artifact, encoder)  # type: ignore[arg-type]
    made.current()
    return made


def told(source: PublishedSource) -> Any:
    release = source.current().release
    assert release is not None
    # The API's own schema.
    return Release.model_validate(release.describe()).model_dump()


def test_a_database_that_was_away_refuses_nothing(
    source: PublishedSource, corpus: Corpus, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):
        corpus.looks = [AWAY]
        source.current()
        corpus.looks = [AWAY]
        source.current()
        assert told(source)["refused"] is None
    # Once for each time that it was away.
    assert [(record.levelno, str(AWAY) in record.message) for record in caplog.records] == [
        (logging.WARNING, True)
    ] * 2


def test_a_corpus_that_is_gone_is_told_and_the_release_goes_on(
    source: PublishedSource, corpus: Corpus, caplog: pytest.LogCaptureFixture
) -> None:
    corpus.looks = [ArtifactError("db.example.org has no corpus seeklet")]
    found = told(source)
    assert (found["id"], found["refused"]["id"]) == ("a", None)
    assert [record.message for record in caplog.records] == [
        "no release is found, the one before goes on: db.example.org has no corpus seeklet"
    ]


def test_a_release_that_is_refused_is_told_and_logged_once(
    source: PublishedSource, corpus: Corpus, caplog: pytest.LogCaptureFixture
) -> None:
    corpus.release = "b"
    for _ in range(3):
        corpus.opens = [OTHER_MODEL]
        source.current()
    corpus.opens = [OTHER_MODEL]
    found = told(source)
    assert (found["id"], found["refused"]["id"]) == ("a", "b")
    assert found["refused"]["at"].endswith("Z")
    assert found["loaded"].endswith("Z")
    assert [record.message for record in caplog.records if record.levelno == logging.ERROR] == [
        "release b is refused, the one before goes on: the release is of another model"
    ]
    # The next one is fit.
    corpus.release = "c"
    assert told(source)["id"] == "c"
