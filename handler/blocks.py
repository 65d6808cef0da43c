"""The search of one query by its sums: candidates give a threshold, survivors reach it, and only they are scored.

The sums are those of every row. With a filter that few rows pass, they are those of these rows, laid side by side; where
many pass, the others' sums are the least number that there is.

    rows that pass        3      7      8     11   ...       ascending
    place                 0      1      2      3   ...
    sum                 sums   sums   sums   sums  ...       taken from every row's sums

Place h * blocks + b lies in block b, so that a maximum over a block runs along the memory:

    block       0       1       2    ...
    h = 0    place 0  place 1  place 2  ...
    h = 1    place B  place B+1   ...             B = number of blocks

docs/exact-search.md has the proof. This module multiplies nothing: bound.py gives the sums, blend.py raises and weighs them.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from handler.blend import Blend, Scored
from handler.bound import NO_ROW, PADDING, Bound
from handler.named import NamedTuple
from handler.passing import Passing

# To pick out and score one survivor costs as much as to score this many rows one after another.
SURVIVOR_COST = 8
# With fewer blocks for each hit, the k best rows would share blocks, and the threshold would fall.
BLOCKS_PER_HIT = 8
# With fewer rows in a block than this, the blocks' maxima save no work.
LEAST_HEIGHT = 4
# Up to this many sums, it is faster to compare every sum than to look at the blocks first.
FEW_SUMS = 50_000


class Best(NamedTuple):
    """One query's best rows, (k,) each."""

    ids: NDArray[np.int64]
    scored: Scored


class Sums(NamedTuple):
    """One query's sums: of every row, and of those that are searched, in blocks.

    every  (rows or more,) int32, raised by the keywords
    blocks (height, blocks) int32: the same, or those of the rows that pass a filter
    rows   (m,) int64 ascending: the row at each place of the blocks; None where a place is a row
    """

    every: NDArray[np.int32]
    blocks: NDArray[np.int32]
    rows: NDArray[np.int64] | None

    @classmethod
    def of(
        cls, every: NDArray[np.int32], count: int, k: int, passing: Passing | None, candidates: int
    ) -> Sums:
        """Lays the sums of `count` rows in blocks, for k hits and some candidates; `block_height` must not be 0."""
        if passing is None:
            return cls(every, every.reshape(block_height(count, k), -1), None)
        if passing.are_many:
            left = every.copy()
            leave_out(left[:count], passing.mask)
            blocks = left.reshape(block_height(count, k), -1)
            # Each candidate must be a row that passes.
            if np.count_nonzero(np.maximum.reduce(blocks) > NO_ROW) >= candidates:
                return cls(every, blocks, None)
        picked = np.full(-(-passing.count // PADDING) * PADDING, NO_ROW, np.int32)
        every.take(passing.rows, out=picked[: passing.count], mode="clip")
        return cls(every, picked.reshape(block_height(passing.count, k), -1), passing.rows)

    def ids(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Returns the rows at some places."""
        return places if self.rows is None else self.rows[places]


def leave_out(sums: NDArray[np.int32], mask: NDArray[np.bool_]) -> None:
    """Writes the least int32 over the sums of the rows that don't pass. (n,), (n,).

    By bits: a processor guesses each branch of np.copyto's, and takes ten times as long where rows pass at random.
    """
    kept = np.negative(mask.view(np.int8)).astype(np.int32)  # every bit where a row passes, none elsewhere
    sums &= kept
    np.invert(kept, out=kept)
    kept &= NO_ROW
    sums |= kept


def block_height(count: int, k: int) -> int:
    """Returns how many places share a block, a power of two up to PADDING; 0 where blocks save no work."""
    height = min(PADDING, count // (BLOCKS_PER_HIT * k))
    return 0 if height < LEAST_HEIGHT else 1 << (height.bit_length() - 1)


def search_blocks(blend: Blend, k: int, candidates: int, bound: Bound, sums: Sums, most: int) -> Best | None:
    """Finds the k best rows by one query's sums; returns None where more than `most` rows survive."""
    highest = np.maximum.reduce(sums.blocks)
    threshold = _threshold(blend, k, candidates, bound, sums, highest)
    if not math.isfinite(threshold):
        return None
    # A row whose sum is less than this can't reach the threshold. A place without a row never does.
    least = max(blend.least_sum(bound, threshold), NO_ROW + 1)
    survivors = sums.ids(_at_least(least, sums.blocks, highest))
    # Fewer than k survive only where the scan is damaged: the k rows that gave the threshold reach it.
    if len(survivors) < k or len(survivors) > most:
        return None
    scored = blend.scores(survivors)
    # In ascending order, so the stable sort leaves ties by lower id.
    order = (-scored.scores).argsort(kind="stable")[:k]
    return Best(survivors[order], scored.take(order))


def _threshold(
    blend: Blend, k: int, candidates: int, bound: Bound, sums: Sums, highest: NDArray[np.int32]
) -> float:
    """Returns a number that the k best of the candidates reach; these are the best rows of the highest blocks.

    Each of the k best rows that are searched scores at least as much. A block of padding alone has no candidate: there
    are more than `candidates` blocks with a row.
    """
    blocks = sums.blocks.shape[1]
    first = highest.argpartition(blocks - candidates)[blocks - candidates :]
    places = sums.blocks.take(first, 1).argmax(0) * blocks + first
    estimates = blend.estimate(sums.ids(places), bound, sums.every)
    estimates.partition(candidates - k)
    return blend.reached(float(estimates[candidates - k]), bound)


def _at_least(least: int, sums: NDArray[np.int32], highest: NDArray[np.int32]) -> NDArray[np.int64]:
    """Finds the places whose sum reaches least, in ascending order."""
    blocks = sums.shape[1]
    if sums.size > FEW_SUMS:
        alive = (highest >= least).nonzero()[0]
        if 2 * len(alive) < blocks:
            # Only these blocks can hold such a place. Places of `found` are in (height, alive), of ids in (height, blocks).
            found = (sums.take(alive, 1) >= least).ravel().nonzero()[0]
            h, column = np.divmod(found, len(alive))
            ids: NDArray[np.int64] = h * blocks + alive[column]
            return ids
    return (sums.ravel() >= least).nonzero()[0]
