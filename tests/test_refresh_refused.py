"""A release that can't be used is refused, logged once, and not fetched again; the one before goes on."""

from __future__ import annotations

import errno
import json
import logging
import os
import re
import shutil
from collections import namedtuple
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_s3 import FakeS3
from releases import POINTER, QUERY, URI, make_releases, point, publish, spoil, upload

from handler.loading import Loader
from handler.pointer import Release
from handler.refresh import Refresher
from handler.searcher import Searcher
from handler.settings import Settings

DiskUsage = namedtuple("DiskUsage", "total used free")
Artifacts = dict[str, Path]


@pytest.fixture(scope="module")
def artifacts(tiny_model: Path, tiny_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    """Two artifacts of one model. Not to be changed."""
    return make_releases(tmp_path_factory.mktemp("releases"), tiny_model, tiny_cache, "ab")


@pytest.fixture
def bucket(s3: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    """An empty bucket, and a /tmp of the test's own."""
    s3.objects.clear()
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    return s3


@pytest.fixture
def served(bucket: FakeS3, artifacts: Artifacts) -> Refresher:
    """A refresher over release a."""
    publish(bucket, artifacts["a"])
    loader = Loader(Settings.from_env({"ARTIFACT_URI": URI, "THREADS": "1"}))
    return Refresher(loader, loader.connect(URI))


def serves(refresher: Refresher, artifact: Path) -> bool:
    """Whether it answers as the artifact itself does."""
    found = refresher.current().searcher.search(QUERY, 5)
    return found == Searcher.load(artifact).search(QUERY, 5)


def messages(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= level]


def files_in(folder: Path) -> dict[str, set[str]]:
    return {path.name: {file.name for file in path.iterdir()} for path in folder.iterdir()}


Break = Callable[[FakeS3, Path, Path], object]


def half_uploaded(name: str) -> Break:
    return lambda s3, artifact, _: publish(s3, artifact, without=name)


def corrupt(name: str) -> Break:
    return lambda s3, artifact, _: publish(s3, artifact, damaged=name)


def another_content(name: str, content: bytes) -> Break:
    return lambda s3, artifact, folder: publish(s3, spoil(artifact, folder / "spoiled", name, content))


def another_manifest(s3: FakeS3, artifact: Path, _: Path) -> None:
    release = publish(s3, artifact)
    s3.objects[f"search/{release.folder}/manifest.json"] += b"\n"


def newer_format(s3: FakeS3, artifact: Path, folder: Path) -> None:
    newer = Path(shutil.copytree(artifact, folder / "newer"))
    fields = json.loads((newer / "manifest.json").read_text())
    (newer / "manifest.json").write_text(json.dumps({**fields, "format_version": 3}))
    publish(s3, newer)


def damaged_lines(s3: FakeS3, artifact: Path, folder: Path) -> None:
    # As many bytes in as many lines: it loads, and a search can't be answered.
    lines = (artifact / "documents.jsonl").read_bytes().replace(b'{"id"', b'["id"')
    another_content("documents.jsonl", lines)(s3, artifact, folder)


def damaged_model(s3: FakeS3, artifact: Path, folder: Path) -> None:
    # Weights that aren't finite: the model loads, and gives no vector.
    weights = (artifact / "model.onnx.data").read_bytes()
    another_content("model.onnx.data", b"\xff" * len(weights))(s3, artifact, folder)


def forbidden(s3: FakeS3, artifact: Path, _: Path) -> None:
    release = publish(s3, artifact)
    s3.broken[f"search/{release.folder}/manifest.json"] = "forbidden"


def pointer(content: bytes) -> Break:
    def change(s3: FakeS3, _artifact: Path, _folder: Path) -> None:
        s3.objects[POINTER] = content

    return change


def to_elsewhere(folder: str) -> Break:
    return lambda s3, artifact, _: point(s3, Release(folder, upload(s3, artifact).manifest_sha256))


@pytest.mark.parametrize(
    ("break_it", "told"),
    [
        (half_uploaded("documents.jsonl"), r"documents\.jsonl isn't there"),
        (half_uploaded("manifest.json"), r"manifest\.json isn't there"),
        (corrupt("documents.jsonl"), r"documents\.jsonl has SHA-256 .*, its manifest says"),
        (corrupt("embeddings.safetensors"), r"embeddings\.safetensors has SHA-256"),
        (
            corrupt("manifest.json"),
            r"manifest\.json has SHA-256 .*, the pointer says .*: run `seeklet release`",
        ),
        (another_manifest, r"manifest\.json has SHA-256 .*, the pointer says"),
        (newer_format, r"format_version 3, this code reads 2"),
        (another_content("model.onnx", b"no model"), r"can't be loaded as an ONNX model"),
        (another_content("wordpieces.json", b"{}"), r"wordpieces\.json is damaged"),
        (damaged_lines, r"documents\.jsonl, line \d+ is damaged"),
        (damaged_model, r"a vector that isn't finite"),
        (forbidden, r"manifest\.json may not be read, or isn't there"),
        (pointer(b"releases/b"), r"search/current is no pointer \(.*\): run `seeklet release`"),
        (pointer(b"[1]"), r"is no pointer \(it is no JSON object\)"),
        (pointer(b"[" * 60_000), r"is no pointer \("),
        (pointer(b" " * 70_000), r"is no pointer \(it has more than 65,536 bytes\)"),
        (pointer(b'{"release": "releases/b"}'), r"is no pointer \(manifest_sha256 is None"),
        (to_elsewhere("../secret"), r"is no pointer \(release is '\.\./secret'"),
        (to_elsewhere("/etc"), r"is no pointer \(release is '/etc'"),
        (to_elsewhere("releases/nowhere"), r"releases/nowhere/manifest\.json isn't there"),
    ],
)
def test_a_bad_release_is_refused_once(
    break_it: Break,
    told: str,
    served: Refresher,
    artifacts: Artifacts,
    bucket: FakeS3,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = files_in(tmp_path / "tmp")
    break_it(bucket, artifacts["b"], tmp_path)
    served.look()
    bucket.asked.clear()
    served.look()
    served.look()
    # Its pointer is known by its ETag: nothing is fetched again.
    assert [asked.path for asked in bucket.asked] == [f"/bucket/{POINTER}"] * 2
    (message,) = messages(caplog, logging.WARNING)
    assert re.search(rf"is refused, the release before it goes on: .*{told}", message)
    assert files_in(tmp_path / "tmp") == before
    assert serves(served, artifacts["a"])
    refused = served.current().release
    assert refused is not None
    assert refused.describe()["refused"] is not None

    bucket.broken.clear()
    bucket.objects.pop(POINTER)
    publish(bucket, artifacts["b"])
    served.look()
    assert serves(served, artifacts["b"])
    assert len(files_in(tmp_path / "tmp")) == 1


@pytest.mark.parametrize(
    "fault",
    [
        "busy",
        "breaks off",
        "429 TooManyRequests",
        "400 ThrottlingException",
        "400 KMS.ThrottlingException",
        "400 ExpiredToken",
        "403 RequestTimeTooSkewed",
        "503 Unknown",
        "elsewhere",
        "nonsense",
    ],
)
@pytest.mark.parametrize("place", ["pointer", "manifest.json", "documents.jsonl"])
def test_what_may_work_later_is_tried_again(
    fault: str,
    place: str,
    served: Refresher,
    artifacts: Artifacts,
    bucket: FakeS3,
    caplog: pytest.LogCaptureFixture,
) -> None:
    release = publish(bucket, artifacts["b"])
    bucket.broken[POINTER if place == "pointer" else f"search/{release.folder}/{place}"] = fault
    served.look()
    served.look()
    assert serves(served, artifacts["a"])
    (message,) = messages(caplog, logging.WARNING)
    assert message.startswith("a look for a new release failed, the next one tries again: ")
    described = served.current().release
    assert described is not None
    assert described.describe()["refused"] is None
    bucket.broken.clear()
    served.look()
    assert serves(served, artifacts["b"])


def test_a_pointer_that_is_gone_changes_nothing(
    served: Refresher, artifacts: Artifacts, bucket: FakeS3, caplog: pytest.LogCaptureFixture
) -> None:
    kept = bucket.objects.pop(POINTER)
    served.look()
    served.look()
    assert serves(served, artifacts["a"])
    (message,) = messages(caplog, logging.WARNING)
    assert "the pointer is refused" in message
    bucket.objects[POINTER] = kept
    publish(bucket, artifacts["b"])
    served.look()
    assert serves(served, artifacts["b"])


def test_a_full_disk_keeps_the_old_release_whole(
    served: Refresher,
    artifacts: Artifacts,
    bucket: FakeS3,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    before = files_in(tmp_path / "tmp")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: DiskUsage(512 << 20, 512 << 20, 0))
    publish(bucket, artifacts["b"])
    served.look()
    assert files_in(tmp_path / "tmp") == before
    assert "EphemeralStorage at" in messages(caplog, logging.ERROR)[0]
    assert serves(served, artifacts["a"])


def test_a_disk_that_fills_up_meanwhile(
    served: Refresher, artifacts: Artifacts, bucket: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = files_in(tmp_path / "tmp")
    monkeypatch.setattr(os, "pwrite", refuse)
    publish(bucket, artifacts["b"])
    served.look()
    assert files_in(tmp_path / "tmp") == before
    assert serves(served, artifacts["a"])
