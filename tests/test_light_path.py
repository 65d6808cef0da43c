"""The path of a start: it does what pathlib's own does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from handler.artifact import Artifact
from handler.light_path import LightPath


def test_it_does_what_pathlib_does(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file.bin").write_bytes(b"\x00text")
    for text in (f"{tmp_path}/folder", f"{tmp_path}/folder/", f"{tmp_path}/gone", "relative", "/"):
        light, path = LightPath(text), Path(text)
        for one, other in ((light, path), (light / "file.bin", path / "file.bin")):
            assert (str(one), one.name, os.fspath(one)) == (str(other), other.name, os.fspath(other))
            assert (one.exists(), one.is_dir(), one.is_file()) == (
                other.exists(),
                other.is_dir(),
                other.is_file(),
            )
            assert (one, one.parent, {one}) == (other, other.parent, {LightPath(str(other))})
    file = LightPath(str(tmp_path)) / "folder" / "file.bin"
    assert (file.read_bytes(), file.stat().st_size) == (b"\x00text", 5)
    with file.open("rb") as opened:
        assert opened.read() == b"\x00text"
    with pytest.raises(FileNotFoundError):
        (file.parent / "gone").stat()


def test_an_artifact_opens_by_it_as_by_a_path(artifact: Path) -> None:
    assert Artifact.open(LightPath(str(artifact))) == Artifact.open(artifact) == Artifact.open(str(artifact))
