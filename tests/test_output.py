"""The output directory: complete or absent, never someone else's. test_output_at_once.py and test_output_killed.py have more."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import pytest
from outputs import JOURNAL, make_artifact, names, write

from export.build.folder_lock import LOCK_FILE
from export.build.output import Output
from handler.errors import OutputError


@pytest.mark.parametrize("before", ["nothing", "an empty folder", "an artifact"])
def test_commit(tmp_path: Path, before: str) -> None:
    out = tmp_path / "new" / "out"
    if before != "nothing":
        out.parent.mkdir()
    if before == "an empty folder":
        out.mkdir()
    if before == "an artifact":
        make_artifact(out)
    write(out, "new")
    assert names(tmp_path / "new") == ["out"]
    assert names(out) == ["manifest.json", "model.onnx"]
    assert (out / "model.onnx").read_text() == "new"


@pytest.mark.parametrize(
    ("mask", "folder", "file"), [(0o022, 0o755, 0o644), (0o077, 0o700, 0o600), (0o002, 0o775, 0o664)]
)
def test_the_umask_decides_who_may_read(tmp_path: Path, mask: int, folder: int, file: int) -> None:
    before = os.umask(mask)
    try:
        write(tmp_path / "new" / "out", "new")
    finally:
        os.umask(before)
    for path in (tmp_path / "new", tmp_path / "new" / "out"):
        assert path.stat().st_mode & 0o777 == folder
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "new" / "out").iterdir()} == {file}


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_leaving_early_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    make_artifact(tmp_path / "out")
    with suppress(error), Output(tmp_path / "out") as output:
        (output.partial / "model.onnx").write_text("half")
        (output.partial / JOURNAL).touch()
        raise error
    assert names(tmp_path) == ["out"]
    assert (tmp_path / "out" / "model.onnx").read_text() == "old"


def test_only_a_journal_outlives_an_export(tmp_path: Path) -> None:
    with suppress(OSError), Output(tmp_path / "out") as output:
        for name in (JOURNAL, "model.onnx", "manifest.json"):
            (output.partial / name).write_text("something")
        raise OSError
    assert names(tmp_path) == [".out.partial"]
    assert names(tmp_path / ".out.partial") == [JOURNAL, LOCK_FILE]
    # What a killed export left, too.
    (tmp_path / ".out.partial" / "scan.bin").touch()
    with Output(tmp_path / "out") as output:
        assert names(output.partial) == [JOURNAL, LOCK_FILE]


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_leaving_early_leaves_no_folder_that_it_made(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "mine").mkdir()
    with suppress(error), Output(tmp_path / "mine" / "a" / "b" / "out"):
        raise error
    assert names(tmp_path) == ["mine"]
    assert names(tmp_path / "mine") == []
    with suppress(error), Output(tmp_path / "mine" / "a" / "b" / "out"):
        (tmp_path / "mine" / "a" / "notes.txt").touch()
        raise error
    assert names(tmp_path / "mine" / "a") == ["notes.txt"]


def test_a_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError, match="out is a file: choose another --out"):
        Output(tmp_path / "out").__enter__()
    assert (tmp_path / "out").read_text() == "mine"
    assert names(tmp_path) == ["out"]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs Linux's /proc")
def test_where_no_folder_can_be_made() -> None:
    with pytest.raises(OutputError, match=r"/proc/\.out\.partial can't be made: choose another --out"):
        Output(Path("/proc/out")).__enter__()


def test_the_root_folder_cant_be_replaced() -> None:
    with pytest.raises(OutputError, match="/ can't be replaced: choose a folder in it as --out"):
        Output(Path("/"))


def test_a_mount_point_cant_be_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "out").mkdir()
    monkeypatch.setattr(Path, "is_mount", lambda path: path == tmp_path / "out")
    with pytest.raises(
        OutputError, match="out is a mount point, which can't be replaced: choose a folder in"
    ):
        Output(tmp_path / "out").__enter__()


def test_through_a_symbolic_link(tmp_path: Path) -> None:
    make_artifact(tmp_path / "v1")
    (tmp_path / "out").symlink_to("v1")
    write(tmp_path / "out", "new")
    assert names(tmp_path) == ["out", "v1"]
    assert (tmp_path / "out").is_symlink()
    assert (tmp_path / "v1" / "model.onnx").read_text() == "new"


@pytest.mark.parametrize("inner", ["", "out"])
def test_a_loop_of_symbolic_links(tmp_path: Path, inner: str) -> None:
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(
        OutputError, match=r"loop.* can't be reached \(.*symbolic links\): choose another --out"
    ):
        Output(tmp_path / "loop" / inner)


def test_this_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_artifact(tmp_path / "out")
    monkeypatch.chdir(tmp_path / "out")
    write(Path(), "new")
    assert (tmp_path / "out" / "model.onnx").read_text() == "new"
    assert names(tmp_path) == ["out"]
