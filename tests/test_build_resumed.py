"""Interrupted exports go on where they were, and give the same bytes."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from exports import DIM, KILLED_AFTER, LONG, Export, files, flip_bit, write_texts

from export.build.embed import EMBED_CHUNK
from export.build.gate import Thresholds
from export.build.journal import RECORD
from handler.errors import CorpusError, VerifyError
from handler.searcher import Searcher

pytestmark = pytest.mark.usefixtures("use_tiny_cache")


@pytest.mark.parametrize(
    ("suffix", "cut", "kept"),
    [
        ("records", 0, KILLED_AFTER * EMBED_CHUNK),
        ("records", 5, KILLED_AFTER * EMBED_CHUNK - 1),
        ("vectors", 7, KILLED_AFTER * EMBED_CHUNK - 1),
        ("vectors", 100 * DIM * 4 + 1, KILLED_AFTER * EMBED_CHUNK - 101),
        ("records", KILLED_AFTER * EMBED_CHUNK * RECORD.itemsize - 1, 0),
    ],
)
def test_killed_it_goes_on_where_it_was(
    export: Export,
    long_corpus: Path,
    killed: Path,
    fresh: Path,
    tmp_path: Path,
    suffix: str,
    cut: int,
    kept: int,
) -> None:
    shutil.copytree(killed, tmp_path / "copy")
    (journal,) = (tmp_path / "copy" / ".out.partial").glob(f"*.{suffix}")
    os.truncate(journal, journal.stat().st_size - cut)
    summary = export(long_corpus, tmp_path / "copy" / "out")
    assert summary.embedded == LONG - kept
    assert files(tmp_path / "copy" / "out") == files(fresh)
    assert [path.name for path in (tmp_path / "copy").iterdir()] == ["out"]


def test_killed_while_it_replaced_another(
    export: Export, long_corpus: Path, killed: Path, fresh: Path, tmp_path: Path
) -> None:
    shutil.copytree(killed, tmp_path / "copy")
    texts = long_corpus.read_text(encoding="utf-8").splitlines()
    out = tmp_path / "copy" / "out"
    # Texts that the journal doesn't have.
    export(write_texts(tmp_path / "other.txt", texts[-100:]), tmp_path / "other")
    shutil.copytree(tmp_path / "other", out)
    assert export(long_corpus, out).embedded == LONG - 100 - KILLED_AFTER * EMBED_CHUNK
    assert files(out) == files(fresh)


def test_a_mistake_does_not_cost_what_was_embedded(
    export: Export, long_corpus: Path, killed: Path, tmp_path: Path
) -> None:
    shutil.copytree(killed, tmp_path / "copy")
    with pytest.raises(CorpusError, match="there is no column 'txet'"):
        export(long_corpus, tmp_path / "copy" / "out", text=["txet"])
    assert export(long_corpus, tmp_path / "copy" / "out").embedded == LONG - KILLED_AFTER * EMBED_CHUNK


def test_force_forgets_the_interrupted_run(
    export: Export, long_corpus: Path, killed: Path, fresh: Path, tmp_path: Path
) -> None:
    shutil.copytree(killed, tmp_path / "copy")
    assert export(long_corpus, tmp_path / "copy" / "out", force=True).embedded == LONG
    assert files(tmp_path / "copy" / "out") == files(fresh)


def test_what_a_crash_left_does_not_get_in(export: Export, corpus_file: Path, tmp_path: Path) -> None:
    export(corpus_file, tmp_path / "clean")
    partial = tmp_path / ".out.partial"
    shutil.copytree(tmp_path / "clean", partial)
    (partial / "scan.onnx").write_bytes(b"of a larger corpus")
    (partial / "lock").touch()
    export(corpus_file, tmp_path / "out")
    assert files(tmp_path / "out") == files(tmp_path / "clean")
    Searcher.load(tmp_path / "out")


@pytest.mark.parametrize("step", ["_file_entries", "crc32_of_files", "_scan_crc32"])
def test_what_fails_at_the_end_costs_no_embedding(
    export: Export, corpus_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(f"export.build.pipeline.{step}", fail)
        with pytest.raises(KeyboardInterrupt):
            export(corpus_file, tmp_path / "out")
    assert export(corpus_file, tmp_path / "out").embedded == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_verify_again_costs_no_embedding(export: Export, corpus_file: Path, tmp_path: Path) -> None:
    with pytest.raises(VerifyError, match=r"cosine least is 0\.99\d+, the least allowed is 1"):
        export(corpus_file, tmp_path / "out", thresholds=Thresholds(cosine_least=1))
    assert [path.name for path in tmp_path.iterdir()] == [".out.partial"]
    assert export(corpus_file, tmp_path / "out", thresholds=Thresholds()).embedded == 0
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("suffix", "place"),
    [("vectors", 300 * DIM * 4), ("records", 300 * RECORD.itemsize), ("records", 301 * RECORD.itemsize - 1)],
)
def test_a_damaged_record_is_embedded_again(
    export: Export, long_corpus: Path, killed: Path, fresh: Path, tmp_path: Path, suffix: str, place: int
) -> None:
    """A bit of row 300: of its vector, of its key, of its checksum."""
    shutil.copytree(killed, tmp_path / "copy")
    (journal,) = (tmp_path / "copy" / ".out.partial").glob(f"*.{suffix}")
    flip_bit(journal, place)
    summary = export(long_corpus, tmp_path / "copy" / "out")
    assert summary.embedded == LONG - KILLED_AFTER * EMBED_CHUNK + 1
    assert files(tmp_path / "copy" / "out") == files(fresh)
