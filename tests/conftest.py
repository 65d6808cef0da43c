"""What many tests share: a corpus, its artifact, a tiny model, and the folder of large corpora."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from texts import TEXTS
from tiny import make_model

from export.build.pipeline import BuildOptions, build
from export.build.progress import Progress
from export.build.verify import Thresholds
from handler.function import Function
from handler.settings import Settings

if TYPE_CHECKING:
    from corpus_files import Corpus
    from tiny_encoders import TinyEncoder

USERS_CACHE = os.environ.get("SEEKLET_CACHE")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the large corpora are, for those who have them."""
    parser.addoption(
        "--data", type=Path, metavar="DIR", help="large corpora; the tests that want them are skipped without"
    )


@pytest.fixture(scope="session")
def data(request: pytest.FixtureRequest) -> Path:
    """The folder of large corpora."""
    folder: Path | None = request.config.getoption("--data")
    if folder is None:
        pytest.skip("needs the large corpora: pytest --data DIR")
    if not folder.is_dir():
        pytest.fail(f"--data {folder} is not a folder")
    return folder


@pytest.fixture(scope="session")
def texts() -> list[str]:
    """The texts of the corpus, in its order."""
    return [text.text for text in TEXTS]


@pytest.fixture(scope="session")
def corpus_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus as JSON Lines: id (t0, t1, ...), text, topic."""
    path = tmp_path_factory.mktemp("corpus") / "corpus.jsonl"
    lines = [
        json.dumps({"id": f"t{row}", "text": text.text, "topic": text.topic})
        for row, text in enumerate(TEXTS)
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    """A folder for corpus files of a test's own."""
    from corpus_files import Corpus

    return Corpus(tmp_path)


@pytest.fixture(scope="session")
def artifact(corpus_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The corpus, exported with the default model. Not to be changed: own_artifact is."""
    out = tmp_path_factory.mktemp("artifact") / "artifact"
    options = BuildOptions(
        corpus=str(corpus_file), text=["text"], id="id", metadata=["topic"], out=out, threads=2
    )
    with conversions_in(USERS_CACHE):
        build(options, Progress(quiet=True))
    return out


@pytest.fixture
def own_artifact(artifact: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of the artifact that a test may damage."""
    copy = tmp_path / "own-artifact"
    shutil.copytree(artifact, copy)
    yield copy
    # Kept by pytest otherwise, 24 MB a test.
    shutil.rmtree(copy, ignore_errors=True)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny BERT of random weights, mean pooling."""
    return make_model(tmp_path_factory.mktemp("models") / "tiny-bert")


@pytest.fixture(scope="session")
def tiny_bert(tmp_path_factory: pytest.TempPathFactory) -> TinyEncoder:
    """A tiny BERT without tokenizer or pooling: in torch, exported, and in int8. Not to be changed."""
    from tiny_encoders import make_encoder

    return make_encoder("bert", tmp_path_factory.mktemp("tiny-encoder"))


@pytest.fixture(scope="session")
def tiny_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of conversions for the tiny models alone: the user's is left as it is."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def tiny_artifact(
    corpus_file: Path, tiny_model: Path, tiny_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The corpus, exported with the tiny model. Not to be changed."""
    out = tmp_path_factory.mktemp("tiny") / "artifact"
    options = BuildOptions(
        corpus=str(corpus_file),
        text=["text"],
        id="id",
        metadata=["topic"],
        model=str(tiny_model),
        out=out,
        thresholds=Thresholds(),
    )
    with conversions_in(str(tiny_cache)):
        build(options, Progress(quiet=True))
    return out


@pytest.fixture
def use_tiny_cache(tiny_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that export the tiny model: one conversion a session."""
    monkeypatch.setenv("SEEKLET_CACHE", str(tiny_cache))


@contextmanager
def conversions_in(cache: str | None) -> Iterator[None]:
    """Whatever the test that asks for an artifact first has set."""
    with pytest.MonkeyPatch.context() as patch:
        if cache is None:
            patch.delenv("SEEKLET_CACHE", raising=False)
        else:
            patch.setenv("SEEKLET_CACHE", cache)
        yield


@pytest.fixture(scope="session")
def function(artifact: Path) -> Function:
    """The function over the artifact, with default settings. One thread, as on Lambda."""
    return Function.load(Settings.from_env({"ARTIFACT_DIR": str(artifact), "THREADS": "1"}))
