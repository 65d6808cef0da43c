"""The output directory: complete or absent, never someone else's, one export at a time."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import sys
import tempfile
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from export.build.exchange import can_exchange, exchange
from export.build.output import Output
from export.build.own_files import LOCK_FILE
from handler.errors import OutputError

JOURNAL = f"journal.{'ab' * 8}.v2.records"


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def make_artifact(out: Path, content: str = "old") -> None:
    out.mkdir()
    make_files(out, content)


def make_files(out: Path, content: str) -> None:
    manifest = {"format_version": 1, "recipe_sha256": "x", "files": {"model.onnx": {}}}
    (out / "manifest.json").write_text(json.dumps(manifest))
    (out / "model.onnx").write_text(content)


def write(out: Path, content: str) -> None:
    with Output(out) as output:
        make_files(output.partial, content)
        output.commit()


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


@pytest.mark.parametrize("left", [["out", ".out.old"], [".out.old"]])
def test_after_a_crash_within_commit(tmp_path: Path, left: list[str]) -> None:
    for name in left:
        make_artifact(tmp_path / name, content=name)
    with Output(tmp_path / "out"):
        assert (tmp_path / "out" / "model.onnx").read_text() == left[0]
    write(tmp_path / "out", "new")
    assert names(tmp_path) == ["out"]


def test_two_at_once(tmp_path: Path) -> None:
    with Output(tmp_path / "out") as first:
        make_files(first.partial, "first")
        with pytest.raises(OutputError, match=r"another export to .*out is at work: wait for it, or choose"):
            Output(tmp_path / "out").__enter__()
        with Output(tmp_path / "elsewhere"):
            pass
        first.commit()
    assert (tmp_path / "out" / "model.onnx").read_text() == "first"
    write(tmp_path / "out", "second")


def test_a_lock_on_a_folder_that_is_gone_is_no_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The other export ends between this one's opening the lock file and locking it."""
    first = Output(tmp_path / "out")
    first.__enter__()
    flock = fcntl.flock

    def late(file: object, how: int) -> None:
        monkeypatch.undo()
        first.commit()
        first.__exit__(None, None, None)
        flock(file, how)  # type: ignore[arg-type]

    monkeypatch.setattr(fcntl, "flock", late)
    with Output(tmp_path / "out") as second:
        assert (second.partial / LOCK_FILE).exists()
        assert names(tmp_path) == [".out.partial", "out"]
    assert names(tmp_path) == ["out"]


PARTS = ("manifest.json", "model.onnx", "scan.bin")


def test_many_at_once(tmp_path: Path) -> None:
    """Whoever gets in finds a folder of its own, and what is committed is whole."""
    done: list[str] = []
    failures: list[BaseException] = []

    def work(name: str) -> None:
        for turn in range(40):
            try:
                with Output(tmp_path / "out") as output:
                    assert names(output.partial) == [LOCK_FILE]
                    for part in PARTS:
                        fields = {"format_version": 1, "recipe_sha256": f"{name}{turn}"}
                        text = json.dumps({**fields, "files": dict.fromkeys(PARTS[1:])})
                        (output.partial / part).write_text(text)
                    if turn % 2:
                        output.commit()
                        done.append(name)
            except OutputError:
                continue
            except BaseException as error:  # noqa: BLE001 - a thread's are lost otherwise
                failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in "xyz"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert done
    assert names(tmp_path) == ["out"]
    assert len({(tmp_path / "out" / part).read_text() for part in PARTS}) == 1


def test_a_disk_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(file: object, how: int) -> None:
        raise OSError(errno.ENOLCK, "no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(
        OutputError, match=r"lock can't be locked \(no locks here\): choose an --out on a local"
    ):
        Output(tmp_path / "out").__enter__()
    assert names(tmp_path) == []


@pytest.mark.skipif(
    not can_exchange(Path(tempfile.gettempdir())), reason="needs a system that exchanges folders"
)
def test_there_is_an_output_at_every_moment_of_a_commit(tmp_path: Path) -> None:
    """Looked at before every call that changes a folder; what a kill leaves is what is there then."""
    out, seen, watching = tmp_path / "out", [], threading.Event()

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
    assert not can_exchange(tmp_path / "nowhere")
