"""What an export replaces and deletes is its own: somebody's files stay, and are named."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from export.build.output import Output
from handler.artifact import ALL_FILES, REQUIRED_FILES
from handler.errors import OutputError

JOURNAL = f"journal.{'ab' * 8}.v2.records"


def make_artifact(folder: Path, names: tuple[str, ...] = ALL_FILES) -> Path:
    folder.mkdir()
    for name in names:
        (folder / name).write_text(name)
    listed = dict.fromkeys(name for name in names if name != "manifest.json")
    fields = {"format_version": 1, "recipe_sha256": "x", "files": listed}
    (folder / "manifest.json").write_text(json.dumps(fields))
    return folder


def make_partial(folder: Path) -> Path:
    folder.mkdir()
    for name in ("lock", JOURNAL, "model.onnx"):
        (folder / name).touch()
    (folder / JOURNAL).write_text("vectors")
    return folder


def content(folder: Path) -> dict[str, str]:
    """All that is in a folder, with what the files hold; links as links."""
    return {
        str(path.relative_to(folder)): path.read_text() if path.is_file() and not path.is_symlink() else ""
        for path in sorted(folder.rglob("*"))
    }


def replace(out: Path) -> None:
    with Output(out) as output:
        for name in ALL_FILES:
            (output.partial / name).write_text("new")
        output.commit()


def refuse(folder: Path, sentence: str) -> None:
    """Neither a success nor a failure of the export may touch anything in `folder`."""
    before = content(folder)
    with pytest.raises(OutputError, match=sentence):
        replace(folder / "out")
    assert content(folder) == before


@pytest.mark.parametrize("names", [ALL_FILES, (*REQUIRED_FILES, "manifest.json")])
def test_an_artifact_is_replaced(tmp_path: Path, names: tuple[str, ...]) -> None:
    """Also an older one, without scan or token counts."""
    make_artifact(tmp_path / "out", names)
    replace(tmp_path / "out")
    assert content(tmp_path) == {"out": "", **{f"out/{name}": "new" for name in sorted(ALL_FILES)}}


@pytest.mark.parametrize("where", ["out", ".out.old"])
def test_what_a_killed_choice_of_the_share_left_goes_with_its_artifact(tmp_path: Path, where: str) -> None:
    make_artifact(tmp_path / where)
    os.close(tempfile.mkstemp(dir=tmp_path / where, prefix=".manifest.")[0])
    replace(tmp_path / "out")
    assert content(tmp_path) == {"out": "", **{f"out/{name}": "new" for name in sorted(ALL_FILES)}}


@pytest.mark.parametrize("where", ["out", ".out.old", ".out.partial"])
@pytest.mark.parametrize(
    "name", [".manifest.mine", "notes.txt", ".hidden", "journal.txt", "journal.of-my-travels.records"]
)
def test_a_file_among_an_exports_own(tmp_path: Path, where: str, name: str) -> None:
    (make_partial if where == ".out.partial" else make_artifact)(tmp_path / where)
    (tmp_path / where / name).write_text("mine")
    refuse(tmp_path, rf"{where}/{name} isn't part of an .*: move it away, or choose another --out")


@pytest.mark.parametrize("where", ["out", ".out.old"])
def test_a_file_of_an_artifacts_name_that_the_manifest_doesnt_list(tmp_path: Path, where: str) -> None:
    make_artifact(tmp_path / where, (*REQUIRED_FILES, "manifest.json"))
    (tmp_path / where / "scan.bin").write_text("mine")
    refuse(tmp_path, r"scan\.bin isn't part of an artifact, and it is left alone")


@pytest.mark.parametrize("where", ["out", ".out.old", ".out.partial"])
@pytest.mark.parametrize("name", ["manifest.json", "model.onnx", "lock"])
def test_a_file_that_happens_to_have_such_a_name(tmp_path: Path, where: str, name: str) -> None:
    (tmp_path / where).mkdir()
    (tmp_path / where / name).write_text('{"name": "somebody\'s web app"}')
    refuse(tmp_path, rf"{where}/{name} isn't part of an ")


@pytest.mark.parametrize("where", ["out", ".out.old", ".out.partial"])
def test_a_folder_within(tmp_path: Path, where: str) -> None:
    (make_partial if where == ".out.partial" else make_artifact)(tmp_path / where)
    (tmp_path / where / "scan.onnx").unlink(missing_ok=True)
    (tmp_path / where / "scan.onnx").mkdir()
    refuse(tmp_path, rf"{where}/scan\.onnx isn't part of an ")


@pytest.mark.parametrize("where", [".out.old", ".out.partial"])
@pytest.mark.parametrize("make", [make_artifact, make_partial, Path.mkdir])
def test_a_symbolic_link_to_somebodys_folder(
    tmp_path: Path, where: str, make: Callable[[Path], object]
) -> None:
    make(tmp_path / "strangers")
    (tmp_path / where).symlink_to("strangers")
    refuse(tmp_path, rf"{where} is a symbolic link: move it away, or choose another --out")


@pytest.mark.parametrize("where", [".out.old", ".out.partial"])
def test_a_file_in_the_way(tmp_path: Path, where: str) -> None:
    (tmp_path / where).write_text("mine")
    refuse(tmp_path, rf"{where} is a file: move it away, or choose another --out")


@pytest.mark.parametrize("manifest", ["[]", "{", "7", '"format_version recipe_sha256 files"', "[" * 100_000])
def test_a_manifest_that_is_none(tmp_path: Path, manifest: str) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "manifest.json").write_text(manifest)
    refuse(tmp_path, r"manifest\.json isn't part of an artifact")


def test_a_file_that_comes_while_it_is_at_work(tmp_path: Path) -> None:
    make_artifact(tmp_path / "out")
    with Output(tmp_path / "out") as output:
        (output.partial / "manifest.json").write_text("new")
        (tmp_path / "out" / "notes.txt").write_text("mine")
        before = content(tmp_path / "out")
        with pytest.raises(OutputError, match=r"out/notes\.txt isn't part of an artifact"):
            output.commit()
    assert content(tmp_path) == {"out": "", **{f"out/{name}": text for name, text in before.items()}}


def test_a_file_that_comes_into_the_unfinished_folder(tmp_path: Path) -> None:
    """The error that ends the export is told, and the file stays."""
    with suppress(ZeroDivisionError), Output(tmp_path / "out") as output:
        (output.partial / "model.onnx").write_text("half")
        (output.partial / "notes.txt").write_text("mine")
        raise ZeroDivisionError
    assert content(tmp_path / ".out.partial") == {"lock": "", "notes.txt": "mine"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("where", ["out", ".out.old", ".out.partial"])
def test_another_users_folder(tmp_path: Path, where: str) -> None:
    (make_partial if where == ".out.partial" else make_artifact)(tmp_path / where)
    os.chown(tmp_path / where, 65534, 65534)
    refuse(tmp_path, rf"{where} belongs to another user: choose another --out, or export as that user")
