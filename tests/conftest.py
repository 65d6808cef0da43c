"""What many tests share: a corpus, its artifact, a tiny model, and the folder of large corpora."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from fake_s3 import FakeS3, fake_s3
from lambda_tools import NO_AWS
from texts import TEXTS
from tiny import make_model

from export.build.pipeline import BuildOptions, build
from export.build.progress import Progress
from export.build.verify import Thresholds
from handler.artifact import REQUIRED_FILES

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


@pytest.fixture(scope="session")
def s3_files() -> dict[str, bytes]:
    """Files of an artifact's names and no sense; one is large, one is empty, and one is none that is needed."""
    files = {name: f"{name}, in short\n".encode() for name in REQUIRED_FILES}
    return {**files, "model.onnx.data": os.urandom(300_000), "documents.jsonl": b"", "more.txt": b"more\n"}


@pytest.fixture
def s3(s3_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeS3]:
    """A bucket with s3_files and their manifest under search/v1/; AWS's settings lead there."""
    with fake_s3() as server:
        server.upload(s3_files)
        for name, value in NO_AWS.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        yield server


@contextmanager
def conversions_in(cache: str | None) -> Iterator[None]:
    """Whatever the test that asks for an artifact first has set."""
    with pytest.MonkeyPatch.context() as patch:
        if cache is None:
            patch.delenv("SEEKLET_CACHE", raising=False)
        else:
            patch.setenv("SEEKLET_CACHE", cache)
        yield
