"""The scan and the embeddings as files: the bound holds, and damage is told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import save_file
from vector_corpora import FORMS, clustered, corpora, load_index, write

from export.build.write_scan import write_scan
from handler.artifact import SCAN_BOUND_FILE, SCAN_FILES, SCAN_MATRIX_FILE, SCAN_MODEL_FILE
from handler.bound import Scan
from handler.errors import ArtifactError
from handler.safetensors import read_safetensors
from handler.scores import Embeddings

F32 = NDArray[np.float32]


@pytest.mark.parametrize("form", FORMS[1:])
@pytest.mark.parametrize(
    "name",
    ["clustered", "random", "one huge dimension", "not normalised", "dead dimensions", "antipodal pairs"],
)
def test_no_row_scores_above_its_bound(name: str, form: str, tmp_path: Path) -> None:
    rows = corpora()[name]
    write(tmp_path, rows, form)
    scan = Scan.load(tmp_path, *rows.shape)
    codes = np.empty((1, scan.columns), np.uint8)
    rng = np.random.default_rng(4)
    # The worst queries lie along a row's rounding error, where Cauchy and Schwarz lose nothing.
    unit_of = np.abs(rows).max(0).clip(1e-9) / 127
    errors = rows[:200] - np.rint(rows[:200] / unit_of) * unit_of
    queries = np.concatenate(
        [
            rows[:50],
            -rows[:50],
            errors.astype(np.float32),
            rng.standard_normal((50, rows.shape[1])).astype(np.float32),
        ]
    )
    exact = queries.astype(np.float64) @ rows.T.astype(np.float64)
    for query, scores in zip(queries, exact, strict=True):
        bound = scan.encode(query, codes[0])
        assert bound is not None
        assert (bound.unit * scan.sums(codes)[0, : len(rows)] + bound.slack >= scores).all()


def test_the_tail_is_rounded_up(tmp_path: Path) -> None:
    rows, queries = clustered(), clustered(50, seed=11)
    write(tmp_path, rows, "rotated")
    tensors = read_safetensors(tmp_path / SCAN_BOUND_FILE)
    factors = tensors["factors"].astype(np.float64)
    head, groups = tensors["sizes"][2:].tolist()
    unit_of_factors = tensors["limits"][0]

    def norms(vectors: F32, columns: NDArray[np.float64]) -> NDArray[np.float64]:
        parts = (vectors.astype(np.float64) @ columns).reshape(len(vectors), groups, -1)
        lengths: NDArray[np.float64] = np.sqrt(np.vecdot(parts, parts))
        return lengths

    # The rotation's own columns have length 1, so a factor's length is its column's unit.
    units = np.linalg.norm(factors, axis=0)
    codes = np.fromfile(tmp_path / SCAN_MATRIX_FILE, np.int8).reshape(head + groups, -1)[head:, : len(rows)]
    steps = units[head:].reshape(groups, -1)[:, 0] * unit_of_factors
    assert (codes.T * steps * 1.000001 >= norms(rows, factors[:, head:] / units[head:])).all()
    scan = Scan.load(tmp_path, *rows.shape)
    coded = np.empty(scan.columns, np.uint8)
    for query in queries:
        bound = scan.encode(query, coded)
        assert bound is not None
        weights = (coded[head:].astype(int) - 64) * bound.unit
        assert (weights * 1.000001 >= norms(query[None], factors[:, head:])[0] * unit_of_factors).all()


def test_small_corpora_have_no_scan(tmp_path: Path) -> None:
    rows = clustered(100)
    save_file({"embeddings": rows}, tmp_path / "embeddings.safetensors")
    write_scan(Embeddings(rows), tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["embeddings.safetensors"]


def test_a_scan_is_replaced_and_is_the_same_bytes_again(tmp_path: Path) -> None:
    files = SCAN_FILES
    rows = clustered()
    write(tmp_path, rows, "rotated")
    first = [(tmp_path / name).read_bytes() for name in files]
    write(tmp_path, rows, "own columns")
    assert [(tmp_path / name).read_bytes() for name in files] != first
    write(tmp_path, rows, "rotated")
    assert [(tmp_path / name).read_bytes() for name in files] == first
    write(tmp_path, rows, "none")
    assert not any((tmp_path / name).exists() for name in files)


def load_checked(directory: Path, rows: F32, crc32: dict[str, int]) -> Scan:
    count, dim = rows.shape
    return Scan.load(directory, count, dim, crc32=crc32)


@pytest.mark.parametrize("form", FORMS[1:])
def test_a_flipped_bit_of_the_matrix_is_told(form: str, tmp_path: Path) -> None:
    rows = clustered(640, 64)
    write(tmp_path, rows, form)
    crc32 = Scan.load(tmp_path, *rows.shape).checksums(tmp_path)
    path = tmp_path / SCAN_MATRIX_FILE
    whole = path.read_bytes()
    rng = np.random.default_rng(8)
    # 640 rows are five times 128, so every byte is some row's.
    for bit in rng.integers(0, 8 * len(whole), 300).tolist():
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with pytest.raises(ArtifactError, match=r"has the checksums .*, its manifest says .*: copy it again"):
            load_checked(tmp_path, rows, crc32)
    path.write_bytes(whole)
    assert load_checked(tmp_path, rows, crc32).checksums(tmp_path) == crc32


@pytest.mark.parametrize("form", FORMS[1:])
def test_a_flipped_bit_of_the_bound_is_told(form: str, tmp_path: Path) -> None:
    rows = clustered(640, 64)
    write(tmp_path, rows, form)
    crc32 = Scan.load(tmp_path, *rows.shape).checksums(tmp_path)
    path = tmp_path / SCAN_BOUND_FILE
    whole = path.read_bytes()
    for bit in np.random.default_rng(9).integers(0, 8 * len(whole), 300).tolist():
        flipped = bytearray(whole)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(flipped)
        with pytest.raises(ArtifactError, match=f"{SCAN_BOUND_FILE}|has the checksums"):
            load_checked(tmp_path, rows, crc32)


def test_a_flipped_bit_drops_a_hit_where_there_are_no_checksums(tmp_path: Path) -> None:
    """What the checksums are for: the best row's greatest code changes its sign, and the row is never looked at."""
    rows = clustered(640, 64)
    write(tmp_path, rows, "own columns")
    path = tmp_path / SCAN_MATRIX_FILE
    codes = np.fromfile(path, np.int8).reshape(64, -1)
    crc32 = Scan.load(tmp_path, *rows.shape).checksums(tmp_path)
    lost = 0
    for row in range(0, 640, 40):
        column = int(np.abs(codes[:, row].astype(int) * np.abs(rows).max(0)).argmax())
        flipped = codes.copy()
        flipped[column, row] ^= np.int8(-128)
        flipped.tofile(path)
        found = load_index(tmp_path, *rows.shape).search(rows[row : row + 1], 1)
        lost += found.ids[0, 0] != row
        with pytest.raises(ArtifactError, match="has the checksums"):
            load_checked(tmp_path, rows, crc32)
    assert lost > 0


def test_sizes_that_disagree(tmp_path: Path) -> None:
    rows = clustered(1000, 32)
    write(tmp_path, rows, "own columns")
    with pytest.raises(
        ArtifactError, match=r"\(1000, 32\), the manifest says \(999, 32\): run `seeklet export` again"
    ):
        load_index(tmp_path, 999, 32)
    with pytest.raises(ArtifactError, match=r"\(1000, 32\), the manifest says \(1000, 64\)"):
        load_index(tmp_path, 1000, 64)
    save_file({"embeddings": rows[:900]}, tmp_path / "embeddings.safetensors")
    with pytest.raises(ArtifactError, match="made for 1000 rows of 32, not 900 of 32"):
        load_index(tmp_path, 900, 32)


@pytest.mark.parametrize("kept", [0, 5, 60, 1000, -1])
@pytest.mark.parametrize("name", ["embeddings.safetensors", SCAN_BOUND_FILE, SCAN_MATRIX_FILE])
def test_truncated(name: str, kept: int, tmp_path: Path) -> None:
    rows = clustered(1000, 32)
    write(tmp_path, rows, "own columns")
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[:kept] if name != SCAN_BOUND_FILE or kept <= 60 else data[:-1])
    with pytest.raises(ArtifactError, match=rf"{name}.*run `seeklet export` again"):
        load_index(tmp_path, 1000, 32)


@pytest.mark.parametrize(
    "name", ["embeddings.safetensors", SCAN_BOUND_FILE, SCAN_MATRIX_FILE, SCAN_MODEL_FILE]
)
def test_missing(name: str, tmp_path: Path) -> None:
    write(tmp_path, clustered(1000, 32), "own columns")
    (tmp_path / name).unlink()
    with pytest.raises(ArtifactError, match=rf"{name}.*run `seeklet export` again"):
        load_index(tmp_path, 1000, 32)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("{", "damaged header"),
        ("[]", "damaged header"),
        ('{"embeddings": {"dtype": "F32", "shape": [2, 2]}}', "damaged header"),
        ('{"embeddings": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}}', "is 'BF16'"),
        (
            '{"embeddings": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 8]}}',
            "needs 16 bytes, its offsets give 8",
        ),
        ('{"embeddings": {"dtype": "F32", "shape": [-2, -2], "data_offsets": [0, 16]}}', "shape"),
        ('{"embeddings": {"dtype": "F32", "shape": [2, 2], "data_offsets": [8, 24]}}', "should end at"),
        ('{"other": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}', "no tensor 'embeddings'"),
        ('{"embeddings": {"dtype": "F64", "shape": [2, 1], "data_offsets": [0, 16]}}', "float64|shape"),
        (
            '{"embeddings": {"dtype": "I8", "shape": [2, 2], "data_offsets": [0, 4]}}',
            r"embeddings\.safetensors holds int8 embeddings without scales",
        ),
    ],
)
def test_damaged_header(header: str, message: str, tmp_path: Path) -> None:
    data = len(header).to_bytes(8, "little") + header.encode() + bytes(16)
    (tmp_path / "embeddings.safetensors").write_bytes(data)
    with pytest.raises(ArtifactError, match=message):
        Embeddings.load(tmp_path, 2, 2)


@pytest.mark.parametrize("scale", [np.nan, np.inf, -1])
def test_a_scale_that_is_no_scale(scale: float, tmp_path: Path) -> None:
    tensors: dict[str, NDArray[np.generic]] = {
        "embeddings": np.ones((2, 2), np.int8),
        "scales": np.array([0.5, scale], np.float32),
    }
    save_file(tensors, tmp_path / "embeddings.safetensors")
    with pytest.raises(ArtifactError, match=r"embeddings\.safetensors holds a scale that is no number"):
        Embeddings.load(tmp_path, 2, 2)


def test_reads_what_safetensors_writes(tmp_path: Path) -> None:
    tensors: dict[str, NDArray[np.generic]] = {
        "a": np.arange(6, dtype=np.float32).reshape(2, 3),
        "b": np.array(7, np.int64),
        "c": np.empty((0, 3), np.int8),
    }
    save_file(tensors, tmp_path / "t.safetensors", {"note": json.dumps("text")})
    found = read_safetensors(tmp_path / "t.safetensors")
    for name, tensor in tensors.items():
        np.testing.assert_array_equal(found[name], tensor)
        assert found[name].dtype == tensor.dtype
