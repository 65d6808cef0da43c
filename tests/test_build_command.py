"""Exports by the command line: one sentence for whatever the user can mend."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command import refusal, run_export
from exports import DIM, LONG, Export, arguments, files

from export.__main__ import main
from export.build.journal import RECORD
from export.build.output import Output
from handler.artifact import Artifact

pytestmark = pytest.mark.usefixtures("use_tiny_cache")


@pytest.fixture
def refuse(tiny_model: Path, tmp_path: Path) -> Callable[..., str]:
    """The sentence of a refused command; nothing may be left of it."""

    def run(corpus: Path | str, *more: str, out: Path | None = None, stdin: bytes = b"") -> str:
        before = sorted(tmp_path.rglob("*"))
        command = arguments(corpus, out or tmp_path / "out", tiny_model)
        sentence = refusal(run_export(*command, *more, stdin=stdin))
        assert sorted(tmp_path.rglob("*")) == before
        return sentence

    return run


def test_bad_input_ends_with_one_sentence(
    refuse: Callable[..., str], corpus_file: Path, bad_corpus: Path, tmp_path: Path
) -> None:
    assert refuse(bad_corpus).startswith(f"{bad_corpus}, line 501, column 2: malformed JSON")
    missing = tmp_path / "missing.csv"
    assert refuse(missing) == f"there is no corpus file {missing}: check --corpus"
    (tmp_path / "taken").write_text("mine")
    assert refuse(corpus_file, out=tmp_path / "taken") == f"{tmp_path}/taken is a file: choose another --out"
    beyond = tmp_path / "taken" / "out"
    assert refuse(corpus_file, out=beyond).endswith(": choose another --out")
    assert refuse("-", "--format", "txt", stdin=b"\n\n").startswith("standard input has no documents (2 rows")


def test_a_damaged_model_ends_with_one_sentence(corpus_file: Path, tiny_model: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    weights = model / "model.safetensors"
    os.truncate(weights, weights.stat().st_size - 1000)
    sentence = refusal(run_export(*arguments(corpus_file, tmp_path / "out", model)))
    assert sentence.startswith(f"{weights} can't be read as weights (")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_place_through_a_folder_that_is_not_there(
    corpus_file: Path, tiny_model: Path, tmp_path: Path
) -> None:
    done = run_export(*arguments(corpus_file, tmp_path / "new" / ".." / "out", tiny_model))
    assert done.returncode == 0, done.stderr.decode()
    assert f"seeklet serve {tmp_path / 'out'}" in done.stdout.decode()
    assert Artifact.open(tmp_path / "out").manifest.count


def test_two_exports_at_once(
    refuse: Callable[..., str], export: Export, corpus_file: Path, tmp_path: Path
) -> None:

    with Output(tmp_path / "out"):
        sentence = refuse(corpus_file)
    assert sentence == f"another export to {tmp_path}/out is at work: wait for it, or choose another --out"
    export(corpus_file, tmp_path / "out")


def test_standard_input(tiny_model: Path, tiny_artifact: Path, corpus_file: Path, tmp_path: Path) -> None:
    command = [*arguments("-", tmp_path / "out", tiny_model), "--id", "id", "--metadata", "topic"]
    done = run_export(*command, stdin=corpus_file.read_bytes())
    assert done.returncode == 0, done.stderr.decode()
    assert f"{tmp_path}/out: done in " in done.stdout.decode()
    same = files(tiny_artifact)
    for name, content in files(tmp_path / "out").items():
        assert content == same[name] or name == "manifest.json"


def test_standard_input_of_plain_text(tiny_model: Path, tmp_path: Path) -> None:
    command = arguments("-", tmp_path / "out", tiny_model)
    sentence = refusal(run_export(*command, stdin=b"storm\ncheese\n"))
    assert sentence.startswith("standard input: neither name nor content tells the format: give --format")
    done = run_export(*command, "--format", "txt", stdin=b"storm\ncheese\n")
    assert done.returncode == 0, done.stderr.decode()
    assert Artifact.open(tmp_path / "out").manifest.count == 2
    # It can't be compared with what was read before, so it's embedded anew, from what is known.
    assert Artifact.open(tmp_path / "out").manifest.inputs_sha256 == ""


@pytest.fixture
def in_a_world_readable_folder(corpus_file: Path, tmp_path: Path) -> Iterator[Path]:
    """pytest's own folders are closed to all other users."""
    import tempfile

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        shutil.copy(corpus_file, folder / "corpus.jsonl")
        yield folder


@pytest.mark.parametrize("what", ["corpus", "model.safetensors", "config.json", "out"])
def test_what_cant_be_read_or_written(
    in_a_world_readable_folder: Path,
    tiny_model: Path,
    what: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = in_a_world_readable_folder
    shutil.copytree(tiny_model, folder / "model")
    (folder / "model" / "model.safetensors").chmod(0o644)
    closed = {"corpus": folder / "corpus.jsonl", "out": folder}.get(what, folder / "model" / what)
    closed.chmod(0o555 if what == "out" else 0)
    with as_nobody():
        status = main(arguments(folder / "corpus.jsonl", folder / "out", folder / "model"))
    folder.chmod(0o755)
    captured = capsys.readouterr()
    assert (status, captured.out) == (2, "")
    sentence = captured.err.splitlines()[-1]
    assert sentence.startswith(f"error: {folder / '.out.partial' if what == 'out' else closed} can't be ")
    assert "permission" in sentence
    assert not (folder / "out").exists()


class as_nobody:  # noqa: N801 - used as a context manager
    """Root may read everything; as another user it doesn't."""

    def __enter__(self) -> None:
        if os.geteuid() == 0:
            os.seteuid(65534)

    def __exit__(self, *error: object) -> None:
        if os.getuid() == 0:
            os.seteuid(0)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Callable[[int], Path]]:
    """A folder on a disk of some KiB."""
    mounted: list[Path] = []

    def mount(kibibytes: int) -> Path:
        folder = tmp_path / f"disk-{kibibytes}"
        folder.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={kibibytes}k", "tmpfs", str(folder)]
        if os.geteuid() or shutil.which("mount") is None or subprocess.run(command, check=False).returncode:
            pytest.skip("needs the right to mount a file system")
        mounted.append(folder)
        return folder

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk(
    small_disk: Callable[[int], Path], long_corpus: Path, fresh: Path, tiny_model: Path
) -> None:
    """Whichever file is the one too many: each has its turn as the disk grows."""
    whole = sum(path.stat().st_size for path in fresh.iterdir())
    total = (whole + LONG * (DIM * 4 + RECORD.itemsize)) // 1024
    # The last ones: the scan's matrix is written through a map, which fails in its own way.
    for size in [8, *range(60, total - 80, 120), total - 60, total - 30, total - 10]:
        disk = small_disk(size)
        done = run_export(*arguments(long_corpus, disk / "out", tiny_model), "--quiet")
        assert refusal(done).startswith("the disk is full"), size
        assert not (disk / "out").exists()
    disk = small_disk(total + 2048)
    done = run_export(*arguments(long_corpus, disk / "out", tiny_model), "--quiet")
    assert done.returncode == 0, done.stderr.decode()
    assert files(disk / "out") == files(fresh)
