"""Two builds of the function and its layers: one hash for each part, and every kind of difference is seen."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from lambda_tools import ROOT, python313, target

from layers.archives import archive
from layers.reproducible import MAKEFILES, compare, two_builders
from layers.reproducible import ROOT as REPRODUCED
from layers.size import RESOURCES


@pytest.mark.aws
def test_two_builds_have_one_hash(tiny_artifact: Path) -> None:
    python313()
    command = [sys.executable, "-m", "layers.reproducible", "--target", target()]
    done = subprocess.run(
        [*command, "--artifact", str(tiny_artifact)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = re.findall(r"^(\w+) +([0-9a-f]{64})  ([0-9a-f]{64})  same$", done.stdout, re.MULTILINE)
    assert [name for name, _, _ in lines] == list(RESOURCES)
    assert all(one == other for _, one, other in lines)
    assert len({one for _, one, _ in lines}) == len(RESOURCES)


def test_a_build_that_fails_is_told(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "layers.reproducible", "--target", target()]
    done = subprocess.run(
        [*command, "--artifact", str(tmp_path / "nowhere")], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 2
    assert re.match(r"error: SearchFunction can't be built: .*nowhere/manifest.json", done.stderr, re.DOTALL)


def test_nothing_that_may_differ_is_the_same_in_both_builds() -> None:
    mine, theirs = two_builders().values()
    assert mine.umask != theirs.umask
    assert mine.age is None
    assert theirs.age is not None
    assert mine.variables.keys() == theirs.variables.keys()
    assert not {item for item in mine.variables.items() if item in theirs.variables.items()}
    assert REPRODUCED == ROOT
    for part, folder in MAKEFILES.items():
        assert f"build-{part}:" in (ROOT / "layers" / folder / "Makefile").read_text(encoding="utf-8")


# --- two folders of made-up parts


def parts(folder: Path) -> Path:
    for part in RESOURCES:
        (folder / part / "inner").mkdir(parents=True)
        for name in ("a.py", "b.pyc"):
            file = folder / part / "inner" / name
            file.write_text(part + name)
            file.chmod(0o644)
            os.utime(file, (1, 1))
    return folder


def zip_parts(folder: Path) -> Path:
    for part in RESOURCES:
        archive(folder / part, folder / f"{part}.zip")
    return folder


DIFFERENCES: dict[str, Callable[[Path], object]] = {
    "a byte": lambda file: file.write_text("other"),
    "a mode": lambda file: file.chmod(0o600),
    "a time": lambda file: os.utime(file, (1, 2)),
    "a file that lacks": lambda file: file.unlink(),
    "a file too many": lambda file: shutil.copy(file, file.with_name("more")),
}


def test_equal_parts_are_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert compare(zip_parts(parts(tmp_path / "1")), zip_parts(parts(tmp_path / "2"))) == 0
    assert capsys.readouterr().out.count("same\n") == len(RESOURCES)


@pytest.mark.parametrize("name", DIFFERENCES)
def test_a_difference_is_named(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = parts(tmp_path / "1"), parts(tmp_path / "2")
    DIFFERENCES[name](second / "RuntimeLayer" / "inner" / "b.pyc")
    assert compare(zip_parts(first), zip_parts(second)) == 1
    out = capsys.readouterr().out
    assert re.search(r"^RuntimeLayer .*DIFFERENT\n  inner/(b\.pyc|more): ", out, re.MULTILINE)
    assert out.count("same\n") == len(RESOURCES) - 1
