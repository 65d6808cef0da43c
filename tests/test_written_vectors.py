"""Vectors as JSON: each number is the shortest that is that float32, as the JSON of a list of numbers would have it."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from handler.routes.vectors import with_vector, write_vector

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.lists(FLOATS, min_size=1, max_size=40))
def test_a_vector_is_written_as_its_shortest_numbers(numbers: list[float]) -> None:
    vector = np.array(numbers, np.float32)
    written = write_vector(vector)
    read = json.loads(written)
    assert np.array_equal(np.array(read, np.float32), vector)
    # Python's own form of each number, by way of numpy's text for one float32.
    assert read == [float(str(number)) for number in vector]
    assert b" " not in written


@pytest.mark.parametrize(
    "number", [1.1754944e-38, -1.1754944e-38, -1e-45, -3.4028235e38, -0.000012345679, -0.0]
)
def test_the_longest_numbers_are_not_cut(number: float) -> None:
    vector = np.array([number, 0.1], np.float32)
    assert write_vector(vector) == f"[{vector[0]!s},0.1]".encode()


def test_half_precision_has_no_digits_of_a_longer_type() -> None:
    assert write_vector(np.array([0.1, -2], np.float16)) == b"[0.1,-2.0]"


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
def test_what_json_cannot_hold_is_refused(number: float) -> None:
    with pytest.raises(ValueError, match="isn't finite"):
        write_vector(np.array([0.1, number], np.float32))


def test_a_vector_is_the_last_member_of_an_object() -> None:
    written = with_vector(b'{"index":0}', "embedding", write_vector(np.array([0.5], np.float32)))
    assert json.loads(written) == {"index": 0, "embedding": [0.5]}
