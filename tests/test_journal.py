"""The journal: what was appended comes back, whole rows only, under its recipe only."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from exports import flip_bit
from numpy.typing import NDArray

from export.build.journal import KEY_BYTES, RECORD, Journal, is_journal_file
from export.build.token_counts import TokenCounts

DIM = 3
RECIPE = "ab" * 32
OTHER = "cd" * 32
# Zeros at either end, which some of numpy's types would lose.
KEYS = [bytes([row]) + b"\0" * (KEY_BYTES - 1) for row in range(5)]
COUNTS = TokenCounts(np.array([4, 9, 300, 3, 512], np.int16), np.array([False, True, False, False, True]))
VECTORS = np.arange(5 * DIM, dtype=np.float32).reshape(5, DIM) + np.float32(0.25)


def counts(rows: slice) -> TokenCounts:
    return TokenCounts(COUNTS.tokens[rows], COUNTS.truncated[rows])


def fill(directory: Path, rows: int = 5) -> None:
    with Journal(directory, DIM, RECIPE) as journal:
        journal.append(KEYS[:rows], counts(slice(rows)), VECTORS[:rows])


def pairs(given: TokenCounts) -> list[tuple[int, bool]]:
    return list(zip(given.tokens.tolist(), given.truncated.tolist(), strict=True))


def reopen(directory: Path) -> tuple[dict[bytes, int], list[tuple[int, bool]], NDArray[np.float32]]:
    """The rows by key, the token counts and the vectors."""
    with Journal(directory, DIM, RECIPE) as journal:
        return journal.find_whole(), pairs(journal.token_counts()), np.array(journal.embeddings().rows)


def rows_of(keys: list[bytes]) -> dict[bytes, int]:
    return {key: row for row, key in enumerate(keys)}


def test_what_was_appended_comes_back(tmp_path: Path) -> None:
    fill(tmp_path, 2)
    with Journal(tmp_path, DIM, RECIPE) as journal:
        assert (journal.rows, journal.appended) == (2, 0)
        journal.append(KEYS[2:], counts(slice(2, None)), VECTORS[2:])
        assert (journal.rows, journal.appended) == (5, 3)
        assert journal.embeddings().rows[[4, 1]].tobytes() == VECTORS[[4, 1]].tobytes()
    found, read, vectors = reopen(tmp_path)
    assert (found, read) == (rows_of(KEYS), pairs(COUNTS))
    assert vectors.tobytes() == VECTORS.tobytes()


@pytest.mark.parametrize("place", range(RECORD.itemsize))
def test_a_damaged_record_is_not_found(tmp_path: Path, place: int) -> None:
    """Whichever of its bytes it is: key, token count, truncated or checksum."""
    fill(tmp_path)
    (records,) = tmp_path.glob("*.records")
    flip_bit(records, 2 * RECORD.itemsize + place)
    found, _, _ = reopen(tmp_path)
    assert found == {key: row for key, row in rows_of(KEYS).items() if row != 2}


@pytest.mark.parametrize("place", range(DIM * 4))
def test_a_record_of_a_damaged_vector_is_not_found(tmp_path: Path, place: int) -> None:
    fill(tmp_path)
    (vectors,) = tmp_path.glob("*.vectors")
    flip_bit(vectors, 3 * DIM * 4 + place)
    found, _, _ = reopen(tmp_path)
    assert found == {key: row for key, row in rows_of(KEYS).items() if row != 3}


def test_swapped_vectors_are_not_found(tmp_path: Path) -> None:
    fill(tmp_path)
    (vectors,) = tmp_path.glob("*.vectors")
    vectors.write_bytes(VECTORS[[0, 2, 1, 3, 4]].tobytes())
    found, _, _ = reopen(tmp_path)
    assert sorted(found.values()) == [0, 3, 4]


def test_a_journal_of_the_first_version_is_removed(tmp_path: Path) -> None:
    """Its records have no checksum, and another size."""
    for suffix in ("records", "vectors"):
        name = f"journal.{RECIPE[:16]}.{suffix}"
        assert is_journal_file(name)
        (tmp_path / name).write_bytes(bytes(360))
    (tmp_path / "journal.of-my-travels.records").write_text("mine")
    fill(tmp_path, 1)
    found, _, _ = reopen(tmp_path)
    assert found == {KEYS[0]: 0}
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        f"journal.{RECIPE[:16]}.v2.records",
        f"journal.{RECIPE[:16]}.v2.vectors",
        "journal.of-my-travels.records",
    ]


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
    found, read, vectors = reopen(tmp_path)
    assert (found, read) == (rows_of(KEYS[:left]), pairs(counts(slice(left))))
    assert vectors.tobytes() == VECTORS[:left].tobytes()
    with Journal(tmp_path, DIM, RECIPE) as journal:
        journal.append(KEYS, COUNTS, VECTORS)
    found, read, vectors = reopen(tmp_path)
    assert found == {key: left + row for row, key in enumerate(KEYS)}
    assert read == pairs(counts(slice(left))) + pairs(COUNTS)
    assert vectors.tobytes() == VECTORS[:left].tobytes() + VECTORS.tobytes()


def test_nothing_is_vouched_for_before_it_is_on_disk(tmp_path: Path) -> None:
    journal = Journal(tmp_path, DIM, RECIPE)
    journal.append(KEYS, COUNTS, VECTORS)
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
    other.append(KEYS[:4], counts(slice(4)), VECTORS[:4, 1:])
    other.close()
    found, read, vectors = reopen(tmp_path)
    assert (found, read, vectors.shape) == ({}, [], (0, DIM))


def test_fresh_forgets(tmp_path: Path) -> None:
    fill(tmp_path)
    journal = Journal(tmp_path, DIM, RECIPE, fresh=True)
    assert journal.rows == 0
    journal.close()
    journal.delete()
    assert list(tmp_path.iterdir()) == []


def test_how_often_it_is_put_on_disk(tmp_path: Path) -> None:
    with Journal(tmp_path, DIM, RECIPE, sync_seconds=0) as journal:
        journal.append(KEYS, COUNTS, VECTORS)
        (records,) = tmp_path.glob("*.records")
        assert records.stat().st_size == 5 * RECORD.itemsize
