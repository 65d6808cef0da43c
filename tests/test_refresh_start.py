"""A start over ARTIFACT_URI: a folder or a pointer, and which release where the newest one is bad."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest
from fake_s3 import FakeS3
from releases import QUERY, load, make_releases, publish, upload

from handler.errors import ArtifactError, MissingError, UnreachableError
from handler.pointer import parse_pointer
from handler.searcher import Searcher

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


def messages(caplog: pytest.LogCaptureFixture, level: int) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= level]


def test_a_start_takes_the_release_before_a_bad_one(
    bucket: FakeS3, artifacts: Artifacts, caplog: pytest.LogCaptureFixture
) -> None:
    publish(bucket, artifacts["a"])
    bad = publish(bucket, artifacts["b"], damaged="documents.jsonl")
    function = load()
    assert function.searcher.search(QUERY, 5) == Searcher.load(artifacts["a"]).search(QUERY, 5)
    (message,) = messages(caplog, logging.ERROR)
    assert message.startswith(f"release {bad.id} is refused")
    release = function.source.current().release
    assert release is not None
    assert release.describe()["refused"]["id"] == bad.id


def test_a_start_without_a_good_release_fails(bucket: FakeS3, artifacts: Artifacts) -> None:
    publish(bucket, artifacts["a"], damaged="documents.jsonl")
    with pytest.raises(ArtifactError, match=r"documents\.jsonl has SHA-256"):
        load()
    publish(bucket, artifacts["b"], without="documents.jsonl")
    with pytest.raises(ArtifactError, match=r"documents\.jsonl has SHA-256"):
        load()
    bucket.objects.clear()
    with pytest.raises(
        MissingError, match=r"search/current isn't there: run `seeklet release`.* or mend ARTIFACT_URI"
    ):
        load()


def test_a_start_doesnt_fall_back_where_s3_is_busy(bucket: FakeS3, artifacts: Artifacts) -> None:
    publish(bucket, artifacts["a"])
    release = publish(bucket, artifacts["b"])
    bucket.broken[f"search/{release.folder}/manifest.json"] = "busy"
    with pytest.raises(UnreachableError, match="SlowDown"):
        load()


@pytest.mark.parametrize("name", ["current", "live", "v1/now"])
def test_folder_and_pointer_are_told_apart(name: str, bucket: FakeS3, artifacts: Artifacts) -> None:
    uri = f"s3://bucket/search/{name}"
    for path in artifacts["a"].iterdir():
        bucket.objects[f"search/{name}/{path.name}"] = path.read_bytes()
    function = load(ARTIFACT_URI=uri)
    assert function.source.current().release is None
    bucket.objects = {
        key: value for key, value in bucket.objects.items() if not key.startswith(f"search/{name}")
    }
    release = upload(bucket, artifacts["b"])
    folder = f"search/{name}".rpartition("/")[0]
    bucket.objects = {
        f"{folder}/{key.removeprefix('search/')}": value for key, value in bucket.objects.items()
    }
    bucket.objects[f"search/{name}"] = json.dumps(release.fields()).encode()
    served = load(ARTIFACT_URI=uri).source.current().release
    assert served is not None
    assert served.id == release.id
    assert parse_pointer(bucket.objects[f"search/{name}"], "").previous is None
