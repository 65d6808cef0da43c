"""`seeklet release`: what it sends, that it goes on where it was interrupted, and how the pointer moves."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fake_s3 import FakeS3
from fake_s3_writing import MODIFIED
from releases import POINTER, QUERY, load, make_releases
from releasing import PLACE, Artifacts, release, writable_bucket

from handler.artifact import Artifact
from handler.pointer import Pointer, Release, parse_pointer
from handler.searcher import Searcher
from seeklet.releases import listing, pointers, uploading
from seeklet.releases.bucket import Bucket
from seeklet.releases.listing import delete_old, list_releases
from seeklet.releases.uploading import publish

SHARED = {"model.onnx", "model.onnx.data", "tokenizer.json"}


def release_all(s3: FakeS3, artifacts: Artifacts) -> None:
    """Releases a, b and c, each an hour after the one before."""
    for hour, artifact in enumerate(artifacts.values()):
        release(artifact, PLACE)
        for key in s3.objects:
            s3.times.setdefault(key, MODIFIED + timedelta(hours=hour))


@pytest.fixture(scope="module")
def artifacts(tiny_model: Path, tiny_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Artifacts:
    """Three artifacts of one model. Not to be changed."""
    return make_releases(tmp_path_factory.mktemp("releases"), tiny_model, tiny_cache, "abc")


@pytest.fixture
def s3() -> Iterator[FakeS3]:
    with writable_bucket() as server:
        yield server


def pointer(s3: FakeS3) -> Pointer:
    return parse_pointer(s3.objects[POINTER], POINTER)


def release_of(artifact: Path) -> Release:
    sha256 = hashlib.sha256((artifact / "manifest.json").read_bytes()).hexdigest()
    return Release(f"releases/{sha256[:16]}", sha256)


def files_of(s3: FakeS3, artifact: Path) -> dict[str, bytes]:
    prefix = f"search/{release_of(artifact).folder}/"
    return {key.removeprefix(prefix): data for key, data in s3.objects.items() if key.startswith(prefix)}


def contents(artifact: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in artifact.iterdir()}


def written(s3: FakeS3) -> list[str]:
    """The names of the files that were put, in that order."""
    return [asked.path.rpartition("/")[2] for asked in s3.asked if asked.path.startswith("PUT ")]


def test_a_release_is_the_artifact_and_the_pointer_names_it(
    s3: FakeS3, artifacts: Artifacts, capsys: pytest.CaptureFixture[str]
) -> None:
    assert release(artifacts["a"], PLACE) == 0
    assert files_of(s3, artifacts["a"]) == contents(artifacts["a"])
    assert pointer(s3)[:2] == (release_of(artifacts["a"]), None)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", pointer(s3).released)
    # The manifest after all files, the pointer after the manifest.
    assert written(s3)[-2:] == ["manifest.json", "current"]
    said = capsys.readouterr().out
    assert said.splitlines() == [
        f"release {release_of(artifacts['a']).id}: 12 documents; files: {len(contents(artifacts['a']))} sent, "
        "0 copied within S3, 0 there already",
        "s3://bucket/search/current names it now",
    ]


def test_files_of_the_release_before_are_copied_within_s3(s3: FakeS3, artifacts: Artifacts) -> None:
    release(artifacts["a"], PLACE)
    done = publish(Bucket(PLACE), Artifact.open(artifacts["b"]), lambda count: None)
    assert done.copied >= len(SHARED)
    assert done.sent == len(contents(artifacts["b"])) - done.copied
    assert files_of(s3, artifacts["b"]) == contents(artifacts["b"])
    assert pointer(s3)[:2] == (release_of(artifacts["b"]), release_of(artifacts["a"]))


def test_a_copy_that_isnt_right_is_sent_instead(s3: FakeS3, artifacts: Artifacts) -> None:
    release(artifacts["a"], PLACE)
    folder = f"search/{release_of(artifacts['a']).folder}"
    s3.objects[f"{folder}/model.onnx"] = b"another model"
    del s3.objects[f"{folder}/tokenizer.json"]
    release(artifacts["b"], PLACE)
    assert files_of(s3, artifacts["b"]) == contents(artifacts["b"])


def test_every_byte_is_counted_once(s3: FakeS3, artifacts: Artifacts) -> None:
    for name in ("a", "b", "b"):
        counted: list[int] = []
        publish(Bucket(PLACE), Artifact.open(artifacts[name]), counted.append)
        assert sum(counted) == sum(map(len, contents(artifacts[name]).values()))


@pytest.mark.parametrize("name", ["documents.jsonl", "manifest.json", "current"])
def test_what_was_interrupted_goes_on(
    s3: FakeS3, artifacts: Artifacts, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    release(artifacts["a"], PLACE)
    key = POINTER if name == "current" else f"search/{release_of(artifacts['b']).folder}/{name}"
    s3.broken[key] = "dies"
    assert release(artifacts["b"], PLACE) == 2
    assert f"{name} can't be reached" in capsys.readouterr().err
    # The pointer names a whole release all the time.
    assert pointer(s3).current == release_of(artifacts["a"])
    there = set(files_of(s3, artifacts["b"]))
    assert "manifest.json" not in there or name == "current"
    s3.broken.clear()
    s3.asked.clear()
    assert release(artifacts["b"], PLACE) == 0
    assert not there & set(written(s3))
    assert files_of(s3, artifacts["b"]) == contents(artifacts["b"])
    assert pointer(s3)[:2] == (release_of(artifacts["b"]), release_of(artifacts["a"]))


def test_the_same_release_again_changes_nothing_and_repairs_what_is_missing(
    s3: FakeS3, artifacts: Artifacts, capsys: pytest.CaptureFixture[str]
) -> None:
    release(artifacts["a"], PLACE)
    release(artifacts["b"], PLACE)
    before = dict(s3.objects)
    s3.asked.clear()
    release(artifacts["b"], PLACE)
    assert (written(s3), s3.objects) == ([], before)
    assert "names it before" not in capsys.readouterr().out
    del s3.objects[f"search/{release_of(artifacts['b']).folder}/documents.jsonl"]
    release(artifacts["b"], PLACE)
    # The pointer too, so that a function that refused the release looks at it again.
    assert written(s3) == ["documents.jsonl", "current"]
    assert pointer(s3)[:2] == (release_of(artifacts["b"]), release_of(artifacts["a"]))


@pytest.mark.parametrize("damaged", [b"garbage{", b"{}", b""])
def test_a_damaged_pointer_is_replaced(s3: FakeS3, artifacts: Artifacts, damaged: bytes) -> None:
    release(artifacts["a"], PLACE)
    s3.objects[POINTER] = damaged
    assert release(artifacts["a"], PLACE) == 0
    assert pointer(s3)[:2] == (release_of(artifacts["a"]), None)


def test_what_is_deleted_while_it_is_released_again_is_sent_again(
    s3: FakeS3, artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    release_all(s3, artifacts)
    move = pointers.move_to

    def after_others(bucket: Bucket, release: Any) -> Any:
        # The files are there, and the pointer doesn't name them yet.
        assert [one.id for one in list_releases(bucket) if not one.role] == [release_of(artifacts["a"]).id]
        assert delete_old(bucket, 1) == [release_of(artifacts["a"]).id]
        return move(bucket, release)

    monkeypatch.setattr(uploading, "move_to", after_others)
    assert release(artifacts["a"], PLACE) == 0
    assert files_of(s3, artifacts["a"]) == contents(artifacts["a"])


def test_a_release_that_the_pointer_names_meanwhile_is_not_deleted(
    s3: FakeS3, artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    release_all(s3, artifacts)
    bucket = Bucket(PLACE)
    listed = list_releases(bucket)
    monkeypatch.setattr(listing, "list_releases", lambda _: listed)
    release(artifacts["a"], PLACE)
    assert delete_old(bucket, 1) == []
    assert files_of(s3, artifacts["a"]) == contents(artifacts["a"])


def test_two_releases_at_once_lose_none(s3: FakeS3, artifacts: Artifacts) -> None:
    release(artifacts["a"], PLACE)
    theirs = Pointer(release_of(artifacts["c"]), release_of(artifacts["a"]), "2026-11-23T10:00:00Z")
    s3.others[POINTER] = theirs.to_json()
    s3.broken[POINTER] = "changes"
    release(artifacts["b"], PLACE)
    assert pointer(s3)[:2] == (release_of(artifacts["b"]), release_of(artifacts["c"]))


def test_roll_back_and_back_again(
    s3: FakeS3, artifacts: Artifacts, capsys: pytest.CaptureFixture[str]
) -> None:
    assert release("--rollback", PLACE) == 2
    assert "there is no s3://bucket/search/current: run `seeklet release` first" in capsys.readouterr().err
    release(artifacts["a"], PLACE)
    assert release("--rollback", PLACE) == 2
    assert "there is nothing to roll back to" in capsys.readouterr().err
    release(artifacts["b"], PLACE)
    capsys.readouterr()
    a, b = (release_of(artifacts[name]) for name in "ab")
    assert release("--rollback", PLACE) == 0
    assert pointer(s3)[:2] == (a, b)
    assert (
        capsys.readouterr().out == f"s3://bucket/search/current names release {a.id}; before it was {b.id}\n"
    )
    assert release("--rollback", f"{PLACE}/current") == 0
    assert pointer(s3)[:2] == (b, a)
    del s3.objects[f"search/{a.folder}/manifest.json"]
    assert release("--rollback", PLACE) == 2
    assert "isn't there any more" in capsys.readouterr().err
    assert pointer(s3)[:2] == (b, a)


def test_a_roll_back_whose_answer_was_lost_is_not_undone(
    s3: FakeS3, artifacts: Artifacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    release(artifacts["a"], PLACE)
    release(artifacts["b"], PLACE)
    a, b = (release_of(artifacts[name]) for name in "ab")
    write, answers = Bucket.write, iter([False])

    def lose(self: Bucket, name: str, data: bytes, etag: str | None) -> bool:
        # It is written, and the client asks again: the ETag is another one by then.
        return write(self, name, data, etag) and next(answers, True)

    monkeypatch.setattr(Bucket, "write", lose)
    assert release("--rollback", PLACE) == 0
    assert pointer(s3)[:2] == (a, b)


def test_old_releases_are_deleted_and_never_the_current_one_or_the_one_before(
    s3: FakeS3, artifacts: Artifacts, capsys: pytest.CaptureFixture[str]
) -> None:
    release_all(s3, artifacts)
    unfinished, left = "0123456789abcdef", "0badcafe0badcafe"
    s3.objects[f"search/releases/{unfinished}/documents.jsonl"] = b"new"
    s3.times[f"search/releases/{unfinished}/documents.jsonl"] = datetime.now(UTC)
    s3.objects[f"search/releases/{left}/documents.jsonl"] = b"old"
    s3.times[f"search/releases/{left}/documents.jsonl"] = MODIFIED - timedelta(days=300)
    # Nothing of this is a release: a mark that consoles make, a file, and a folder of another name.
    own = ("notes.txt", "releases/", "releases/notes.txt", "releases/mine/documents.jsonl")
    for name in own:
        s3.objects[f"search/{name}"] = b"somebody's"
        s3.times[f"search/{name}"] = MODIFIED - timedelta(days=300)
    release("--rollback", PLACE)
    capsys.readouterr()
    listed = {one.id: (one.role, one.whole) for one in list_releases(Bucket(PLACE))}
    a, b, c = (release_of(artifacts[name]).id for name in "abc")
    assert listed == {
        a: ("", True),
        b: ("current", True),
        c: ("previous", True),
        unfinished: ("", False),
        left: ("", False),
    }
    assert release("--keep", "1", PLACE) == 0
    assert sorted(capsys.readouterr().out.split()) == sorted(
        ["deleted", "release", a, "deleted", "release", left]
    )
    assert {one.id for one in list_releases(Bucket(PLACE))} == {b, c, unfinished}
    assert all(s3.objects[f"search/{name}"] == b"somebody's" for name in own)
    assert release("--list", PLACE) == 0
    printed = json.loads(capsys.readouterr().out)["releases"]
    assert {one["id"]: (one["role"], one["whole"]) for one in printed} == {
        b: ("current", True),
        c: ("previous", True),
        unfinished: (None, False),
    }


def test_the_function_serves_what_was_released(
    s3: FakeS3, artifacts: Artifacts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))

    release(artifacts["a"], PLACE)
    function = load()

    def serves(name: str) -> bool:
        function.resume()
        function({"source": "aws.events"})
        return function.searcher.search(QUERY, 5) == Searcher.load(artifacts[name]).search(QUERY, 5)

    assert serves("a")
    release(artifacts["b"], PLACE)
    assert serves("b")
    release("--rollback", PLACE)
    assert serves("a")
