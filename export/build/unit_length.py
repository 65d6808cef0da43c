"""Whether vectors have length 1, as cosines by a dot product need them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from handler.errors import VerifyError

# How far from 1 a float32 vector's length may be. Rounding makes a difference of less than a millionth.
UNIT_TOLERANCE = 1e-3
# The same for vectors that were stored as float16 or int8.
ROUNDED_TOLERANCE = 0.02


def check_unit_length(
    vectors: NDArray[np.floating[Any]], first: int, tolerance: float = UNIT_TOLERANCE
) -> None:
    """Raises VerifyError for the first vector that isn't finite or not of length 1; `first` is the row of vectors[0]."""
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(vectors, axis=1)
    # With `not <=` instead of `>`, NaN counts as wrong.
    wrong = np.flatnonzero(~(np.abs(lengths - 1) <= tolerance))
    if wrong.size:
        length = lengths[wrong[0]]
        remedy = "it is damaged: run the export again with --force"
        if length == 0:
            # A Dense layer with ReLU may give only zeros, above all in the few first dimensions.
            remedy = (
                "the model makes nothing of its text: keep more dimensions (--dim), or leave the text out"
            )
        raise VerifyError(
            f"the vector of row {first + wrong[0]} (counted from 0) has the length {length:.4g}, not 1, so {remedy}"
        )
