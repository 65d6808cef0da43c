"""Rows that pass a filter: as a mask, and as their numbers where a search needs them."""

from __future__ import annotations

import functools

import numpy as np
from numpy.typing import NDArray


class Passing:
    """The rows that a search may find. Not to be changed."""

    def __init__(self, mask: NDArray[np.bool_]) -> None:
        """Takes which rows pass, (rows,)."""
        self.mask = mask

    @functools.cached_property
    def count(self) -> int:
        """How many rows pass."""
        return int(np.count_nonzero(self.mask))

    @functools.cached_property
    def rows(self) -> NDArray[np.int64]:
        """The rows that pass, ascending."""
        return self.mask.nonzero()[0]

    @property
    def are_many(self) -> bool:
        """Whether it is faster to leave the other rows out than to pick these."""
        return self.count * MANY >= len(self.mask)


# To pick a row takes so many times as long as to look whether it passes.
MANY = 4
