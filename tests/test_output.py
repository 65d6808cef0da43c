"""The output directory: complete or absent, never someone else's, one export at a time."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from export.build.output import LOCK_FILE, Output
from handler.errors import OutputError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def make_artifact(out: Path, content: str = "old") -> None:
    out.mkdir()
    make_files(out, content)


def make_files(out: Path, content: str) -> None:
    (out / "manifest.json").write_text(json.dumps({"format_version": 1, "recipe_sha256": "x"}))
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


def test_lambda_may_read_it(tmp_path: Path) -> None:
    mask = os.umask(0o077)
    try:
        write(tmp_path / "out", "new")
    finally:
        os.umask(mask)
    assert (tmp_path / "out").stat().st_mode & 0o777 == 0o755
    assert (tmp_path / "out" / "model.onnx").stat().st_mode & 0o777 == 0o644


@pytest.mark.parametrize("error", [OSError, KeyboardInterrupt])
def test_leaving_early_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    make_artifact(tmp_path / "out")
    with suppress(error), Output(tmp_path / "out") as output:
        (output.partial / "model.onnx").write_text("half")
        (output.partial / "journal.x.records").touch()
        raise error
    assert names(tmp_path) == ["out"]
    assert (tmp_path / "out" / "model.onnx").read_text() == "old"


def test_only_a_journal_outlives_an_export(tmp_path: Path) -> None:
    with suppress(OSError), Output(tmp_path / "out") as output:
        for name in ("journal.x.records", "model.onnx", "manifest.json"):
            (output.partial / name).write_text("something")
        raise OSError
    assert names(tmp_path) == [".out.partial"]
    assert names(tmp_path / ".out.partial") == ["journal.x.records", LOCK_FILE]
    # What a killed export left, too.
    (tmp_path / ".out.partial" / "stray.bin").touch()
    with Output(tmp_path / "out") as output:
        assert names(output.partial) == ["journal.x.records", LOCK_FILE]


@pytest.mark.parametrize("name", ["notes.txt", "manifest.json", ".hidden"])
def test_a_folder_that_isnt_ours_is_left_alone(tmp_path: Path, name: str) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / name).write_text('{"name": "somebody\'s web app"}')
    with pytest.raises(OutputError, match=r"out holds files that aren't an artifact's, and they are left"):
        Output(out).__enter__()
    assert names(tmp_path) == ["out"]
    assert (out / name).read_text() == '{"name": "somebody\'s web app"}'


def test_a_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError, match="out is a file: choose another --out"):
        Output(tmp_path / "out").__enter__()
    assert (tmp_path / "out").read_text() == "mine"
    assert names(tmp_path) == ["out"]


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


def test_many_at_once(tmp_path: Path) -> None:
    """Whoever gets in finds a folder of its own, and what is committed is whole."""
    done: list[str] = []
    failures: list[BaseException] = []

    def work(name: str) -> None:
        for turn in range(40):
            try:
                with Output(tmp_path / "out") as output:
                    assert names(output.partial) == [LOCK_FILE]
                    for part in ("manifest.json", "a", "b"):
                        text = json.dumps({"format_version": 1, "recipe_sha256": f"{name}{turn}"})
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
    assert len({(tmp_path / "out" / part).read_text() for part in ("manifest.json", "a", "b")}) == 1


def test_a_disk_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(file: object, how: int) -> None:
        raise OSError(errno.ENOLCK, "no locks here")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(
        OutputError, match=r"lock can't be locked \(no locks here\): choose an --out on a local"
    ):
        Output(tmp_path / "out").__enter__()
