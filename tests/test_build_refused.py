"""What an export refuses, and that nothing is left of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
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


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"language": "xx"},
            "--language 'xx' is no language code: give two letters of ISO 639-1, such as en, de or zh, or leave the "
            "option out",
        ),
        ({"share": 5}, "--share is 5: give a number from 0 to 1"),
        ({"share": float("nan")}, "--share is nan: give a number from 0 to 1"),
        ({"share": True}, "--share is True: give a number from 0 to 1"),
        ({"share": "0.3"}, "--share is '0.3': give a number from 0 to 1"),
        ({"passages": True, "passage_overlap": 40 / 4}, "--passage-overlap is 10.0: give a whole number"),
        ({"passages": True, "passage_tokens": 30.5}, "--passage-tokens is 30.5: give a whole number"),
        ({"max_length": "20"}, "--max-length is '20': give a whole number"),
        ({"max_length": np.int64(20)}, "--max-length is np.int64(20): give a whole number"),
        ({"dim": True}, "--dim is True: give a whole number"),
        ({"dtype": "int4"}, "--dtype is 'int4': choose one of float32, float16, int8"),
        ({"pooling": "sum"}, "--pooling is 'sum': choose one of mean, max, cls"),
        ({"pooling": ["mean"]}, "--pooling is ['mean']: choose one of mean, max, cls"),
        ({"threads": 0}, "--threads is 0: give a whole number, 1 or more"),
        ({"threads": "2"}, "--threads is '2': give a whole number, 1 or more"),
        ({"map": "tsne"}, "--map is 'tsne': choose one of pca, umap, none"),
        ({"columns": {"year": "number"}}, "--column names 'year', --metadata doesn't: add it to --metadata"),
        (
            {"keywords": False, "language": "en"},
            "--language is for keywords, and --no-keywords writes none: leave one of them out",
        ),
        (
            {"keywords": False, "share": 0.3},
            "--share is for keywords, and --no-keywords writes none: leave one of them out",
        ),
        # As Python reads a byte of the command line that is no UTF-8.
        ({"query_prompt": "q\udcff"}, "the prompt 'q\\udcff' is not UTF-8: check the terminal's encoding"),
        ({"document_prompt": "\udcff"}, "the prompt '\\udcff' is not UTF-8: check the terminal's encoding"),
    ],
)
def test_an_option_that_cannot_be_used_is_refused_before_the_corpus_is_read(
    export: Export, bad_corpus: Path, tmp_path: Path, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(OptionError) as raised:
        export(bad_corpus, tmp_path / "out", **options)
    assert str(raised.value) == sentence
    assert list(tmp_path.iterdir()) == []


def test_a_models_folder_whose_name_is_not_utf_8(
    export: Export, bad_corpus: Path, tiny_model: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model\udcff"
    shutil.copytree(tiny_model, model)
    with pytest.raises(ModelError, match="is not UTF-8, as the manifest needs it: rename it"):
        export(bad_corpus, tmp_path / "out", model=str(model))


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
