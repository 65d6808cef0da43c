"""What an export refuses, and that nothing is left of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from exports import Export, files

from export.build.gate import Thresholds
from export.build.progress import Progress
from handler.errors import CorpusError, ModelError, OptionError, OutputError, VerifyError
from handler.searcher import Searcher

pytestmark = pytest.mark.usefixtures("use_tiny_cache")


def test_nothing_is_left_of_a_bad_corpus(export: Export, bad_corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"bad\.jsonl, line 501"):
        export(bad_corpus, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("why", ["corpus", "verify", "model", "max_length"])
def test_the_artifact_stays_when_the_next_export_fails(
    export: Export, corpus_file: Path, bad_corpus: Path, tmp_path: Path, why: str
) -> None:
    export(corpus_file, tmp_path / "out")
    before = files(tmp_path / "out")
    wrong: dict[str, dict[str, Any]] = {
        "corpus": {},
        "verify": {"thresholds": Thresholds(cosine_least=1)},
        "model": {"sha256": "0" * 64},
        "max_length": {"max_length": 97},
    }
    with pytest.raises((CorpusError, VerifyError, ModelError)):
        export(bad_corpus if why == "corpus" else corpus_file, tmp_path / "out", **wrong[why])
    assert files(tmp_path / "out") == before
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    Searcher.load(tmp_path / "out")


def test_an_unknown_language_is_refused_before_the_corpus_is_read(
    export: Export, bad_corpus: Path, tmp_path: Path
) -> None:
    with pytest.raises(OptionError) as raised:
        export(bad_corpus, tmp_path / "out", language="xx")
    assert str(raised.value) == (
        "--language 'xx' is no language code: give two letters of ISO 639-1, such as en, de or zh, or leave the option out"
    )
    assert list(tmp_path.iterdir()) == []


def test_max_length_beyond_the_model(export: Export, corpus_file: Path, tmp_path: Path) -> None:
    for length in (2, 97):
        with pytest.raises(ModelError, match=rf"--max-length is {length}, tiny-bert can read 3 to 96 tokens"):
            export(corpus_file, tmp_path / "out", max_length=length)
    assert export(corpus_file, tmp_path / "out", max_length=96).manifest.max_length == 96


def test_a_prompt_that_the_pooling_leaves_out(
    export: Export, corpus_file: Path, tiny_model: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    shutil.copytree(tiny_model, model)
    path = model / "1_Pooling" / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "include_prompt": False}))
    with pytest.raises(
        ModelError, match="model leaves the prompt out of its pooling, which can't be reproduced"
    ):
        export(corpus_file, tmp_path / "out", model=str(model), query_prompt="q ")


def test_a_folder_that_isnt_ours(export: Export, corpus_file: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("mine")
    with pytest.raises(OutputError, match=r"thesis\.tex isn't part of an artifact, and it is left alone"):
        export(corpus_file, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out" / "thesis.tex").read_text() == "mine"


def test_no_empty_folder_is_left_of_a_bad_corpus(export: Export, bad_corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(CorpusError):
        export(bad_corpus, tmp_path / "new" / "folders" / "out")
    assert list(tmp_path.iterdir()) == []


def test_an_added_file_does_not_cost_what_was_embedded(
    export: Export, corpus_file: Path, tmp_path: Path
) -> None:
    """It comes while the export is at work, and is moved away for the next one."""
    out = tmp_path / "out"
    export(corpus_file, out)

    class Adding(Progress):
        @contextmanager
        def step(self, name: str) -> Iterator[None]:
            (out / "notes.txt").write_text("mine")
            yield

    with pytest.raises(OutputError, match=r"out/notes\.txt isn't part of an artifact"):
        export(corpus_file, out, document_prompt="storm ", progress=Adding(quiet=True))
    assert (out / "notes.txt").read_text() == "mine"
    (out / "notes.txt").unlink()
    assert export(corpus_file, out, document_prompt="storm ").embedded == 0
