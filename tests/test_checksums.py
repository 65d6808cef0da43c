"""What a start compares: the checksum of the manifest's fields, and of every file that it can afford to read."""

from __future__ import annotations

import json
import random
import shutil
import zlib
from pathlib import Path

import pytest
from exports import flip_bit
from unsigned import unsign

from handler.artifact import ENCODER_FILES, Artifact
from handler.checksums import affordable, fields_crc32, file_crc32
from handler.encoder import Encoder
from handler.errors import ArtifactError
from handler.searcher import Searcher


@pytest.fixture
def own(tiny_artifact: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(tiny_artifact, tmp_path / "own"))


def test_the_smallest_files_come_first() -> None:
    sizes = {"a": 5, "b": 3, "c": 90, "d": 3, "e": 0}
    assert affordable(sizes, 11) == ["e", "b", "d", "a"]
    assert affordable(sizes, 10) == ["e", "b", "d"]
    assert affordable(sizes) == ["e", "b", "d", "a", "c"]
    assert affordable({}) == []


def test_a_files_checksum_is_zlibs(tmp_path: Path) -> None:
    for size in (0, 1, 2**18 - 1, 2**18, 2**18 + 1, 700_000):
        data = random.Random(size).randbytes(size)
        (tmp_path / "x").write_bytes(data)
        assert file_crc32(tmp_path / "x") == zlib.crc32(data)


def test_fields_have_one_checksum_in_any_order() -> None:
    fields = {"b": [1, 2.5, None], "a": "é", "manifest_crc32": 7}
    canonical = b'{"a":"\\u00e9","b":[1,2.5,null]}'
    assert fields_crc32(fields) == fields_crc32(dict(reversed(fields.items()))) == zlib.crc32(canonical)


def test_an_export_writes_them(tiny_artifact: Path) -> None:
    fields = json.loads((tiny_artifact / "manifest.json").read_bytes())
    # All of a small artifact is compared, but what no start reads.
    assert set(fields["files_crc32"]) == set(fields["files"]) - {"documents.tokens.npy"}
    assert fields["manifest_crc32"] == fields_crc32(fields)


def test_a_flipped_bit_of_any_file_is_told_with_both_checksums(own: Path) -> None:
    for name, expected in (Artifact.open(own).manifest.files_crc32 or {}).items():
        flip_bit(own / name, -1)
        found = zlib.crc32((own / name).read_bytes())
        with pytest.raises(ArtifactError) as refused:
            Searcher.load(own)
        assert str(refused.value) == (
            f"{own / name} has the checksum {found}, its manifest says {expected}: copy it again, or run `seeklet export` again"
        )
        flip_bit(own / name, -1)
    assert Searcher.load(own).search("storm", 1)


def test_an_encoder_alone_compares_its_own_files(own: Path) -> None:
    flip_bit(own / "documents.jsonl", -2)
    Encoder.load(own)
    Artifact.open_encoder(own)
    for name in ENCODER_FILES[:3]:
        flip_bit(own / name, -1)
        for load in (Encoder.load, Artifact.open_encoder):
            with pytest.raises(ArtifactError, match=f"{name} has the checksum"):
                load(own)
        flip_bit(own / name, -1)


@pytest.mark.parametrize(
    ("change", "damaged"),
    [('"query_prompt": ""', '"query_prompt": "x"'), ('"share": 0.5', '"share": 0.4'), ('"mean"', '"max"')],
)
def test_a_changed_field_is_told(own: Path, change: str, damaged: str) -> None:
    path = own / "manifest.json"
    text = path.read_text()
    assert change in text
    path.write_text(text.replace(change, damaged, 1))
    with pytest.raises(
        ArtifactError, match=r"manifest\.json has the checksum \d+, it says \d+: copy it again, or run"
    ):
        Artifact.open(own)


def test_spaces_and_order_change_nothing(own: Path) -> None:
    path = own / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()), sort_keys=True))
    assert Searcher.load(own).search("storm", 1)


def test_older_artifacts_have_none_and_load(own: Path) -> None:
    unsign(own)
    flip_bit(own / "documents.jsonl", -4)
    assert Searcher.load(own).search("storm", 1)
