"""`seeklet verify` refuses files that have their SHA-256 and don't hold what they should, though a function might load them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import Damage, content_of, read_manifest, unlisted, write_manifest
from exports import Export, made_up, write_texts
from large_artifact import make_large
from safetensors.numpy import load_file, save_file

from export.build.gate import verify_artifact
from export.build.whole import check_scan, check_whole
from export.build.write_scan import ScanPlan, write_scan
from handler.artifact import (
    COLUMNS_FILE,
    DOCUMENTS_FILE,
    IDS_FILE,
    KEYWORDS_FILE,
    MAP_FILE,
    PASSAGES_FILE,
    SCAN_FILES,
    SCAN_MATRIX_FILE,
    WORDPIECES_FILE,
    Artifact,
    file_sha256,
)
from handler.bound import PADDING
from handler.errors import ArtifactError
from handler.manifest import MANIFEST_FILE, REMEDY
from handler.scores import Embeddings
from handler.searcher import Searcher

pytestmark = pytest.mark.usefixtures("use_tiny_cache")


@pytest.fixture
def own(tiny_artifact: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(tiny_artifact, tmp_path / "own"))


def sign(directory: Path) -> None:
    """Makes the manifest say the sizes and hashes that the files have."""
    fields = read_manifest(directory)
    for name, entry in fields["files"].items():
        entry |= {"bytes": (directory / name).stat().st_size, "sha256": file_sha256(directory / name)}
    write_manifest(directory, fields)


def tensors_of(name: str, **changes: Callable[[Any], Any]) -> Damage:
    """A safetensors file some tensors of which are changed."""

    def change(directory: Path) -> None:
        tensors = load_file(directory / name)
        save_file(
            {key: np.array(changes.get(key, lambda x: x)(tensor)) for key, tensor in tensors.items()},
            directory / name,
        )

    return change


def swap_words(directory: Path) -> None:
    """The word pieces of two words with each other's ids."""
    path = directory / WORDPIECES_FILE
    fields = json.loads(path.read_bytes())
    fields["words"] = {
        start: " ".join(
            part if place % 2 == 0 else str(int(part) + 1) for place, part in enumerate(line.split(" "))
        )
        for start, line in fields["words"].items()
    }
    path.write_text(json.dumps(fields, ensure_ascii=False), encoding="utf-8")


DAMAGED: dict[str, tuple[str, Damage]] = {
    "a line that is no JSON": (DOCUMENTS_FILE, content_of(DOCUMENTS_FILE, lambda data: data.replace(b'"text"', b'"texT"', 1))),
    "ids in another order": (IDS_FILE, tensors_of(IDS_FILE, crc32=lambda x: x[::-1])),
    "ids of other documents": (IDS_FILE, tensors_of(IDS_FILE, indexes=lambda x: x[::-1])),
    "ids beyond the documents": (IDS_FILE, tensors_of(IDS_FILE, indexes=lambda x: x + 1000)),
    "rows beyond the corpus": (KEYWORDS_FILE, tensors_of(KEYWORDS_FILE, rows=lambda x: np.where(x == x.max(), 2**30, x).astype(np.int32))),
    "rows below zero": (KEYWORDS_FILE, tensors_of(KEYWORDS_FILE, rows=lambda x: np.where(x == 0, -1, x).astype(np.int32))),
    "rows that fall": (KEYWORDS_FILE, tensors_of(KEYWORDS_FILE, rows=lambda x: x[::-1])),
    "terms without rows": (KEYWORDS_FILE, tensors_of(KEYWORDS_FILE, term_ends=lambda x: np.concatenate([x[:1], x[:1], x[2:]]))),
    "no rows at all": (KEYWORDS_FILE, tensors_of(KEYWORDS_FILE, rows=lambda x: x[:0], impacts=lambda x: x[:0], term_ends=lambda x: 0 * x)),
    "words in another order": (KEYWORDS_FILE, tensors_of(KEYWORDS_FILE, word_crc32=lambda x: x[::-1])),
    "other words": (KEYWORDS_FILE, tensors_of(KEYWORDS_FILE, words=lambda x: x[::-1])),
    "codes without a value": (COLUMNS_FILE, tensors_of(COLUMNS_FILE, **{"0.codes": lambda x: x + np.uint8(200)})),
    "values in another order": (COLUMNS_FILE, tensors_of(COLUMNS_FILE, **{"0.text": lambda x: x[::-1]})),
    "values that are not UTF-8": (COLUMNS_FILE, tensors_of(COLUMNS_FILE, **{"0.text": lambda x: x | np.uint8(128)})),
    "a map of other documents": (MAP_FILE, tensors_of(MAP_FILE, points=lambda x: x[:-1])),
    "other word pieces": (WORDPIECES_FILE, swap_words),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGED)
def test_what_has_its_hash_and_is_wrong_is_refused(own: Path, name: str) -> None:
    file, damage = DAMAGED[name]
    damage(own)
    sign(own)
    artifact = Artifact.open(own)
    artifact.check_hashes()
    with pytest.raises(ArtifactError) as refused:
        check_whole(artifact)
    assert file in str(refused.value)
    assert str(refused.value).endswith(REMEDY)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"keywords": False, "map": "none", "metadata": []},
        {"language": "de", "dtype": "float16", "metadata": ["topic", "number", "tags"]},
        {"passages": True, "max_length": 32, "dtype": "float32"},
    ],
    ids=["plain", "vectors alone", "pieces, float16, columns of all kinds", "passages, float32"],
)
@pytest.mark.parametrize("count", [1, 60])
def test_every_form_of_a_sound_artifact_is_whole(
    export: Export, tmp_path: Path, count: int, options: dict[str, Any]
) -> None:
    lines = [
        {"text": text, "topic": text[0], "number": row / 4, "tags": text.split()[:2]}
        for row, text in enumerate(made_up(count))
    ]
    lines[0] |= {"text": "Stürme über Europa, C++ and 風 " * 9, "tags": []}
    corpus = tmp_path / "corpus.jsonl"
    corpus.write_text("".join(json.dumps(line) + "\n" for line in lines))
    out = tmp_path / "out"
    export(corpus, out, **{"metadata": ["topic"], **options})
    check_whole(Artifact.open(out))
    # An older export wrote neither.
    for name in (IDS_FILE, WORDPIECES_FILE):
        unlisted(name)(out)
    check_whole(Artifact.open(out))


def test_a_checksum_that_no_start_would_take_is_refused(own: Path, tiny_model: Path) -> None:
    fields = read_manifest(own)
    fields["files_crc32"] = {WORDPIECES_FILE: 1}
    del fields["manifest_crc32"]
    (own / MANIFEST_FILE).write_text(json.dumps(fields))
    with pytest.raises(ArtifactError, match="has the checksum"):
        Searcher.load(own)
    with pytest.raises(ArtifactError, match="has the checksum"):
        verify_artifact(own, str(tiny_model), None, threads=1)


def test_a_scan_that_finds_other_rows_is_refused(tiny_artifact: Path, tmp_path: Path) -> None:
    out = make_large(tiny_artifact, tmp_path / "large", 2000)
    fields = read_manifest(out)
    stored = Embeddings.load(out, fields["count"], fields["dim"])
    write_scan(stored, out, ScanPlan(min_rows=1))
    fields["files"] |= {name: {"bytes": 0, "sha256": "0" * 64} for name in SCAN_FILES}
    write_manifest(out, fields)
    sign(out)
    check_scan(Artifact.open(out), stored)
    matrix = np.fromfile(out / SCAN_MATRIX_FILE, np.int8).reshape(-1, -(-2000 // PADDING) * PADDING)
    matrix[:, :1000] = 0
    matrix.tofile(out / SCAN_MATRIX_FILE)
    sign(out)
    with pytest.raises(
        ArtifactError, match=r"scan\.safetensors and the other files of the scan find other rows"
    ):
        check_scan(Artifact.open(out), stored)


def test_a_passage_outside_of_its_text_is_refused(export: Export, tmp_path: Path) -> None:
    out = tmp_path / "out"
    corpus = write_texts(
        tmp_path / "long.txt", [" ".join(["winter storms reach western Europe"] * n) for n in (1, 9, 40)]
    )
    export(corpus, out, passages=True, max_length=32)
    check_whole(Artifact.open(out))
    for span in ([5, 5], [-1, 3], [0, 2**31 - 1]):
        tensors = load_file(out / PASSAGES_FILE)
        tensors["spans"][2] = span
        save_file(tensors, out / PASSAGES_FILE)
        sign(out)
        with pytest.raises(
            ArtifactError, match=r"passages\.safetensors has a passage outside of its text, row 2"
        ):
            check_whole(Artifact.open(out))
