"""Documents are found by their ids: against a search of all, with ids of one CRC-32, and in damaged files."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import agree, read_manifest, write_manifest
from exports import Export
from safetensors.numpy import load_file, save_file

from handler.artifact import IDS_FILE, Artifact
from handler.documents import Documents
from handler.errors import ArtifactError
from handler.ids import Ids
from handler.searcher import Searcher

# Each two have the same CRC-32.
TWINS = ["plumless", "buckeroo", "codding", "gnu"]
IDS = [*TWINS, "é", "\U0001f600", "a\x00", "10.5555/1001", " x", *(f"n{number}" for number in range(300))]


@pytest.fixture(scope="module")
def order() -> list[str]:
    ids = list(IDS)
    random.Random(0).shuffle(ids)
    return ids


@pytest.fixture
def exported(export: Export, order: list[str], tmp_path: Path) -> Path:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps({"id": id_, "text": "storm"}) + "\n" for id_ in order))
    export(corpus, tmp_path / "out", id="id")
    return tmp_path / "out"


def test_every_id_is_found_and_no_other(exported: Path, order: list[str]) -> None:
    artifact = Artifact.open(exported)
    for ids in (Ids.open(artifact), Ids.open(artifact, Documents.open(artifact))):
        assert [ids.find(id_) for id_ in order] == list(range(len(order)))
        for other in ("", "n300", "N1", "x", "\ud800", "e\u0301", "a", "1"):
            assert ids.find(other) is None


def test_rows_without_an_id_are_found_by_their_number(export: Export, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text('{"text": "a"}\n{"text": ""}\n{"text": "b"}\n')
    export(corpus, tmp_path / "out")
    ids = Ids.open(Artifact.open(tmp_path / "out"))
    assert [ids.find(id_) for id_ in ("1", "2", "3", "0")] == [0, None, 1, None]


@pytest.mark.parametrize("id_", [None, 1, b"1", ["1"]])
def test_an_id_that_is_no_string(exported: Path, id_: Any) -> None:
    searcher = Searcher.load(exported)
    for look_up in (searcher.find, searcher.like):
        with pytest.raises(TypeError, match="is no string: ids are strings, such as '1'"):
            look_up(id_)


def test_an_older_artifact_without_the_table(exported: Path, order: list[str]) -> None:
    (exported / IDS_FILE).unlink()
    fields = read_manifest(exported)
    del fields["files"][IDS_FILE]
    write_manifest(exported, fields)
    ids = Ids.open(Artifact.open(exported))
    assert [ids.find(id_) for id_ in order] == list(range(len(order)))
    assert ids.find("none") is None


@pytest.mark.parametrize(
    ("name", "damaged"),
    [
        ("crc32", None),
        ("crc32", np.zeros(3, np.uint32)),
        ("crc32", np.zeros(len(IDS), np.int32)),
        ("indexes", np.zeros((len(IDS), 1), np.int32)),
        ("more", np.zeros(3, np.int32)),
    ],
)
def test_a_damaged_table_is_refused(exported: Path, name: str, damaged: Any) -> None:
    tensors = load_file(exported / IDS_FILE)
    tensors[name] = damaged
    save_file({key: tensor for key, tensor in tensors.items() if tensor is not None}, exported / IDS_FILE)
    agree(exported)
    with pytest.raises(ArtifactError, match=r"ids\.safetensors holds .*: run `seeklet export` again"):
        Ids.open(Artifact.open(exported))


@pytest.mark.parametrize("index", [-1, len(IDS), 2**31 - 1])
def test_a_damaged_index_is_refused_by_the_search_that_reads_it(exported: Path, index: int) -> None:
    tensors = load_file(exported / IDS_FILE)
    tensors["indexes"][:] = index
    save_file(tensors, exported / IDS_FILE)
    ids = Ids.open(Artifact.open(exported))
    with pytest.raises(ArtifactError, match=r"ids\.safetensors names document"):
        ids.find("gnu")
    assert ids.find("unheard of") is None


def test_a_wrong_index_finds_no_wrong_document(exported: Path) -> None:
    tensors = load_file(exported / IDS_FILE)
    tensors["indexes"] = np.roll(tensors["indexes"], 7)
    save_file(tensors, exported / IDS_FILE)
    ids = Ids.open(Artifact.open(exported))
    assert ids.find("gnu") is None
