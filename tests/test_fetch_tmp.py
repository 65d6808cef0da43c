"""ARTIFACT_URI and /tmp: which folder is trusted, which are deleted to make room, and what a full disk is told."""

from __future__ import annotations

import errno
import json
import os
import shutil
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest
from fake_s3 import FakeS3
from fetched import fetch_artifact

from handler.errors import ArtifactError

URI = "s3://bucket/search/v1"
MANIFEST = "search/v1/manifest.json"
DiskUsage = namedtuple("DiskUsage", "total used free")
ANOTHER_USER = 12345
AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_warm_tmp_costs_the_manifest_alone(s3: FakeS3, tmp_path: Path) -> None:
    first = fetch_artifact(URI, tmp_path)
    s3.asked.clear()
    assert fetch_artifact(URI, tmp_path) == first
    assert [asked.path for asked in s3.asked] == [f"/bucket/{MANIFEST}"]


def test_another_artifact_gets_another_folder(s3: FakeS3, s3_files: dict[str, bytes], tmp_path: Path) -> None:
    first = fetch_artifact(URI, tmp_path)
    s3.upload({**s3_files, "model.onnx": b"another model"})
    second = fetch_artifact(URI, tmp_path)
    assert first != second
    assert (second / "model.onnx").read_bytes() == b"another model"


@pytest.mark.parametrize(
    "damage", ["another manifest", "no manifest", "a short file", "a missing file", "empty", "a file"]
)
def test_a_folder_of_the_right_name_is_not_trusted_by_its_name(
    s3: FakeS3, tmp_path: Path, damage: str
) -> None:
    folder = fetch_artifact(URI, tmp_path)
    whole = contents(folder)
    match damage:
        case "another manifest":
            fields = json.loads(whole["manifest.json"])
            (folder / "manifest.json").write_text(json.dumps({**fields, "query_prompt": "another: "}))
        case "no manifest":
            (folder / "manifest.json").unlink()
        case "a short file":
            os.truncate(folder / "model.onnx.data", 100)
        case "a missing file":
            (folder / "model.onnx").unlink()
        case "empty" | "a file":
            shutil.rmtree(folder)
            folder.mkdir() if damage == "empty" else folder.write_text("")
    if damage == "a file":
        # A file is no folder of ours, so it isn't ours to delete.
        with pytest.raises(ArtifactError, match=r"is in the way, and is not this user's artifact: remove it"):
            fetch_artifact(URI, tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == [folder.name]
        return
    assert fetch_artifact(URI, tmp_path) == folder
    assert contents(folder) == whole
    assert list(tmp_path.iterdir()) == [folder]


@AS_ROOT
def test_a_folder_of_another_user_is_not_trusted(s3: FakeS3, tmp_path: Path) -> None:
    folder = fetch_artifact(URI, tmp_path)
    os.chown(folder, ANOTHER_USER, ANOTHER_USER)
    with pytest.raises(ArtifactError, match="is in the way, and is not this user's artifact: remove it"):
        fetch_artifact(URI, tmp_path)
    assert list(tmp_path.iterdir()) == [folder]
    assert contents(folder)


def test_a_link_is_not_trusted_and_what_it_leads_to_is_left_alone(s3: FakeS3, tmp_path: Path) -> None:
    folder = fetch_artifact(URI, tmp_path)
    elsewhere = tmp_path / "elsewhere"
    folder.rename(elsewhere)
    whole = contents(elsewhere)
    folder.symlink_to(elsewhere)
    with pytest.raises(ArtifactError, match="is in the way, and is not this user's artifact: remove it"):
        fetch_artifact(URI, tmp_path)
    assert folder.is_symlink()
    assert contents(elsewhere) == whole


def test_a_full_tmp_says_what_to_raise(s3: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # 512 MB, all but 100 kB of it used by others.
    usage = DiskUsage(512 << 20, (512 << 20) - 100_000, 100_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(ArtifactError, match=r"has 0 MB, .* has 0 of 512 MB free: .*EphemeralStorage at 513"):
        fetch_artifact(URI, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("number", "told"),
    [(errno.ENOSPC, "EphemeralStorage"), (errno.EROFS, r"can't be written \(Read-only file system\)")],
)
def test_a_tmp_that_can_not_be_written(
    s3: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, told: str
) -> None:
    def refuse(*arguments: Any) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "pwrite", refuse)
    with pytest.raises(ArtifactError, match=told):
        fetch_artifact(URI, tmp_path)
    assert list(tmp_path.iterdir()) == []


OURS = [f"seeklet-{'0a' * 32}", "seeklet-abc_1234.partial"]
OTHERS = [
    *("seeklet-old", "seeklet-notes", "seeklet-", "another's", f"x-seeklet-{'0a' * 32}"),
    *(f"seeklet-{'0a' * 31}", f"seeklet-{'0A' * 32}", f"seeklet-{'0a' * 32}.partial", "seeklet-abc.partial"),
    *(f"seeklet-{'0a' * 32}\n", "seeklet-abc_1234.partial.txt"),
]


def fill(parent: Path, names: list[str]) -> None:
    for name in names:
        (parent / name).mkdir()
        (parent / name / "file").write_text("something")


def test_older_artifacts_stay_where_there_is_room(s3: FakeS3, tmp_path: Path) -> None:
    fill(tmp_path, [*OURS, *OTHERS])
    folder = fetch_artifact(URI, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*OURS, *OTHERS, folder.name}


def test_only_our_own_folders_make_room(s3: FakeS3, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(tmp_path, [*OURS, *OTHERS])
    strangers = tmp_path / "strangers"
    fill(tmp_path, ["strangers"])
    link, file = tmp_path / f"seeklet-{'1b' * 32}", tmp_path / f"seeklet-{'2c' * 32}"
    link.symlink_to(strangers)
    file.write_text("no folder")
    kept = {*OTHERS, "strangers", link.name, file.name}
    if os.geteuid() == 0:
        another = f"seeklet-{'3d' * 32}"
        fill(tmp_path, [another])
        os.chown(tmp_path / another, ANOTHER_USER, ANOTHER_USER)
        kept.add(another)

    def usage(path: Path) -> DiskUsage:
        full = any((tmp_path / name).exists() for name in OURS)
        return DiskUsage(10**9, 10**9, 0) if full else DiskUsage(10**9, 0, 10**9)

    monkeypatch.setattr(shutil, "disk_usage", usage)
    folder = fetch_artifact(URI, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {*kept, folder.name}
    assert (strangers / "file").read_text() == "something"
    assert all((tmp_path / name / "file").exists() for name in OTHERS)
