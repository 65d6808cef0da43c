"""An S3 that sends the headers, and then nothing, or a byte now and then: what a start does, and a look for a release.

The timeouts are short here; the small S3 of our own listens on a real socket.
"""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest
from fake_s3 import FakeS3
from fetched import fetch_artifact
from releases import POINTER, QUERY, URI, make_releases, publish

from handler.errors import UnreachableError
from handler.loading import Loader
from handler.refresh import Refresher
from handler.s3 import S3Folder
from handler.searcher import Searcher
from handler.settings import Settings

LARGE, MANIFEST = "search/v1/model.onnx.data", "search/v1/manifest.json"
# So long a trickle is that nothing but its end could stop it: a byte in 20 ms.
SILENT, BODY = 1.0, 0.5


def connect(uri: str, owner: str | None = None) -> S3Folder:
    return S3Folder(uri, owner, silent_seconds=SILENT, body_seconds=BODY)


class QuickLoader(Loader):
    """A loader whose S3 may take a second."""

    def connect(self, uri: str) -> S3Folder:
        return connect(uri)


@pytest.mark.parametrize("fault", ["stalls", "trickles"])
@pytest.mark.parametrize("key", [MANIFEST, LARGE])
def test_a_start_ends_with_a_sentence_and_leaves_nothing(
    s3: FakeS3, tmp_path: Path, fault: str, key: str
) -> None:
    s3.broken[key] = fault
    with pytest.raises(UnreachableError, match=r"can't be read \(.*\): check the function's network") as told:
        fetch_artifact("s3://bucket/search/v1", tmp_path, connect=connect)
    assert f"s3://bucket/{key} can't be read (" in str(told.value)
    assert list(tmp_path.iterdir()) == []
    # A file's range is asked for three times, as one that breaks off is.
    assert sum(asked.path.endswith(key) for asked in s3.asked) == (3 if key == LARGE else 1)


@pytest.mark.parametrize("fault", ["stalls once", "trickles once"])
def test_a_range_that_is_slow_once_is_asked_for_again(
    s3: FakeS3, s3_files: dict[str, bytes], tmp_path: Path, fault: str
) -> None:
    s3.broken[LARGE] = fault
    folder = fetch_artifact("s3://bucket/search/v1", tmp_path, connect=connect)
    assert (folder / "model.onnx.data").read_bytes() == s3_files["model.onnx.data"]


def test_no_thread_waits_for_a_body_that_has_come(s3: FakeS3, tmp_path: Path) -> None:
    before = set(threading.enumerate())
    fetch_artifact("s3://bucket/search/v1", tmp_path)
    assert not [each for each in set(threading.enumerate()) - before if isinstance(each, threading.Timer)]


@pytest.fixture(scope="module")
def artifacts(
    tiny_model: Path, tiny_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Two artifacts of one model. Not to be changed."""
    return make_releases(tmp_path_factory.mktemp("releases"), tiny_model, tiny_cache, "ab")


def serves(refresher: Refresher, artifact: Path) -> bool:
    found = refresher.current().searcher.search(QUERY, 5)
    return found == Searcher.load(artifact).search(QUERY, 5)


@pytest.mark.parametrize("fault", ["stalls", "trickles"])
@pytest.mark.parametrize("place", ["pointer", "manifest.json", "documents.jsonl"])
def test_a_look_ends_and_the_old_release_goes_on(
    s3: FakeS3,
    artifacts: dict[str, Path],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    fault: str,
    place: str,
) -> None:
    s3.objects.clear()
    publish(s3, artifacts["a"])
    settings = Settings.from_env({"ARTIFACT_URI": URI, "THREADS": "1"})
    loader = QuickLoader(settings, parent=tmp_path)
    refresher = Refresher(loader, loader.connect(URI))
    release = publish(s3, artifacts["b"])
    s3.broken[POINTER if place == "pointer" else f"search/{release.folder}/{place}"] = fault
    refresher.look()
    assert serves(refresher, artifacts["a"])
    (message,) = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert message.startswith(
        "a look for a new release failed, the next one tries again: s3://bucket/search/"
    )
    assert len(list(tmp_path.iterdir())) == 1

    s3.broken.clear()
    refresher.look()
    assert serves(refresher, artifacts["b"])
