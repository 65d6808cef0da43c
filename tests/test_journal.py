"""The journal: what was appended comes back, whole rows only, under its recipe only."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from export.build.journal import KEY_BYTES, RECORD, Journal

DIM = 3
RECIPE = "ab" * 32
OTHER = "cd" * 32
# Zeros at either end, which some of numpy's types would lose.
KEYS = [bytes([row]) + b"\0" * (KEY_BYTES - 1) for row in range(5)]
TOKENS = np.array([4, -9, 300, 3, -512], np.int16)
VECTORS = np.arange(5 * DIM, dtype=np.float32).reshape(5, DIM) + np.float32(0.25)


def fill(directory: Path, rows: int = 5) -> None:
    journal = Journal(directory, DIM, RECIPE)
    journal.append(KEYS[:rows], TOKENS[:rows], VECTORS[:rows])
    journal.close()


def content(journal: Journal) -> tuple[list[bytes], list[int], NDArray[np.float32]]:
    records = journal.records()
    return (
        records["key"].tolist(),
        records["tokens"].tolist(),
        journal.rows_source().take(np.arange(journal.rows)),
    )


def reopen(directory: Path) -> tuple[list[bytes], list[int], NDArray[np.float32]]:
    journal = Journal(directory, DIM, RECIPE)
    try:
        return content(journal)
    finally:
        journal.close()


def test_what_was_appended_comes_back(tmp_path: Path) -> None:
    fill(tmp_path, 2)
    journal = Journal(tmp_path, DIM, RECIPE)
    assert journal.rows == 2
    journal.append(KEYS[2:], TOKENS[2:], VECTORS[2:])
    assert journal.rows == 5
    assert journal.rows_source().take(np.array([4, 1])).tobytes() == VECTORS[[4, 1]].tobytes()
    journal.close()
    keys, tokens, vectors = reopen(tmp_path)
    assert (keys, tokens) == (KEYS, TOKENS.tolist())
    assert vectors.tobytes() == VECTORS.tobytes()


@pytest.mark.parametrize(
    ("suffix", "cut", "left"),
    [
        ("records", 1, 4),
        ("records", RECORD.itemsize, 4),
        ("records", RECORD.itemsize + 1, 3),
        ("vectors", 1, 4),
        ("vectors", 4 * DIM + 1, 3),
        ("vectors", 5 * 4 * DIM, 0),
        ("records", -7, 5),  # longer: a torn record after the last whole one
        ("vectors", -7, 5),
    ],
)
def test_a_torn_tail_is_cut_off_and_written_over(tmp_path: Path, suffix: str, cut: int, left: int) -> None:
    fill(tmp_path)
    (path,) = tmp_path.glob(f"*.{suffix}")
    os.truncate(path, path.stat().st_size - cut)
    keys, tokens, vectors = reopen(tmp_path)
    assert (keys, tokens) == (KEYS[:left], TOKENS[:left].tolist())
    assert vectors.tobytes() == VECTORS[:left].tobytes()
    journal = Journal(tmp_path, DIM, RECIPE)
    journal.append(KEYS, TOKENS, VECTORS)
    journal.close()
    keys, tokens, vectors = reopen(tmp_path)
    assert (keys, tokens) == (KEYS[:left] + KEYS, [*TOKENS[:left].tolist(), *TOKENS.tolist()])
    assert vectors.tobytes() == VECTORS[:left].tobytes() + VECTORS.tobytes()


def test_nothing_is_vouched_for_before_it_is_on_disk(tmp_path: Path) -> None:
    journal = Journal(tmp_path, DIM, RECIPE)
    journal.append(KEYS, TOKENS, VECTORS)
    (records,) = tmp_path.glob("*.records")
    assert records.stat().st_size == 0
    journal.sync()
    (vectors,) = tmp_path.glob("*.vectors")
    assert (records.stat().st_size, vectors.stat().st_size) == (5 * RECORD.itemsize, VECTORS.nbytes)
    journal.close()


def test_another_recipe_starts_anew(tmp_path: Path) -> None:
    fill(tmp_path)
    # Of fewer dimensions: read as this journal's, its vectors would be cut in the wrong places.
    other = Journal(tmp_path, DIM - 1, OTHER)
    assert other.rows == 0
    other.append(KEYS[:4], TOKENS[:4], VECTORS[:4, 1:])
    other.close()
    keys, tokens, vectors = reopen(tmp_path)
    assert (keys, tokens, vectors.shape) == ([], [], (0, DIM))


def test_fresh_forgets(tmp_path: Path) -> None:
    fill(tmp_path)
    journal = Journal(tmp_path, DIM, RECIPE, fresh=True)
    assert journal.rows == 0
    journal.close()
    journal.delete()
    assert list(tmp_path.iterdir()) == []
