"""The cache of conversions: each model is converted once, a damaged conversion is made again, and the refusals.

The converting process is replaced by one that writes a few bytes; test_families.py and test_staging.py run the real one.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from export.model import convert as module
from export.model.conversion import Conversion
from export.model.convert import ASIDE, cache_folder, conversion_key, convert
from export.model.source_model import SourceModel, find_model
from export.model.to_onnx import TOLD
from handler.errors import ModelError, OutputError

NAMES = ("fp32.onnx", "model.onnx", "model.onnx.data", "tokenizer.json")
RECORD = "conversion.json"


@pytest.fixture
def model(tiny_model: Path, tmp_path: Path) -> SourceModel:
    """A model of this test's own."""
    shutil.copytree(tiny_model, tmp_path / "model")
    return find_model(str(tmp_path / "model"), None, None)


class Child:
    """In the converting process's place: writes what it would, or fails as it would."""

    def __init__(self) -> None:
        self.status = 0
        self.errors = ""
        self.graph = "fused"
        self.calls = 0
        self.staged: list[str] = []

    def __call__(self, command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        self.calls += 1
        assert json.loads(options["input"])["model_type"] == "bert"
        self.staged = sorted(path.name for path in Path(command[-1], "source").iterdir())
        if self.status == 0:
            made = Path(command[-1]) / "model"
            made.mkdir()
            for name in NAMES:
                (made / name).write_text(f"{self.calls}")
            Conversion(made, self.graph).save()
        return subprocess.CompletedProcess(command, self.status, "", self.errors)


@pytest.fixture
def child(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Child:
    child = Child()
    monkeypatch.setenv("SEEKLET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(subprocess, "run", child)
    return child


def test_once_for_all(model: SourceModel, child: Child) -> None:
    made = convert(model)
    assert made.folder.parent == cache_folder()
    assert sorted(path.name for path in made.folder.iterdir()) == sorted([*NAMES, RECORD])
    paths = (made.fp32, made.model, made.weights, made.tokenizer)
    assert paths == tuple(made.folder / name for name in NAMES)
    assert convert(model) == made
    assert child.calls == 1
    assert list(cache_folder().iterdir()) == [made.folder]


@pytest.mark.parametrize("graph", ["fused", "unfused"])
def test_how_the_graph_was_made_is_kept(model: SourceModel, child: Child, graph: str) -> None:
    child.graph = graph
    assert convert(model).graph == convert(model).graph == graph
    assert child.calls == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_damaged_conversion_is_made_again(model: SourceModel, child: Child, name: str) -> None:
    made = convert(model)
    (made.folder / name).write_text("x")  # as long as before
    assert convert(model) == made
    assert child.calls == 2
    assert {(made.folder / name).read_text() for name in NAMES} == {"2"}
    assert list(cache_folder().iterdir()) == [made.folder]
    assert convert(model) == made
    assert child.calls == 2


def test_the_child_sees_only_what_was_hashed(model: SourceModel, child: Child) -> None:
    for name in ("adapter_config.json", "model.safetensors.index.json", "sentencepiece.bpe.model", "code.py"):
        (model.transformer_dir / name).write_text("{}")
    convert(model)
    assert child.staged == [
        "config.json",
        "model.safetensors",
        "sentencepiece.bpe.model",
        "tokenizer.json",
        "tokenizer_config.json",
    ]


def test_what_a_killed_conversion_left_is_removed_a_day_later(model: SourceModel, child: Child) -> None:
    old, new = (cache_folder() / f"{ASIDE}{name}" for name in ("old", "new"))
    for folder in (old, new):
        (folder / "model").mkdir(parents=True)
    two_days_ago = time.time() - 2 * 86_400
    os.utime(old, (two_days_ago, two_days_ago))
    convert(model)
    assert not old.exists()
    assert new.exists()


def test_another_export_was_faster(model: SourceModel, child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(command: list[str], **options: Any) -> subprocess.CompletedProcess[str]:
        done = child(command, **options)
        if child.calls == 1:
            convert(model)
        return done

    monkeypatch.setattr(subprocess, "run", run)
    made = convert(model)
    assert child.calls == 2
    assert list(cache_folder().iterdir()) == [made.folder]
    assert {(made.folder / name).read_text() for name in NAMES} == {"2"}


def test_what_decides_the_bytes_decides_the_place(
    model: SourceModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [conversion_key(model)]
    keys.append(conversion_key(replace(model, weights_sha256="0" * 64)))
    keys.append(conversion_key(replace(model, lowercase=True)))
    keys.append(conversion_key(replace(model, max_length=12)))
    keys.append(conversion_key(replace(model, num_attention_heads=4)))
    for name in ("config.json", "tokenizer.json", "added_tokens.json", "vocab.txt"):
        path = model.transformer_dir / name
        path.write_text((path.read_text() if path.exists() else "") + " ")
        keys.append(conversion_key(model))
    monkeypatch.setattr(module, "versions", lambda: {"onnxruntime": "0.1"})
    keys.append(conversion_key(model))
    assert len(set(keys)) == len(keys)
    assert keys[-1] == conversion_key(replace(model, model_id="renamed", query_prompt="q "))


@pytest.mark.parametrize(
    ("status", "errors", "sentence"),
    [
        (TOLD, "a warning\nthe model has no table: use another\n", "the model has no table: use another"),
        (
            1,
            "Traceback\nKeyError: 'bias'\n",
            "{f} can't be converted (KeyError: 'bias'): is the model folder",
        ),
        (-9, "", "{f} can't be converted (exit status -9): is the model folder complete?"),
    ],
)
def test_what_the_child_says(
    model: SourceModel, child: Child, status: int, errors: str, sentence: str
) -> None:
    child.status, child.errors = status, errors
    with pytest.raises(ModelError) as refused:
        convert(model)
    assert str(refused.value).startswith(sentence.replace("{f}", str(model.transformer_dir)))
    assert list(cache_folder().iterdir()) == []


def test_a_cache_that_cant_be_written(
    model: SourceModel, child: Child, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    for cache, reason in (("file/cache", "Not a directory"), ("file", "File exists")):
        monkeypatch.setenv("SEEKLET_CACHE", str(tmp_path / cache))
        with pytest.raises(OutputError, match=rf"the cache .*{cache} can't be written \({reason}\): make"):
            convert(model)


def test_a_cache_on_a_full_disk(model: SourceModel, child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: Any, **options: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "rename", full)
    with pytest.raises(
        OutputError, match=r"can't be written \(No space left on device\): make room or set SEEK"
    ):
        convert(model)


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"SEEKLET_CACHE": "/a"}, Path("/a")),
        ({"XDG_CACHE_HOME": "/b"}, Path("/b/seeklet")),
        ({"XDG_CACHE_HOME": "", "HOME": "/c"}, Path("/c/.cache/seeklet")),
    ],
)
def test_where_the_cache_is(environ: dict[str, str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SEEKLET_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert cache_folder() == folder
