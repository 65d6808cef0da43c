"""Several exports to one place at the same time: one of them is at work, and the others are refused."""

from __future__ import annotations

import errno
import fcntl
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from command import ROOT
from outputs import make_artifact, make_files, names, never, write

from export.build.exchange import exchange
from export.build.folder_lock import LOCK_FILE, FolderLock
from export.build.output import Output
from handler.errors import OutputError


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


class Calls:
    """Does something before each call that changes a folder, within `with`. A hook stays for good, so it is switched off."""

    def __init__(self, what: Callable[[], None]) -> None:
        self._what = what
        self._on = False
        sys.addaudithook(self._hook)

    def __enter__(self) -> Calls:
        self._on = True
        return self

    def __exit__(self, *_error: object) -> None:
        self._on = False

    def _hook(self, event: str, _arguments: tuple[Any, ...]) -> None:
        if self._on and event in ("os.rename", "os.remove", "os.mkdir", "os.rmdir"):
            # What it does calls no hook.
            self._on = False
            try:
                self._what()
            finally:
                self._on = True


def everything(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text() if path.is_file() else ""
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("exchange", [exchange, never])
def test_whoever_comes_during_a_commit_touches_nothing(
    tmp_path: Path, exchange: Callable[[Path, Path], bool]
) -> None:
    """Only where one call is left, the removal of an empty folder, may another export begin."""
    out, refused = tmp_path / "out", []

    def come() -> None:
        before = everything(tmp_path)
        try:
            with Output(out):
                assert names(out) == ["manifest.json", "model.onnx"]
                assert (out / "model.onnx").read_text() == "new"
            refused.append(False)
        except OutputError:
            assert everything(tmp_path) == before
            refused.append(True)

    make_artifact(out, "old")
    with Output(out, exchange) as output:
        make_files(output.partial, "new")
        with Calls(come):
            output.commit()
    assert refused == [True] * (len(refused) - 1) + [False]
    assert len(refused) > 3
    assert names(tmp_path) == ["out"]


def test_a_lock_is_a_living_processs(tmp_path: Path) -> None:
    """Whatever name the folder has by then, and until its process is killed."""
    (tmp_path / "folder").mkdir()
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / "folder"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == "locked\n"
    (tmp_path / "folder").rename(tmp_path / "other")
    with pytest.raises(BlockingIOError):
        FolderLock(tmp_path / "other")
    holder.kill()
    holder.communicate()
    with FolderLock(tmp_path / "other") as lock:
        assert lock.is_in(tmp_path / "other")
        (tmp_path / "other" / LOCK_FILE).unlink()
        assert not lock.is_in(tmp_path / "other")
    with pytest.raises(FileNotFoundError):
        FolderLock(tmp_path / "folder")


HOLD = """
import sys
from pathlib import Path
from export.build.folder_lock import FolderLock
lock = FolderLock(Path(sys.argv[1]))
print("locked", flush=True)
sys.stdin.read()
"""
