"""A pointer in ARTIFACT_URI: each new release is served whole, and a bad one never."""

from __future__ import annotations

import gc
import threading
import weakref
from pathlib import Path

import pytest
from fake_s3 import FakeS3
from indexed import send
from releases import POINTER, QUERY, URI, make_releases, publish

from handler.folders import Folders
from handler.function import Function
from handler.loading import Loader
from handler.pointer import parse_pointer
from handler.refresh import Refresher
from handler.searcher import Searcher
from handler.settings import Settings


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def artifacts(
    tiny_model: Path, tiny_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Path]:
    """Three artifacts of one model. Not to be changed."""
    return make_releases(tmp_path_factory.mktemp("releases"), tiny_model, tiny_cache, "abc")


@pytest.fixture
def bucket(s3: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeS3:
    """An empty bucket, and a /tmp of the test's own."""
    s3.objects.clear()
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "tmp"))
    return s3


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def served(bucket: FakeS3, artifacts: dict[str, Path], clock: Clock) -> Refresher:
    """A refresher over release a."""
    publish(bucket, artifacts["a"])
    return start(clock)


def start(clock: Clock, **variables: str) -> Refresher:
    settings = Settings.from_env({"ARTIFACT_URI": URI, "THREADS": "1", **variables})
    loader = Loader(settings)
    return Refresher(loader, loader.connect(URI), clock=clock)


def ids(searcher: Searcher) -> list[str]:
    return [hit.id for hit in searcher.search(QUERY, 3)]


def now_serves(refresher: Refresher, artifact: Path) -> bool:
    """Whether it answers as the artifact itself does."""
    found = refresher.current().searcher.search(QUERY, 5)
    return found == Searcher.load(artifact).search(QUERY, 5)


def folders(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "tmp").iterdir())


# --- a good release


def test_it_serves_what_the_pointer_names(
    served: Refresher, artifacts: dict[str, Path], bucket: FakeS3, tmp_path: Path
) -> None:
    assert now_serves(served, artifacts["a"])
    release = parse_pointer(bucket.objects[POINTER], "").current
    assert folders(tmp_path) == [f"seeklet-{release.manifest_sha256}"]


def test_an_event_never_waits_for_a_new_release(
    served: Refresher, artifacts: dict[str, Path], bucket: FakeS3, clock: Clock
) -> None:
    publish(bucket, artifacts["b"])
    bucket.wait = threading.Event()
    clock.now += 60
    # S3 gives nothing before it is told to, and the old release answers meanwhile.
    assert now_serves(served, artifacts["a"])
    assert now_serves(served, artifacts["a"])
    bucket.wait.set()
    served.wait(60)
    assert now_serves(served, artifacts["b"])


def test_a_look_is_due_every_so_many_seconds(served: Refresher, bucket: FakeS3, clock: Clock) -> None:
    def looks_after(seconds: float) -> int:
        bucket.asked.clear()
        clock.now += seconds
        for _ in range(3):
            served.current()
            served.wait(60)
        return len(bucket.asked)

    assert [looks_after(seconds) for seconds in (59, 1, 59.5, 0.5, 1000)] == [0, 1, 0, 1, 1]
    # A clock that was set back doesn't stop the looks.
    assert looks_after(-500) == 1
    assert looks_after(59) == 0


def test_an_unchanged_pointer_costs_one_request_without_a_body(served: Refresher, bucket: FakeS3) -> None:
    bucket.asked.clear()
    served.look()
    (asked,) = bucket.asked
    assert (asked.path, bool(asked.known)) == (f"/bucket/{POINTER}", True)


@pytest.mark.parametrize("error", [RuntimeError("can't start new thread"), MemoryError()])
def test_a_machine_that_is_short_of_something_refuses_nothing(
    served: Refresher,
    bucket: FakeS3,
    artifacts: dict[str, Path],
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    publish(bucket, artifacts["b"])
    with monkeypatch.context() as patched:
        patched.setattr("handler.s3.S3Folder.download", fail)
        served.look()
    release = served.current().release
    assert release is not None
    assert release.describe()["refused"] is None
    served.look()
    assert now_serves(served, artifacts["b"])


def test_zero_seconds_are_never(bucket: FakeS3, artifacts: dict[str, Path], clock: Clock) -> None:
    publish(bucket, artifacts["a"])
    never = start(clock, REFRESH_SECONDS="0")
    bucket.asked.clear()
    clock.now += 10**6
    never.current()
    never.wait(60)
    assert bucket.asked == []


def test_files_that_both_releases_have_are_linked_and_their_model_is_loaded_once(
    served: Refresher, artifacts: dict[str, Path], bucket: FakeS3
) -> None:
    encoder = served.current().searcher.encoder
    publish(bucket, artifacts["b"])
    bucket.asked.clear()
    served.look()
    names = {asked.path.rpartition("/")[2] for asked in bucket.asked}
    assert "documents.jsonl" in names
    assert not {"model.onnx", "model.onnx.data", "tokenizer.json"} & names
    assert served.current().searcher.encoder is encoder
    assert now_serves(served, artifacts["b"])


def test_a_shared_tokenizer_is_read_when_its_first_release_is_gone(
    served: Refresher, artifacts: dict[str, Path], bucket: FakeS3, tmp_path: Path
) -> None:
    (before,) = folders(tmp_path)
    publish(bucket, artifacts["b"])
    served.look()
    assert before not in folders(tmp_path)
    function = Function(served.settings, source=served)
    alone = Function(served.settings, Searcher.load(artifacts["b"]))
    for method, path, body in (
        ("POST", "/similar", {"text": "what does [MASK] mean"}),
        ("POST", "/v1/embeddings", {"input": [[2, 3]], "model": "any"}),
        ("GET", "/openapi.json", ""),
    ):
        status, answer, _ = send(function, method, path, body)
        assert (status, answer) == send(alone, method, path, body)[:2]
        assert status == 200


def test_a_damaged_file_here_is_fetched_again_and_not_linked(
    served: Refresher, artifacts: dict[str, Path], bucket: FakeS3, tmp_path: Path
) -> None:
    (folder,) = (tmp_path / "tmp").iterdir()
    weights = folder / "tokenizer.json"
    weights.write_bytes(b" " * weights.stat().st_size)
    release = publish(bucket, artifacts["b"])
    served.look()
    fetched = tmp_path / "tmp" / f"seeklet-{release.manifest_sha256}" / "tokenizer.json"
    assert fetched.read_bytes() == (artifacts["b"] / "tokenizer.json").read_bytes()


def test_the_old_folder_goes_with_the_last_event_that_uses_it(
    served: Refresher, artifacts: dict[str, Path], bucket: FakeS3, tmp_path: Path
) -> None:
    event = served.current()
    (before,) = folders(tmp_path)
    publish(bucket, artifacts["b"])
    served.look()
    assert before in folders(tmp_path)
    assert len(folders(tmp_path)) == 2
    # Still whole: the map, for one, is read at its request.
    assert event.searcher.search(QUERY, 5) == Searcher.load(artifacts["a"]).search(QUERY, 5)
    watched = weakref.ref(event.searcher)
    gc.disable()
    try:
        del event
        # Nothing but the event held it: no cycle waits for the collector.
        assert watched() is None
    finally:
        gc.enable()
    assert before not in folders(tmp_path)
    assert len(folders(tmp_path)) == 1


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that something was fetched into."""
    made = tmp_path / "seeklet-x"
    made.mkdir()
    return made


def test_a_folder_that_is_served_again_is_not_deleted_by_its_first_user(folder: Path) -> None:
    held = Folders(folder.parent)
    held.use(folder)
    held.retire(folder)
    held.use(folder)
    held.let_go(folder)
    assert folder.is_dir()
    held.retire(folder)
    held.let_go(folder)
    assert not folder.exists()


def test_a_folder_is_not_deleted_between_its_use_and_a_look_at_it(folder: Path) -> None:
    held = Folders(folder.parent)
    held.use(folder)
    held.delete_unused(folder)
    assert folder.is_dir()
    held.let_go(folder)
    held.delete_unused(folder)
    assert not folder.exists()


def test_back_to_the_release_before(
    served: Refresher, artifacts: dict[str, Path], bucket: FakeS3, tmp_path: Path
) -> None:
    for name in ("b", "a", "b", "a"):
        publish(bucket, artifacts[name])
        served.look()
        assert now_serves(served, artifacts[name])
        assert len(folders(tmp_path)) == 1
