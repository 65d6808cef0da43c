"""The record of a conversion: every damage to its files is found."""

from __future__ import annotations

from pathlib import Path

import pytest

from export.model.conversion import FILES, RECORD_FILE, Conversion


@pytest.fixture
def made(tmp_path: Path) -> Conversion:
    for name in FILES:
        (tmp_path / name).write_text(name)
    conversion = Conversion(tmp_path, "unfused")
    conversion.save()
    return conversion


def test_what_was_saved_is_loaded(made: Conversion) -> None:
    assert Conversion.load(made.folder) == made


@pytest.mark.parametrize("name", [*FILES, RECORD_FILE])
def test_a_missing_file(made: Conversion, name: str) -> None:
    (made.folder / name).unlink()
    assert Conversion.load(made.folder) is None


@pytest.mark.parametrize("name", FILES)
def test_one_bit(made: Conversion, name: str) -> None:
    data = bytearray((made.folder / name).read_bytes())
    data[-1] ^= 1
    (made.folder / name).write_bytes(data)
    assert Conversion.load(made.folder) is None


@pytest.mark.parametrize(
    "record",
    [
        b"",
        b"\xff",
        b"[" * 100_000,
        b"[]",
        b"{}",
        b'{"graph": "fused", "files": {}}',
        b'{"graph": "fused", "files": ["model.onnx"]}',
    ],
)
def test_a_damaged_record(made: Conversion, record: bytes) -> None:
    (made.folder / RECORD_FILE).write_bytes(record)
    assert Conversion.load(made.folder) is None


@pytest.mark.parametrize("graph", ['"fussed"', "null", "[]", "{}"])
def test_a_record_of_an_unknown_graph(made: Conversion, graph: str) -> None:
    path = made.folder / RECORD_FILE
    path.write_text(path.read_text().replace('"unfused"', graph))
    assert Conversion.load(made.folder) is None


def test_no_folder(tmp_path: Path) -> None:
    assert Conversion.load(tmp_path / "nothing") is None
