"""What many tests share: a corpus, its artifact, a tiny model, and the folder of large corpora."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from command import ROOT
from exports import DYING, LONG, conversions_in, export_by, made_up, write_texts
from fake_s3 import FakeS3, fake_s3
from lambda_tools import NO_AWS
from texts import TEXTS
from tiny import make_model

from export.build.options import BuildOptions
from export.build.pipeline import Summary, build
from export.build.progress import Progress
from handler.function import Function
from handler.searcher import Searcher
from handler.settings import Settings

if TYPE_CHECKING:
    from corpus_files import Corpus
    from tiny_encoders import TinyEncoder
from handler.artifact import REQUIRED_FILES

USERS_CACHE = os.environ.get("SEEKLET_CACHE")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Where the large corpora are, for those who have them."""
    parser.addoption(
        "--data", type=Path, metavar="DIR", help="large corpora; the tests that want them are skipped without"
    )
    parser.addoption(
        "--exporter",
        metavar="PYTHON",
        help="exports the artifact, where this Python lacks torch: make test-clients",
    )
    parser.addoption(
        "--engine",
        choices=("local", "postgresql"),
        default="local",
        help="what the fixture `function` searches: the artifact's files, or a database that it is published to",
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
def artifact(
    corpus_file: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Path:
    """The corpus, exported with the default model. Not to be changed: own_artifact is."""
    out = tmp_path_factory.mktemp("artifact") / "artifact"
    if exporter := request.config.getoption("--exporter"):
        export_by(exporter, corpus_file, out, USERS_CACHE)
        return out
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
    )
    with conversions_in(str(tiny_cache)):
        build(options, Progress(quiet=True))
    return out


@pytest.fixture
def use_tiny_cache(tiny_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that export the tiny model: one conversion a session."""
    monkeypatch.setenv("SEEKLET_CACHE", str(tiny_cache))


@pytest.fixture(scope="session")
def tiny_export(tiny_model: Path, tiny_cache: Path) -> Callable[..., Summary]:
    """An export of plain text with the tiny model, not verified unless thresholds are given."""

    def run(corpus: Path | str, out: Path, *, progress: Progress | None = None, **options: Any) -> Summary:
        fields = {"text": ["text"], "model": str(tiny_model), "threads": 2, "thresholds": None, **options}
        with conversions_in(str(tiny_cache)):
            return build(
                BuildOptions(corpus=str(corpus), out=out, **fields), progress or Progress(quiet=True)
            )

    return run


@pytest.fixture
def export(tiny_export: Callable[..., Summary], use_tiny_cache: None) -> Callable[..., Summary]:
    """The same for tests that run commands with the tiny model too."""
    return tiny_export


@pytest.fixture(scope="session")
def long_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Enough texts for a scan, and for some chunks of embedding."""
    texts = made_up(LONG)
    texts[3] = " ".join(texts[:10])  # longer than the model reads
    return write_texts(tmp_path_factory.mktemp("long") / "long.txt", texts)


@pytest.fixture
def bad_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Wrong in its last line: all before it was written by then."""
    return write_texts(tmp_path_factory.mktemp("bad") / "bad.jsonl", ['{"text": "storm"}'] * 500 + ["{"])


@pytest.fixture(scope="session")
def fresh(
    long_corpus: Path, tiny_model: Path, tiny_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """What an export of the long corpus gives that nothing interrupts. Not to be changed."""
    out = tmp_path_factory.mktemp("fresh") / "out"
    options = BuildOptions(
        corpus=str(long_corpus), text=["text"], model=str(tiny_model), out=out, thresholds=None
    )
    with conversions_in(str(tiny_cache)):
        build(options, Progress(quiet=True))
    return out


@pytest.fixture(scope="session")
def killed(
    long_corpus: Path, tiny_model: Path, tiny_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder in which an export of the long corpus to `out` was killed. Not to be changed."""
    folder = tmp_path_factory.mktemp("killed")
    done = subprocess.run(
        [sys.executable, "-c", DYING, str(long_corpus), str(folder / "out"), str(tiny_model)],
        cwd=ROOT,
        env={**os.environ, "SEEKLET_CACHE": str(tiny_cache)},
        capture_output=True,
        check=False,
    )
    assert done.returncode == -9, done.stderr.decode()
    assert [path.name for path in folder.iterdir()] == [".out.partial"]
    return folder


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


@pytest.fixture(scope="session")
def function(artifact: Path, request: pytest.FixtureRequest) -> Function:
    """The function over the artifact, with default settings. One thread, as on Lambda."""
    variables = {"ARTIFACT_DIR": str(artifact), "THREADS": "1"}
    if request.config.getoption("--engine") == "postgresql":
        variables |= {"INDEX_URI": request.getfixturevalue("published_uri"), "INDEX_TIMEOUT_MS": "20000"}
    return Function.load(Settings.from_env(variables))


@pytest.fixture(scope="session")
def published_uri(artifact: Path) -> Iterator[str]:
    """A database that the artifact is published to."""
    from database_search import publish_artifact
    from postgres import postgres

    with postgres() as server:
        publish_artifact(artifact, server.uri)
        yield server.uri


@pytest.fixture(scope="session")
def searcher(artifact: Path) -> Searcher:
    """The searcher over the artifact's own files."""
    return Searcher.load(artifact)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium; the tests that ask for it are skipped where it isn't installed."""
    from browser import chromium

    with chromium() as started:
        yield started
