"""What a killed export leaves: a whole artifact as the output, and beside it only what the next export ends."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from command import ROOT
from killed_commits import PARTS
from outputs import make_artifact, names, write

from export.build.exchange import exchange
from export.build.folder_lock import LOCK_FILE
from export.build.output import Output


@pytest.mark.parametrize("left", [["out", ".out.old"], [".out.old"]])
def test_after_a_crash_within_commit(tmp_path: Path, left: list[str]) -> None:
    for name in left:
        make_artifact(tmp_path / name, content=name)
    with Output(tmp_path / "out"):
        assert names(tmp_path) == [".out.partial", "out"]
        assert (tmp_path / "out" / "model.onnx").read_text() == left[0]
    write(tmp_path / "out", "new")
    assert names(tmp_path) == ["out"]


def test_half_an_artifact_is_not_restored(tmp_path: Path) -> None:
    """Killed while it removed the old one; then somebody deleted the new one."""
    make_artifact(tmp_path / ".out.old", "old", PARTS)
    (tmp_path / ".out.old" / PARTS[0]).unlink()
    with Output(tmp_path / "out"):
        assert names(tmp_path) == [".out.partial"]
    assert names(tmp_path) == []


def content(out: Path) -> str:
    """What every file of a whole artifact has."""
    assert names(out) == sorted(["manifest.json", *PARTS])
    (text,) = {(out / name).read_text() for name in PARTS}
    return text


def can_exchange(folder: Path) -> bool:
    for name in ("one", "other"):
        (folder / name).mkdir()
    done = exchange(folder / "one", folder / "other")
    for name in ("one", "other"):
        (folder / name).rmdir()
    return done


@pytest.mark.parametrize("options", [[], ["--renames"]])
def test_killed_at_any_call_it_leaves_what_the_next_export_ends(tmp_path: Path, options: list[str]) -> None:
    subprocess.run(
        [sys.executable, ROOT / "tests" / "killed_commits.py", tmp_path, *options],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    exchanges, found = not options and can_exchange(tmp_path), []
    for number in range(len(names(tmp_path))):
        folder = tmp_path / str(number)
        assert {".out.partial", ".out.old", "out"}.issuperset(names(folder))
        # The lock is no part of the artifact.
        assert exchanges <= (folder / "out").exists()
        if (folder / "out").exists():
            assert {*names(folder / "out")} - {LOCK_FILE} == {"manifest.json", *PARTS}
        again = shutil.copytree(folder, tmp_path / "again")
        # The next export has nothing to do, or replaces what is there.
        with Output(folder / "out"):
            found.append(content(folder / "out"))
        assert names(folder) == ["out"], number
        assert content(folder / "out") == found[-1]
        write(again / "out", "newer", PARTS)
        assert names(again) == ["out"], number
        assert content(again / "out") == "newer"
        shutil.rmtree(again)
    assert len(found) > 15
    assert found == sorted(found, reverse=True)
    assert set(found) == {"old", "new"}


def test_there_is_an_output_at_every_moment_of_a_commit(tmp_path: Path) -> None:
    """Looked at before every call that changes a folder; what a kill leaves is what is there then."""
    out, seen, watching = tmp_path / "out", [], threading.Event()
    if not can_exchange(tmp_path):
        pytest.skip("needs a system that exchanges folders")

    def look(event: str, _arguments: tuple[Any, ...]) -> None:
        if watching.is_set() and event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir"):
            seen.append((out / "model.onnx").read_text())

    write(out, "old")
    # A hook stays for good, so this one is switched off.
    sys.addaudithook(look)
    watching.set()
    try:
        write(out, "new")
    finally:
        watching.clear()
    assert sorted(seen, reverse=True) == seen
    assert set(seen) == {"old", "new"}
    assert names(tmp_path) == ["out"]


def test_two_folders_are_exchanged_or_left(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).touch()
    if can_exchange(tmp_path):
        assert exchange(tmp_path / "a", tmp_path / "b")
        assert (names(tmp_path / "a"), names(tmp_path / "b")) == (["b"], ["a"])
    assert names(tmp_path) == ["a", "b"]
    assert not exchange(tmp_path / "a", tmp_path / "nowhere")
    assert names(tmp_path) == ["a", "b"]
