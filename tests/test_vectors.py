"""embeddings.safetensors against the safetensors package, and the handler's reader."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from export.build.vectors import ALIGNMENT, write_embeddings
from handler.scores import Embeddings

MATRIX = np.random.default_rng(0).standard_normal((23, 7)).astype(np.float32)


def in_chunks(size: int) -> list[np.ndarray[tuple[int, int], np.dtype[np.float32]]]:
    return [MATRIX[start : start + size] for start in range(0, len(MATRIX), size)]


@pytest.mark.parametrize("dtype", ["float32", "float16"])
def test_safetensors_reads_what_was_written(tmp_path: Path, dtype: str) -> None:
    path = tmp_path / "e.safetensors"
    write_embeddings(path, in_chunks(10), 23, 7, dtype)
    tensors = load_file(path)
    assert list(tensors) == ["embeddings"]
    assert tensors["embeddings"].dtype == dtype
    assert tensors["embeddings"].tobytes() == MATRIX.astype(dtype).tobytes()


def test_int8_is_within_half_a_step(tmp_path: Path) -> None:
    path = tmp_path / "e.safetensors"
    write_embeddings(path, in_chunks(10), 23, 7, "int8")
    tensors = load_file(path)
    codes, scales = tensors["embeddings"], tensors["scales"]
    assert (codes.dtype, scales.dtype, scales.shape) == (np.int8, np.float32, (23,))
    # Rounded up to 16 bits, so that no code needs more than 127 steps.
    np.testing.assert_allclose(scales, np.abs(MATRIX).max(axis=1) / 127, rtol=2**-15)
    assert (scales >= np.abs(MATRIX).max(axis=1) / np.float32(127)).all()
    error = np.abs(codes.astype(np.float64) * scales[:, None] - MATRIX)
    assert (error <= scales[:, None] * 0.5001).all()
    assert (np.abs(codes).max(axis=1) == 127).all()


@pytest.mark.parametrize("factor", [1, 1e-20, 1e20, 0.3333])
def test_rows_that_were_read_are_written_as_they_were(tmp_path: Path, factor: float) -> None:
    rng = np.random.default_rng(0)
    rows = (factor * rng.standard_normal((500, 40))).astype(np.float32)
    path = tmp_path / "e.safetensors"
    write_embeddings(path, [rows], 500, 40, "int8")
    before = path.read_bytes()
    stored = load_file(path)
    values = stored["embeddings"].astype(np.float32) * stored["scales"][:, None]
    exact = stored["embeddings"].astype(np.float64) * stored["scales"][:, None].astype(np.float64)
    assert (values == exact).all()
    write_embeddings(path, [values], 500, 40, "int8")
    assert path.read_bytes() == before


def test_a_row_of_zeros_stays_zero(tmp_path: Path) -> None:
    path = tmp_path / "e.safetensors"
    write_embeddings(path, [np.zeros((1, 4), np.float32)], 1, 4, "int8")
    tensors = load_file(path)
    assert not tensors["embeddings"].any()
    assert np.isfinite(tensors["scales"]).all()


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_the_chunks_leave_no_trace(tmp_path: Path, dtype: str) -> None:
    written = []
    for size in (1, 7, 100):
        path = tmp_path / f"{size}.safetensors"
        write_embeddings(path, in_chunks(size), 23, 7, dtype)
        written.append(path.read_bytes())
    assert written[0] == written[1] == written[2]
    assert (8 + int.from_bytes(written[0][:8], "little")) % ALIGNMENT == 0


def test_the_handler_reads_what_was_written(tmp_path: Path) -> None:
    write_embeddings(tmp_path / "embeddings.safetensors", in_chunks(10), 23, 7, "float32")
    stored = Embeddings.load(tmp_path, 23, 7)
    wanted = np.array([22, 0, 0, 13])
    assert stored.rows.take(wanted, 0).tobytes() == MATRIX[wanted].tobytes()
    # Once more, after the pages were given back.
    stored.let_go()
    assert stored.rows.take(wanted, 0).tobytes() == MATRIX[wanted].tobytes()
